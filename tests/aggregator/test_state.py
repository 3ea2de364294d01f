"""Row-level state: tasks, conversations, uses, accounts; and the tables derived from it."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from support.aggregating import DAY, HOUR, MINUTE, NOON, SECOND, Bench, event, person

# --- tasks


def test_each_field_of_a_task_keeps_its_latest_value_in_any_order_of_arrival(
    tmp_path: Path,
) -> None:
    told = [
        event("task", case="c", time=NOON, handling=10, quality=5, outcome="open"),
        event("task", case="c", time=NOON + MINUTE, handling=20, errors=0),
        event("task", case="c", time=NOON + 2 * MINUTE, outcome="won", value="-0.5",
              currency="EUR"),
    ]  # fmt: skip
    found = set()
    for number, order in enumerate(permutations(told)):
        bench = Bench(tmp_path / str(number))
        bench.feed(order[0])
        bench.feed(*order[1:])
        found.add(
            bench.cell(
                "tasks",
                "handling, quality, errors, outcome, value, currency, "
                "events, first_time, last_time",
            )
        )
        bench.close()
    assert found == {(20_000_000, 5, 0, "won", Decimal("-0.5"), "EUR", 3, HOUR, HOUR + 2 * MINUTE)}


def test_of_values_at_the_same_time_the_greater_source_then_id_stays(bench: Bench) -> None:
    bench.feed(
        event("task", case="c", source="/b", id="1", handling=1, errors=1),
        event("task", case="c", source="/a", id="9", handling=9),
        event("task", case="c", source="/b", id="0", handling=2, errors=2),
    )
    assert bench.cell("tasks", "handling, errors") == (1_000_000, 1)


def test_the_key_of_a_task_is_use_case_process_step_and_case(bench: Bench) -> None:
    base = {"use_case": "u", "process": "p", "step": "s", "case": "c"}
    bench.feed(event("task", **base), event("task", **base))
    bench.feed(*[event("task", **{**base, name: "x"}) for name in base])
    bench.feed(event("task", **{**base, "step": None}), event("task", **{**base, "use_case": None}))
    assert bench.row("SELECT count(*), sum(events)::BIGINT FROM tasks") == (7, 8)


def test_a_person_is_not_kept_with_a_task(bench: Bench) -> None:
    bench.feed(event("task", case="c", user=person(1), session="s"))
    (row,) = bench.rows("SELECT * FROM tasks")
    assert person(1) not in str(row)
    assert bench.rows("SELECT * FROM uses") == []


def tasks_daily(bench: Bench, columns: str) -> list[tuple[Any, ...]]:
    with bench.published() as con:
        return con.execute(f"SELECT {columns} FROM tasks_daily ORDER BY ALL").fetchall()


def test_a_task_stands_on_the_day_it_was_finished_and_an_open_one_on_its_last_news(
    bench: Bench,
) -> None:
    bench.feed(
        event("task", case="1", finished=NOON - 3 * DAY, time=NOON),
        event("task", case="2", time=NOON - DAY),
        event("task", case="2", time=NOON),
    )
    today = date(2026, 3, 4)
    assert tasks_daily(bench, "day, state, tasks") == [
        (today - timedelta(days=3), "finished", 1),
        (today, "open", 1),
    ]


@pytest.mark.parametrize(
    ("data", "handling"),
    [
        ({"handling": 100, "rework": 30}, 100_000_000),
        ({"handling": 100, "rework": 30, "rework_in_handling": True}, 100_000_000),
        ({"handling": 100, "rework": 30, "rework_in_handling": False}, 130_000_000),
        ({"handling": 100, "rework_in_handling": False}, 100_000_000),
    ],
)
def test_handling_includes_rework_also_where_it_is_told_apart(
    bench: Bench, data: dict[str, Any], handling: int
) -> None:
    bench.feed(event("task", case="c", **data))
    assert tasks_daily(bench, "handling_sum, handling_count, handling_squares") == [
        (handling, 1, handling**2)
    ]


def test_a_task_that_says_nothing_counts_in_no_sum(bench: Bench) -> None:
    bench.feed(event("task", case="c", rework_in_handling=False))
    names = ["handling", "rework", "lead_time", "draft_time", "revisions", "errors", "quality",
             "takeover", "value"]  # fmt: skip
    columns = ", ".join(f"{name}_sum = 0, {name}_count, {name}_squares = 0" for name in names)
    assert tasks_daily(bench, columns) == [(True, 0, True) * len(names)]


def test_measures_of_tasks_by_hand(bench: Bench) -> None:
    bench.feed(
        event("task", case="1", requested=NOON - 2 * MINUTE, started=NOON - MINUTE, finished=NOON,
              first_draft=NOON - MINUTE, revisions=0, errors=2, quality=7, takeover_share=0.5,
              template_reused=True, value="10.5", currency="EUR"),
        event("task", case="2", started=NOON - MINUTE, finished=NOON, revisions=3, errors=0,
              quality=6.5, template_reused=False, value="2", currency="EUR"),
    )  # fmt: skip
    assert tasks_daily(
        bench,
        "tasks, lead_time_sum, lead_time_squares, draft_time_sum, draft_time_count, "
        "revisions_sum, without_revision, at_most_2_revisions, errors_sum, with_errors, "
        "quality_at_least_7, quality_squares, takeover_count, template_reused, "
        "template_reused_count, value_sum, value_count, value_squares",
    ) == [
        (2, 180_000_000, 120_000_000**2 + 60_000_000**2, 60_000_000, 1, 3, 1, 1, 2, 1, 1,
         Decimal("91.25"), 1, 1, 2, Decimal("12.5"), 2, Decimal("114.25"))
    ]  # fmt: skip


def test_errors_of_finished_tasks_by_kind(bench: Bench) -> None:
    bench.feed(
        event("task", case="1", finished=NOON, error_kinds={"typo": 2, "price": 1}),
        event("task", case="2", finished=NOON, error_kinds={"typo": 1}),
        event("task", case="3", error_kinds={"typo": 50}),
    )
    with bench.published() as con:
        rows = con.execute(
            "SELECT kind, tasks, errors FROM task_errors_daily ORDER BY kind"
        ).fetchall()
    assert rows == [("price", 1, 1), ("typo", 2, 3)]


# --- conversations


def conversations(bench: Bench, columns: str) -> list[tuple[Any, ...]]:
    with bench.published() as con:
        return con.execute(f"SELECT {columns} FROM conversations_daily ORDER BY ALL").fetchall()


OUTCOMES = (
    "conversations, ended, mature, handed_over, reopened, resolved_by_bot, resolved_by_human, "
    "unresolved, abandoned, silent, first_contact"
)


def test_a_conversation_stands_on_the_day_it_began_with_its_turns(bench: Bench) -> None:
    begin = NOON.replace(hour=23, minute=59)
    bench.feed(event(session="s", time=begin), event(session="s", time=begin + 2 * MINUTE))
    bench.feed(event(session="t", time=begin))
    assert conversations(bench, "day, conversations, turns_sum, turns_squares") == [
        (date(2026, 3, 4), 2, 3, 5)
    ]


def test_silence_of_30_minutes_ends_a_conversation_and_7_days_make_it_mature(
    bench: Bench,
) -> None:
    bench.feed(event(session="s"))

    def ended_and_mature() -> tuple[Any, ...]:
        (row,) = conversations(bench, "ended, mature, silent")
        return row

    bench.feed(event("probe", time=NOON + 30 * MINUTE - 2 * SECOND))
    assert ended_and_mature() == (0, 0, 0)
    bench.feed(event("probe", time=NOON + 30 * MINUTE, late=0 * SECOND))
    assert ended_and_mature() == (1, 0, 1)
    bench.feed(event("probe", time=NOON + 7 * DAY - 2 * SECOND))
    assert ended_and_mature() == (1, 0, 1)
    bench.feed(event("probe", time=NOON + 7 * DAY, late=0 * SECOND))
    assert ended_and_mature() == (1, 1, 1)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            [("resolution", {"outcome": "resolved", "by": "bot"})],
            {"resolved_by_bot", "first_contact"},
        ),
        ([("resolution", {"outcome": "resolved", "by": "human"})], {"resolved_by_human"}),
        ([("resolution", {"outcome": "resolved"})], set()),
        ([("resolution", {"outcome": "unresolved"})], {"unresolved"}),
        ([("resolution", {"outcome": "abandoned"})], {"abandoned"}),
        ([], {"silent"}),
        (
            [("escalation", {}), ("resolution", {"outcome": "resolved", "by": "bot"})],
            {"handed_over", "resolved_by_bot"},
        ),
        (
            [("resolution", {"outcome": "reopened"}),
             ("resolution", {"outcome": "resolved", "by": "bot"})],
            {"reopened", "resolved_by_bot"},
        ),
        (
            [("resolution", {"outcome": "resolved", "by": "bot"}),
             ("resolution", {"outcome": "reopened"})],
            {"reopened"},
        ),
    ],
)  # fmt: skip
def test_how_a_conversation_ended(
    bench: Bench, more: list[tuple[str, dict[str, Any]]], said: set[str]
) -> None:
    bench.feed(event(session="s"))
    for number, (name, data) in enumerate(more, 1):
        bench.feed(event(name, session="s", time=NOON + number * SECOND, **data))
    bench.feed(event("probe", time=NOON + 8 * DAY))
    (row,) = conversations(bench, OUTCOMES)
    names = OUTCOMES.split(", ")
    found = {name for name, value in zip(names, row, strict=True) if value}
    assert found == {"conversations", "ended", "mature"} | said


def test_a_resolution_may_name_the_case_where_there_is_no_session(bench: Bench) -> None:
    bench.feed(event("resolution", case="t-1", ticket=True, channel="mail", by="human"))
    assert conversations(bench, "channel, conversations, turns_sum, tickets, tickets_count") == [
        ("mail", 1, 0, 1, 1)
    ]


def test_events_without_a_session_make_no_conversation(bench: Bench) -> None:
    bench.feed(event(), event("escalation"), event("resolution"))
    assert bench.rows("SELECT * FROM conversations") == []


# --- uses and people


def test_a_use_is_a_session_or_an_event_without_one_and_cancelled_calls_are_none(
    bench: Bench,
) -> None:
    me = person(1)
    bench.feed(
        event(user=me, session="s"), event(user=me, session="s", time=NOON + SECOND),
        event(user=me), event("usage", user=me), event(user=me, status="cancelled"),
        event(session="s"),
    )  # fmt: skip
    assert bench.row('SELECT count(*), count(DISTINCT "user"), sum(events)::BIGINT FROM uses') == (
        3, 1, 4,
    )  # fmt: skip


# --- the senders' own accounts


def test_what_senders_lost_is_told_by_the_hour_as_totals_grow(bench: Bench) -> None:
    def report(hours: int, dropped: int, **more: Any) -> Any:
        return event(
            "sdk_report", source="/app", time=NOON + hours * timedelta(hours=1),
            dropped={"queue_full": dropped}, **more,
        )  # fmt: skip

    bench.feed(report(0, 5), report(0, 3, id="earlier"))
    bench.feed(report(2, 12))
    bench.feed(report(1, 5))
    bench.feed(report(3, 4, started=NOON + 3 * timedelta(hours=1)))
    bench.feed(event("collector_report", source="/gate", refused={"data.tool": 7, "data.id": 0}))
    with bench.published() as con:
        rows = con.execute(
            "SELECT hour, source, dropped, refused FROM data_health "
            "WHERE dropped + refused > 0 ORDER BY hour, source"
        ).fetchall()
    hour = timedelta(hours=1)
    assert rows == [
        (HOUR, "/app", 5, 0),
        (HOUR, "/gate", 0, 7),
        (HOUR + 2 * hour, "/app", 7, 0),
        (HOUR + 3 * hour, "/app", 4, 0),
    ]
