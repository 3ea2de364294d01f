"""Each event function makes the event that the contract wants, and a bad value never raises."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from meetlat import Client, MeetlatError, Ref
from meetlat._money import decimal_text
from meetlat.contract.pseudonym import pseudonym

KEY = "k" * 20


class Frozen:
    """Thursday 5 March 2026, 14:30 UTC, for ever."""

    def time_ns(self) -> int:
        return int(datetime(2026, 3, 5, 14, 30, tzinfo=UTC).timestamp() * 1e9)

    def perf_counter_ns(self) -> int:
        return 0


@pytest.fixture
def client() -> Client:
    return Client(mode="capture", source="/t", clock=Frozen(), pseudonym_key=KEY)


def only(client: Client) -> Any:
    [event] = client.captured()
    return event


@pytest.mark.parametrize(
    ("name", "make", "expected"),
    [
        ("escalation", lambda c: c.escalate(tool="b", reason="policy", to="desk"),
         {"tool": "b", "reason": "policy", "to": "desk"}),
        ("resolution", lambda c: c.resolve("resolved", by="bot", ticket=False, channel="web"),
         {"outcome": "resolved", "by": "bot", "ticket": False, "channel": "web"}),
        ("usage", lambda c: c.used("copied", tool="b", count=2, template="t", origin_case="q1"),
         {"tool": "b", "action": "copied", "count": 2, "template": "t", "origin_case": "q1"}),
        ("review", lambda c: c.review(subject="1", correct=True, correctness=8, rework=60),
         {"subject": "1", "correct": True, "correctness": 8.0, "rework": 60.0}),
        ("task", lambda c: c.task("quote", case="q1", handling=90, value=Decimal("12.50"),
                                  currency="EUR", finished=datetime(2026, 3, 5, tzinfo=UTC),
                                  error_kinds={"typo": 2}),
         {"process": "quote", "case": "q1", "handling": 90.0, "value": "12.50",
          "currency": "EUR", "finished": datetime(2026, 3, 5, tzinfo=UTC),
          "error_kinds": {"typo": 2}}),
        ("support_request", lambda c: c.support_request("login"), {"topic": "login"}),
        ("probe", lambda c: c.probe(True, tool="b", duration=0.2, http_status=200),
         {"tool": "b", "success": True, "duration": 0.2, "http_status": 200}),
        ("measurement", lambda c: c.measure("repair_cost", 12.3, unit="EUR"),
         {"name": "repair_cost", "value": "12.3", "unit": "EUR"}),
        ("selection_counts", lambda c: c.selection_counts("gender", "applied", {"f": 1, "m": 2}),
         {"dimension": "gender", "stage": "applied", "counts": {"f": 1, "m": 2}}),
        ("void", lambda c: c.void(Ref("/s", "1", "2026-03-02T00:00:00Z"), reason="test"),
         {"target_source": "/s", "target_id": "1", "reason": "test",
          "target_time": datetime(2026, 3, 2, tzinfo=UTC)}),
    ],
)  # fmt: skip
def test_each_function_makes_its_event(
    client: Client, name: str, make: Any, expected: dict[str, Any]
) -> None:
    ref = make(client)
    event = only(client)
    assert event.attributes.type == f"meetlat.{name}.v1"
    data = event.data.model_dump(exclude_none=True, exclude_defaults=True)
    assert data == expected
    assert ref == ("/t", event.attributes.id, "2026-03-05T14:30:00.000000Z")


def test_every_function_takes_common_fields_time_id_and_history(client: Client) -> None:
    client.used("opened", tool="b", case="c", time="2026-03-02T00:00:00Z", id="7", history=True)
    attributes = only(client).attributes
    assert (attributes.id, attributes.meetlathistory) == ("7", True)
    assert attributes.time == datetime(2026, 3, 2, tzinfo=UTC)
    assert only(client).data.case == "c"


def test_a_client_for_history_marks_all_events() -> None:
    client = Client(mode="capture", source="/t", history=True)
    client.support_request()
    with client.interaction(tool="b"):
        pass
    client.support_request(history=False)
    marks = [event.attributes.meetlathistory for event in client.captured()]
    assert marks == [True, True, None]


def test_emit_sends_one_event_as_it_is(client: Client) -> None:
    with client.context(use_case="not this"):
        client.emit("meetlat.task.v1", {"process": "q", "user": "ann"}, source="/other", id="1")
    event = only(client)
    assert (event.attributes.source, event.data.use_case) == ("/other", None)
    assert event.data.user == pseudonym("ann", KEY)


def test_void_withdraws_what_a_function_returned(client: Client) -> None:
    ref = client.escalate(tool="b")
    client.void(ref)
    escalation, void = client.captured()
    assert void.data.target_id == escalation.attributes.id  # type: ignore[union-attr]
    assert void.data.target_time == escalation.attributes.time  # type: ignore[union-attr]


# --- feedback


@pytest.mark.parametrize(
    ("kind", "score", "scale", "expected"),
    [
        ("thumbs", True, None, (1, 0, 1)),
        ("thumbs", False, None, (0, 0, 1)),
        ("csat", 4, None, (4, 1, 5)),
        ("customer", 9, (0, 10), (9, 0, 10)),
    ],
)
def test_scores_have_their_scale(
    client: Client, kind: Any, score: Any, scale: Any, expected: tuple[int, int, int]
) -> None:
    client.feedback(kind, score, scale=scale)
    data = only(client).data
    assert (data.score, data.scale_min, data.scale_max) == expected


def test_an_invitation_has_no_score(client: Client) -> None:
    client.feedback("csat", asked=True)
    assert (only(client).data.asked, only(client).data.scale_min) == (True, None)


def test_a_survey_answer_is_anonymous_and_cut_to_its_week(client: Client) -> None:
    with client.context(user="ann", session="s1", case="c1", team="t"):
        ref = client.feedback("survey", 4, user="ann")
    event = only(client)
    monday = datetime(2026, 3, 2, tzinfo=UTC)
    assert event.attributes.time == monday
    assert ref.time == "2026-03-02T00:00:00.000000Z"
    assert event.attributes.meetlathistory is True
    assert (event.data.user, event.data.session, event.data.case) == (None, None, None)
    assert event.data.team == "t"
    milliseconds = int(event.attributes.id.replace("-", "")[:12], 16)
    assert milliseconds == monday.timestamp() * 1000  # the id does not give the time away


def test_selection_counts_leave_the_person_in_the_context_out(client: Client) -> None:
    with client.context(user="ann", session="s", case="c", use_case="hr"):
        client.selection_counts("gender", "applied", {"f": 1})
    data = only(client).data
    assert (data.user, data.session, data.case, data.use_case) == (None, None, None, "hr")


# --- users


def test_a_plain_user_becomes_a_pseudonym_and_a_pseudonym_passes(client: Client) -> None:
    expected = pseudonym("ann@example.com", KEY)
    client.support_request(user=" Ann@Example.com ")
    client.support_request(user=expected)
    assert [event.data.user for event in client.captured()] == [expected, expected]  # type: ignore[union-attr]


def test_without_a_key_the_user_is_dropped_and_counted() -> None:
    client = Client(mode="capture", source="/t")
    encoder = client._encoder()
    client.support_request(user="ann")
    value = encoder.encode(client._queue.queue[0]).value
    assert b"ann" not in value
    assert encoder.lost_fields == {"user_without_key": 1}


def test_secrets_and_users_show_in_no_repr_or_error() -> None:
    client = Client(mode="capture", source="/t", pseudonym_key=KEY, api_key="hidden-api-key")
    client.support_request(user="ann", topic="x" * 300)
    with pytest.raises(MeetlatError) as caught:
        client.captured()
    shown = str(caught.value) + repr(client) + repr(client._settings) + repr(vars(client))
    for secret in (KEY, "hidden-api-key", "ann"):
        assert secret not in shown


# --- bad values


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda c: c.support_request("x" * 201), "data.topic"),
        (lambda c: c.support_request("bell\x07"), "data.topic"),
        (lambda c: c.support_request("lone \ud800"), "data"),
        (lambda c: c.support_request(topic=object()), "data"),
        (lambda c: c.support_request(time=datetime(2026, 3, 2)), "time"),  # noqa: DTZ001
        (lambda c: c.support_request(time=5.0), "time"),
        (lambda c: c.support_request(tpoic="x"), "data"),
        (lambda c: c.escalate(reason="policy"), "data.tool"),
        (lambda c: c.probe(True, tool="b", duration=math.nan), "data.duration"),
        (lambda c: c.task("q", started=datetime(2026, 3, 2)), "data.started"),  # noqa: DTZ001
        (lambda c: c.task("q", value="many", currency="EUR"), "data.value"),
        (lambda c: c.task("q", value=1), "data.currency"),
        (lambda c: c.feedback("csat", 9), "data.score"),
        (lambda c: c.emit("meetlat.task.v1", {}), "data.process"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_later_and_named(
    client: Client, make: Any, field: str
) -> None:
    make(client)
    with pytest.raises(MeetlatError, match=rf"does not fit: {field}\b"):
        client.captured()


def test_maps_are_copied_so_that_later_changes_do_not_matter(client: Client) -> None:
    attributes, counts = {"a": "1"}, {"f": 1}
    client.support_request(attributes=attributes)
    client.selection_counts("gender", "applied", counts)
    attributes["a"] = counts["f"] = "changed"  # type: ignore[assignment]
    support, selection = client.captured()
    assert support.data.attributes == {"a": "1"}  # type: ignore[union-attr]
    assert selection.data.counts == {"f": 1}  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (0.1, "0.1"), (Decimal("1E+3"), "1000"), (1, "1"), ("2.50", "2.50"),
        (1e-7, "0.0000001"), (1e-12, "0"), (Decimal("0.0000000015"), "0.000000002"),
        ("-0", "0"), (Decimal("1e-400"), "0"),
    ],
)  # fmt: skip
def test_decimals_are_exact_text_with_nine_decimals(given: Any, text: str) -> None:
    assert decimal_text(given) == text


@pytest.mark.parametrize("given", [True, None, "x", math.inf, "nan", Decimal("1e40"), [1]])
def test_what_is_no_decimal_says_so(given: Any) -> None:
    with pytest.raises(ValueError, match=r"^is "):
        decimal_text(given)
