"""Fields and types, as docs/events.md has them: each test names the rule that it holds."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from support.events import MINIMAL, MONDAY, encode, envelope, event

from meetlat.contract.envelope import RefusedError, read_event
from meetlat.contract.events import EVENT_MODELS, EventData

COMMON_TEXT = ("tool", "use_case", "feature", "team", "segment", "session", "case")


def read(name: str, /, **data: Any) -> EventData:
    found = read_event(event(name, **data)).data
    assert found is not None
    return found


def refused(name: str, /, **data: Any) -> str:
    """The field that is named when this is refused."""
    with pytest.raises(RefusedError) as caught:
        read_event(event(name, **data))
    return caught.value.field


def takes(name: str, field: str, good: list[Any], bad: list[Any], /, **beside: Any) -> None:
    """Each good value is read; each bad one is refused and the field named."""
    for value in good:
        read(name, **{**beside, field: value})
    for value in bad:
        where = refused(name, **{**beside, field: value})
        assert where.split(".")[:2] == ["data", field], value


# --- fields that every event may carry


@pytest.mark.parametrize("name", [name for name in MINIMAL if name != "selection_counts"])
def test_every_type_may_carry_the_common_fields(name: str) -> None:
    common = {field: field for field in COMMON_TEXT}
    rest = {"environment": "test", "user": "u_" + "0" * 32, "attributes": {"plan": "gold"}}
    if name == "review":
        assert read(name, **common, **rest).case == "case"
    found = read(name, **common, **rest)
    assert [getattr(found, field) for field in COMMON_TEXT] == list(COMMON_TEXT)


@pytest.mark.parametrize("name", ["interaction", "escalation", "usage", "probe"])
def test_tool_is_required_where_a_tool_is_measured(name: str) -> None:
    without = {key: value for key, value in MINIMAL[name].items() if key != "tool"}
    with pytest.raises(RefusedError) as caught:
        read_event(encode(envelope(name, data=without)))
    assert caught.value.field == "data.tool"


@pytest.mark.parametrize("name", MINIMAL)
def test_nothing_else_is_required_than_the_minimum(name: str) -> None:
    read(name)
    for field in MINIMAL[name]:
        without = {key: value for key, value in MINIMAL[name].items() if key != field}
        with pytest.raises(RefusedError) as caught:
            read_event(encode(envelope(name, data=without)))
        assert caught.value.field == f"data.{field}"


def test_environment_is_production_unless_said() -> None:
    assert read("usage").environment == "production"
    assert read("usage", environment="test").environment == "test"
    assert refused("usage", environment=None) == "data.environment"


@pytest.mark.parametrize("field", COMMON_TEXT)
def test_text_is_1_to_200_characters_without_control_characters(field: str) -> None:
    takes("usage", field, ["x", "x" * 200, "日" * 200], ["", "x" * 201, "a\tb", "a\x9fb", 1, ["a"]])


def test_attributes_is_a_flat_map_of_at_most_16_short_strings() -> None:
    full = {f"k{number}": "v" for number in range(16)}
    takes(
        "usage",
        "attributes",
        [{}, full, {"k": "x" * 200}],
        [
            {**full, "one": "more"},
            {"k": "x" * 201},
            {"": "v"},
            {"k": 1},
            {"k": {}},
            {"k": "\n"},
            [],
        ],
    )


def test_absent_is_not_zero() -> None:
    found = read("interaction")
    for field in ("duration", "input_tokens", "cost", "output_pages", "streamed"):
        assert getattr(found, field) is None
    assert read("interaction", input_tokens=0, duration=0).input_tokens == 0


def test_null_is_absent() -> None:
    assert read("interaction", duration=None) == read("interaction")


# --- numbers


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("interaction", "duration"),
        ("interaction", "first_token"),
        ("review", "rework"),
        ("task", "handling"),
        ("task", "rework"),
        ("probe", "duration"),
        ("probe", "interval"),
    ],
)
def test_durations_are_seconds_from_0_to_a_leap_year(name: str, field: str) -> None:
    takes(name, field, [0, 0.25, 31_622_400], [-0.001, 31_622_401, "3", True, [3]])


@pytest.mark.parametrize("literal", [b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e999"])
def test_numbers_are_finite(literal: bytes) -> None:
    value = event("interaction", duration="HERE").replace(b'"HERE"', literal)
    with pytest.raises(RefusedError):
        read_event(value)


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("interaction", "input_tokens"),
        ("interaction", "cache_read_tokens"),
        ("interaction", "cache_write_tokens"),
        ("interaction", "output_tokens"),
        ("interaction", "reasoning_tokens"),
        ("interaction", "output_pages"),
        ("usage", "count"),
        ("task", "revisions"),
        ("task", "errors"),
        ("probe", "http_status"),
        ("probe", "certificate_days"),
        ("sdk_report", "emitted"),
        ("sdk_report", "spooled"),
    ],
)
def test_tokens_and_counts_are_integers_from_0_to_1e12(name: str, field: str) -> None:
    takes(name, field, [0, 1, 10**12], [-1, 10**12 + 1, 1.5, 2.0, "2", True, 10**30])


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("review", "correctness"),
        ("review", "quality"),
        ("review", "completeness"),
        ("review", "customer_focus"),
        ("task", "quality"),
    ],
)
def test_ratings_run_from_1_to_10(name: str, field: str) -> None:
    takes(name, field, [1, 7.5, 10], [0.99, 10.01, "7"])


def test_takeover_share_runs_from_0_to_1() -> None:
    takes("task", "takeover_share", [0, 0.5, 1], [-0.1, 1.1])


def test_sampling_rate_lies_above_0_up_to_1() -> None:
    takes("review", "sampling_rate", [0.01, 1], [0, -0.5, 1.1])


# --- money


def test_cost_is_a_decimal_string_beside_its_currency() -> None:
    takes(
        "interaction",
        "cost",
        ["0", "0.000000001", "999999999.999999999", "12.50"],
        [1.5, 2, "-1", "1e3", "01", ".5", "1.", "1.0000000001", "1000000000", "1,5", "NaN", "١"],
        currency="EUR",
    )
    assert refused("interaction", cost="1") == "data.currency"


def test_value_is_a_decimal_string_and_may_be_negative() -> None:
    good = ["0", "-12.5", "999999999999.999999999"]
    bad = [1, "1000000000000", "--1", "+1", "1e3", "1.0000000001"]
    takes("task", "value", good, bad, currency="EUR")
    takes("measurement", "value", good, bad)
    assert refused("task", value="1") == "data.currency"


@pytest.mark.parametrize("text", ["0.1", "123456789.123456789", "-0.000000001"])
def test_money_is_kept_to_the_last_digit(text: str) -> None:
    value = read("task", value=text, currency="EUR").value
    assert Decimal(value) == Decimal(text)


@pytest.mark.parametrize("name", ["interaction", "task"])
def test_currency_is_an_iso_4217_code(name: str) -> None:
    takes(name, "currency", ["EUR", "USD"], ["eur", "EURO", "EU", "€", "E1R", "EUR\n", ""])


# --- each type's own words

CHOICES = {
    ("interaction", "status"): ["ok", "error", "timeout", "cancelled"],
    ("interaction", "cost_source"): ["provider", "pricebook", "none"],
    ("resolution", "outcome"): ["resolved", "unresolved", "abandoned", "reopened"],
    ("resolution", "by"): ["bot", "human"],
    ("feedback", "kind"): ["csat", "thumbs", "interviewer", "candidate", "customer", "survey"],
    ("feedback", "by"): ["bot", "human"],
}


@pytest.mark.parametrize(("name", "field"), CHOICES)
def test_a_closed_list_takes_its_words_only(name: str, field: str) -> None:
    takes(name, field, CHOICES[name, field], ["other", "", "OK", 1, True, ["ok"]])


BOOLEANS = [
    ("interaction", "streamed"), ("resolution", "ticket"), ("feedback", "assisted"),
    ("feedback", "asked"), ("review", "correct"), ("review", "language_correct"),
    ("review", "first_time_right"), ("review", "sampled"), ("task", "assisted"),
    ("task", "automated"), ("task", "rework_in_handling"), ("task", "template_reused"),
    ("selection_counts", "assisted"), ("probe", "success"), ("probe", "maintenance"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "field"), BOOLEANS)
def test_yes_and_no_are_json_booleans(name: str, field: str) -> None:
    takes(name, field, [True, False], ["true", 1, 0, "", []])


@pytest.mark.parametrize("reason", ["no_answer", "user_request", "policy", "own_code"])
def test_an_escalation_names_its_reason_in_an_own_short_code_too(reason: str) -> None:
    assert read("escalation", reason=reason, to="desk").reason == reason


def test_usage_counts_once_unless_said() -> None:
    assert read("usage").count == 1
    assert read("usage", count=4, action="template_reused", origin_case="q1").count == 4
    assert refused("usage", count=None) == "data.count"


@pytest.mark.parametrize("missing", ["scale_min", "scale_max"])
def test_a_score_needs_its_scale(missing: str) -> None:
    whole = {"score": 4, "scale_min": 1, "scale_max": 5}
    assert read("feedback", **whole).score == 4
    assert refused("feedback", **{**whole, missing: None}) == "data.scale_min"


def test_a_score_lies_within_its_scale() -> None:
    for score in (0, 6, 0.99):
        assert refused("feedback", score=score, scale_min=1, scale_max=5) == "data.score"
    for score in (1, 5, 3.5):
        read("feedback", score=score, scale_min=1, scale_max=5)
    assert refused("feedback", score=1, scale_min=5, scale_max=1) == "data.scale_max"
    assert refused("feedback", score=1, scale_min=1, scale_max=1) == "data.scale_max"


def test_an_invitation_needs_no_score() -> None:
    assert read("feedback", asked=True).score is None


def survey(time: str, **data: Any) -> bytes:
    return encode(envelope("feedback", data={"kind": "survey", **data}, time=time))


def test_a_survey_answer_carries_no_user() -> None:
    read_event(survey(MONDAY))
    with pytest.raises(RefusedError) as caught:
        read_event(survey(MONDAY, user="u_" + "0" * 32))
    assert caught.value.field == "data.user"


@pytest.mark.parametrize(
    "time",
    [
        "2026-03-02T00:00:00.000001Z",
        "2026-03-02T09:00:00Z",
        "2026-03-03T00:00:00Z",
        "2026-03-02T00:00:00+02:00",
    ],
)
def test_a_survey_answers_time_is_cut_to_its_week_in_utc(time: str) -> None:
    read_event(survey("2026-03-02T02:00:00+02:00"))
    with pytest.raises(RefusedError) as caught:
        read_event(survey(time))
    assert caught.value.field == "time"


@pytest.mark.parametrize("field", ["requested", "started", "first_draft", "finished", "decided"])
def test_a_tasks_times_are_rfc_3339_times(field: str) -> None:
    takes(
        "task",
        field,
        [MONDAY, "2026-03-02T09:30:00+01:00"],
        ["2026-03-02", 5, "1999-01-01T00:00:00Z"],
    )
    found = getattr(read("task", **{field: "2026-03-02T09:30:00+01:00"}), field)
    assert found == datetime(2026, 3, 2, 8, 30, tzinfo=UTC)


def test_error_kinds_maps_kinds_to_counts() -> None:
    many = {f"kind{number}": 1 for number in range(65)}
    takes("task", "error_kinds", [{}, {"typo": 2}], [{"typo": -1}, {"typo": 1.5}, {"": 1}, many])


@pytest.mark.parametrize("field", ["user", "session", "case"])
def test_selection_counts_are_never_beside_a_person(field: str) -> None:
    value = "u_" + "0" * 32 if field == "user" else "s1"
    assert refused("selection_counts", **{field: value}) == f"data.{field}"


def test_selection_counts_have_a_number_per_group() -> None:
    takes("selection_counts", "counts", [{"f": 0, "m": 9}], [{}, {"f": -1}, {"f": "3"}, None])


def test_a_void_names_the_whole_identity_of_its_target() -> None:
    assert read("void").target_id == "1"
    for bad in ("", None, "x" * 201):
        assert refused("void", target_source=bad) == "data.target_source"
        assert refused("void", target_id=bad) == "data.target_id"
    assert refused("void", target_time="then") == "data.target_time"


@pytest.mark.parametrize("name", ["sdk_report", "collector_report"])
def test_a_report_counts_drops_and_refusals_per_reason(name: str) -> None:
    found = read(name, dropped={"queue_full": 3}, refused={"data.tool": 1}, spooled=2)
    assert found.dropped == {"queue_full": 3}
    assert found.spooled == 2
    assert refused(name, dropped={"queue_full": -1}).startswith("data.dropped")


@pytest.mark.parametrize("model", EVENT_MODELS.values(), ids=lambda model: model.__name__)
def test_every_type_is_named_meetlat_name_v1_and_says_what_it_is(model: type[EventData]) -> None:
    assert model.type_name.startswith("meetlat.")
    assert model.type_name.endswith(".v1")
    assert model.__doc__
