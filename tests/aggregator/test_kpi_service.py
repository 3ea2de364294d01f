"""The pack for customer service, against numbers computed by hand."""

from __future__ import annotations

from datetime import date

import pytest
from support.kpi_inputs import Inputs, select
from support.kpi_rows import feedback, parts_of

from meetlat.kpis.catalogue import catalogue

TUESDAY, WEDNESDAY = date(2026, 3, 3), date(2026, 3, 4)


# --- first_contact_resolution and escalation_rate


def test_first_contact_is_of_all_mature_conversations_abandoned_ones_included() -> None:
    inputs = Inputs()
    inputs.add(
        "conversations_daily",
        {"conversations": 40, "mature": 30, "first_contact": 18, "abandoned": 6, "channel": "chat"},
        {"conversations": 9, "mature": 0, "first_contact": 0, "resolved_by_bot": 9},
        {"conversations": 10, "mature": 10, "first_contact": 7, "day": TUESDAY},
    )
    assert inputs.value("first_contact_resolution") == 25 / 40
    assert inputs.value("first_contact_resolution", day=TUESDAY) == 0.7


def test_conversations_that_are_too_young_are_unknown_and_not_zero() -> None:
    inputs = Inputs()
    assert inputs.value("first_contact_resolution") is None
    inputs.add("conversations_daily", {"conversations": 9, "resolved_by_bot": 9})
    assert inputs.value("first_contact_resolution") is None
    inputs.add("conversations_daily", {"conversations": 2, "mature": 2})
    assert inputs.value("first_contact_resolution") == 0


def test_a_week_of_conversations_is_provisional_for_seven_days() -> None:
    assert catalogue()["first_contact_resolution"].maturity_days == 7


def test_escalation_is_handed_over_of_all_conversations_by_team_and_segment() -> None:
    inputs = Inputs()
    inputs.add(
        "conversations_daily",
        {"conversations": 20, "handed_over": 3, "team": "north", "segment": "billing"},
        {"conversations": 5, "handed_over": 5, "team": "north", "channel": "mail"},
        {"conversations": 15, "handed_over": 0, "team": "south"},
    )
    assert inputs.value("escalation_rate") == 8 / 40
    assert inputs.value("escalation_rate", team="north") == 8 / 25
    assert inputs.value("escalation_rate", segment="billing") == 3 / 20
    assert inputs.value("escalation_rate", team="south") == 0


def test_no_conversation_is_no_rate() -> None:
    assert Inputs().value("escalation_rate") is None


# --- csat


def test_csat_is_the_upper_third_of_the_scale() -> None:
    inputs = Inputs()
    five, ten, thumbs = [1, 3, 4, 5, 5], [6, 7, 10], [0, 1]
    feedback(inputs, "csat", five, scale=(1, 5), by="bot")
    feedback(inputs, "csat", ten, by="bot")
    feedback(inputs, "csat", thumbs, scale=(0, 1), by="bot")
    # Judgements of people, and other questions, are not about the bot.
    feedback(inputs, "csat", [1, 1, 1], by="human")
    feedback(inputs, "csat", [1, 1, 1])
    feedback(inputs, "survey", [1, 1, 1], by="bot")
    positive = [s >= 4 for s in five] + [s >= 7 for s in ten] + [s == 1 for s in thumbs]
    assert inputs.value("csat") == sum(positive) / len(positive)


def test_those_who_kept_silent_give_bounds() -> None:
    inputs = Inputs()
    inputs.add("feedback_daily", {"kind": "csat", "by": "bot", "asked": 40, "events": 40})
    feedback(inputs, "csat", [5, 5, 4, 2], scale=(1, 5), by="bot", day=TUESDAY)
    feedback(inputs, "csat", [1, 4], scale=(1, 5), by="bot")
    assert inputs.value("csat") == 4 / 6
    assert inputs.value("csat", "response_rate") == 6 / 40
    assert inputs.value("csat", "at_least") == 4 / 40
    assert inputs.value("csat", "at_most") == (4 + 34) / 40


def test_an_invitation_that_holds_its_score_is_asked_once() -> None:
    inputs = Inputs()
    feedback(inputs, "csat", [5, 1], scale=(1, 5), by="bot", asked=2)
    assert inputs.value("csat", "response_rate") == 1
    assert inputs.value("csat", "at_least") == inputs.value("csat", "at_most") == 0.5


def test_without_invitations_the_response_rate_is_unknown() -> None:
    inputs = Inputs()
    assert inputs.value("csat") is None
    feedback(inputs, "csat", [5, 5], scale=(1, 5), by="bot")
    rows = inputs.parts("csat")
    assert parts_of(rows) == {"", "response_rate", "at_least", "at_most"}
    assert inputs.value("csat") == 1
    for part in ("response_rate", "at_least", "at_most"):
        assert inputs.value("csat", part) is None


def test_nobody_answered_is_unknown_with_the_widest_bounds() -> None:
    inputs = Inputs()
    inputs.add("feedback_daily", {"kind": "csat", "by": "bot", "asked": 8, "events": 8})
    assert inputs.value("csat") is None
    assert inputs.value("csat", "response_rate") == 0
    assert (inputs.value("csat", "at_least"), inputs.value("csat", "at_most")) == (0, 1)


# --- response_accuracy


def test_response_accuracy_weighs_checks_by_what_they_stand_for() -> None:
    inputs = Inputs()
    # 9 of 10 right at 1 in 10 stand for 90 of 100; 2 of 4 at 1 in 2 for 4 of 8.
    dimensions = {"sampled": "true", "day": WEDNESDAY}
    inputs.add(
        "reviews_daily",
        {"sampling_rate": 0.1, "reviews": 12, "correct": 9, "correct_count": 10},
        {"sampling_rate": 0.5, "reviews": 4, "correct": 2, "correct_count": 4},
        **dimensions,
    )
    inputs.add(
        "reviews_daily",
        {"sampled": "false", "sampling_rate": 0.1},
        {"sampled": "", "sampling_rate": 0.1},
        {"sampled": "true", "sampling_rate": 0},
        correct=0,
        correct_count=50,
    )
    (row,) = select(inputs.parts("response_accuracy"))
    assert row["hits"] == pytest.approx(94)
    assert row["weight"] == pytest.approx(108)
    assert row["weight_squares"] == pytest.approx(10 * 100 + 4 * 4)
    assert row["n"] == 14
    assert inputs.value("response_accuracy") == pytest.approx(94 / 108)


def test_checks_that_do_not_judge_the_content_are_unknown() -> None:
    inputs = Inputs()
    assert inputs.value("response_accuracy") is None
    inputs.add("reviews_daily", {"sampled": "true", "sampling_rate": 0.5, "language_count": 6})
    assert inputs.value("response_accuracy") is None
