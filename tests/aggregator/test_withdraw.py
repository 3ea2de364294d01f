"""A withdrawal takes back exactly what its target added, wherever in the log it comes."""

from __future__ import annotations

from collections import Counter
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from support.aggregating import (
    DAY,
    HOUR,
    MINUTE,
    NOON,
    SECOND,
    Bench,
    Sent,
    counters,
    event,
    person,
    void,
)

# One event per type that can be withdrawn, each with all that it may touch.
KINDS: dict[str, dict[str, Any]] = {
    "interaction": {
        "session": "s", "user": person(1), "duration": 0.25, "first_token": 0.1, "feature": "f",
        "input_tokens": 10, "output_tokens": 3, "cost": "0.000000001", "currency": "EUR",
    },
    "escalation": {"session": "s", "reason": "policy"},
    "resolution": {"session": "s", "by": "bot", "ticket": True},
    "usage": {"user": person(1), "count": 4, "session": "s"},
    "feedback": {"score": 4.5, "scale_min": 1, "scale_max": 5, "asked": True},
    "review": {"correct": True, "correctness": 7.5, "rework": 12.5},
    "task": {"case": "c", "handling": 60, "value": "12.50", "currency": "EUR",
             "error_kinds": {"typo": 2}},
    "selection_counts": {},
    "support_request": {"topic": "login"},
    "probe": {"interval": 60, "duration": 0.5, "location": "home"},
    "measurement": {"value": "-3.000000001"},
    "walk": {},
}  # fmt: skip
NO_LIVE = "live_series"


def fill(bench: Bench) -> None:
    """What stands before, of the same keys and hours, one of each kind."""
    bench.feed(*[event(kind, time=NOON - MINUTE, **data) for kind, data in KINDS.items()])


def expected(before: dict[str, Counter[str]], bench: Bench, target: Sent, more: int = 0) -> None:
    """The tables are as they were, but for the account of what came."""
    after = bench.snapshot(NO_LIVE)
    for table in after:
        if table not in ("health_hourly", "voids"):
            assert after[table] == before[table], table
    assert bench.verdicts() == {
        "received": len(KINDS) + 2 + more,
        "counted": len(KINDS) + 1,
        "void": 1,
        **({"duplicate": more} if more else {}),
    }
    assert bench.row("SELECT count(*) FROM voids") == (1,)


@pytest.mark.parametrize("kind", KINDS)
def test_withdrawn_after_it_was_counted_leaves_nothing(bench: Bench, kind: str) -> None:
    fill(bench)
    before = bench.snapshot(NO_LIVE)
    target = event(kind, **KINDS[kind])
    bench.feed(target)
    assert bench.snapshot(NO_LIVE) != before
    bench.feed(void(target))
    expected(before, bench, target)


@pytest.mark.parametrize("kind", ["interaction", "task"])
@pytest.mark.parametrize("order", ["before", "void first", "void last"])
def test_withdrawn_before_or_in_the_same_batch_leaves_nothing(
    bench: Bench, kind: str, order: str
) -> None:
    fill(bench)
    before = bench.snapshot(NO_LIVE)
    target = event(kind, **KINDS[kind])
    if order == "before":
        bench.feed_each(void(target), target)
    else:
        bench.feed(*([void(target), target] if order == "void first" else [target, void(target)]))
    expected(before, bench, target)


def test_withdrawn_from_a_file_of_the_archive(tmp_path: Path) -> None:
    bench = Bench(tmp_path, file_records=1)
    fill(bench)
    before = bench.snapshot(NO_LIVE)
    target = event(**KINDS["interaction"])
    bench.feed(target)
    bench.feed(void(target))
    expected(before, bench, target)
    assert bench.row("SELECT count(*) FROM archive_tail") == (0,)
    bench.close()


def test_dead_records_beside_it_do_not_stand_in_the_way(tmp_path: Path) -> None:
    bench = Bench(tmp_path, file_records=5)
    target = event("task", case="c", handling=60)
    bad = [Sent(b"\xff\xfe", NOON), Sent(b"no json", NOON), Sent(b"", NOON)]
    bench.feed(*bad, target, event("task", case="c", handling=20, time=NOON - MINUTE), *bad)
    bench.feed(*bad, void(target))
    assert bench.row("SELECT handling FROM tasks") == (20_000_000,)
    assert bench.verdicts() == {"received": 12, "counted": 2, "void": 1, "dead": 9}
    bench.close()


def test_withdrawn_twice_is_withdrawn_once(bench: Bench) -> None:
    target, other = event(), event()
    bench.feed(target, other)
    bench.feed(void(target))
    bench.feed(void(target), void(target))
    assert bench.cell("interactions_hourly", "requests") == (1,)
    assert bench.verdicts() == {"received": 5, "counted": 4, "void": 1}


def test_a_double_of_the_withdrawal_changes_nothing(bench: Bench) -> None:
    target = event()
    taken_back = void(target)
    bench.feed_each(target, taken_back, taken_back.again())
    assert bench.rows("SELECT * FROM interactions_hourly") == []
    assert bench.verdicts() == {"received": 3, "counted": 1, "duplicate": 1, "void": 1}


@pytest.mark.parametrize("order", ["after", "between", "before"])
def test_a_double_of_what_is_withdrawn_does_not_come_back(bench: Bench, order: str) -> None:
    target = event()
    taken_back, double = void(target), target.again()
    bench.feed_each(
        *{
            "after": (target, taken_back, double),
            "between": (target, double, taken_back),
            "before": (taken_back, target, double),
        }[order]
    )
    assert bench.rows("SELECT * FROM interactions_hourly") == []
    assert bench.verdicts() == {"received": 3, "counted": 1, "duplicate": 1, "void": 1}


def test_a_withdrawal_cannot_be_withdrawn(bench: Bench) -> None:
    target = event()
    taken_back = void(target)
    bench.feed_each(target, taken_back, void(taken_back))
    assert bench.rows("SELECT * FROM interactions_hourly") == []
    assert bench.verdicts() == {"received": 3, "counted": 2, "void": 1}


@pytest.mark.parametrize("first", ["target", "withdrawal"])
def test_a_withdrawal_from_a_test_environment_leaves_what_counts(bench: Bench, first: str) -> None:
    """Others than production never count in a KPI; they take nothing from one either."""
    target = event(session="s", user=person(1))
    tried = void(target, environment="test")
    bench.feed(target if first == "target" else tried)
    bench.feed(tried if first == "target" else target)
    bench.feed(tried.again())
    assert bench.verdicts() == {"received": 3, "counted": 2, "duplicate": 1}
    assert bench.cell("interactions_hourly", "requests") == (1,)
    assert bench.cell("conversations", "turns") == (1,)
    bench.feed(void(target))
    assert bench.rows("SELECT * FROM interactions_hourly") == []


def test_a_senders_account_cannot_be_withdrawn(bench: Bench) -> None:
    report = event("sdk_report", dropped={"queue_full": 3})
    bench.feed_each(report, void(report))
    bench.feed(void(report), report)
    assert bench.row("SELECT total FROM sender_totals WHERE account = 'dropped'") == (3,)


def test_a_withdrawal_that_comes_too_late_has_no_effect(bench: Bench) -> None:
    target = event()
    bench.feed(target)
    bench.feed(void(target, late=8 * DAY))
    assert bench.cell("interactions_hourly", "requests") == (1,)
    assert bench.verdicts() == {"received": 2, "counted": 1, "late": 1}


def test_a_withdrawal_sent_as_history_works_at_any_age(bench: Bench) -> None:
    target = event()
    bench.feed(target)
    bench.feed(void(target, late=80 * DAY, history=True))
    assert bench.rows("SELECT * FROM interactions_hourly") == []


def test_a_withdrawal_of_what_never_came_waits_for_it(bench: Bench) -> None:
    target = event()
    bench.feed(void(target))
    bench.reopen()
    bench.feed(target)
    assert bench.rows("SELECT * FROM interactions_hourly") == []
    assert bench.verdicts() == {"received": 2, "counted": 1, "void": 1}


def test_a_task_falls_back_to_its_earlier_value_field_by_field(bench: Bench) -> None:
    first = event("task", case="c", time=NOON, handling=10, quality=5.5, outcome="open")
    last = event("task", case="c", time=NOON + MINUTE, handling=20, errors=3)
    bench.feed(first, last)
    assert bench.cell("tasks", "handling, quality, errors, events, last_time") == (
        20_000_000, 5.5, 3, 2, HOUR + MINUTE,
    )  # fmt: skip
    bench.feed(void(last))
    assert bench.cell("tasks", "handling, quality, errors, events, last_time") == (
        10_000_000, 5.5, None, 1, HOUR,
    )  # fmt: skip


def test_a_task_without_a_case_is_the_event_itself_and_no_other(bench: Bench) -> None:
    """Its key is the event's identity: source, id and time."""
    kept = event("task", id="1", handling=10)
    target = event("task", id="1", time=NOON + SECOND, handling=20)
    bench.feed(kept, target)
    assert bench.row("SELECT count(*) FROM tasks") == (2,)
    bench.feed(void(target))
    assert bench.rows("SELECT handling FROM tasks") == [(10_000_000,)]


def test_a_conversation_is_made_anew_without_what_is_withdrawn(bench: Bench) -> None:
    at = (NOON + n * SECOND for n in count())
    first = event(session="s", time=next(at), use_case="help")
    second = event(session="s", time=next(at), use_case="sales")
    handed = event("escalation", session="s", time=next(at))
    ended = event("resolution", session=None, case="s", time=next(at), outcome="reopened")
    other = event(session="other", time=next(at))
    bench.feed(first, second, handed, ended, other)
    columns = "turns, escalations, reopened, use_case, outcome"
    query = f"SELECT {columns} FROM conversations WHERE session = 's'"
    assert bench.row(query) == (2, 1, 1, "sales", "reopened")
    bench.feed(void(second))
    assert bench.row(query) == (1, 1, 1, "help", "reopened")
    bench.feed(void(handed), void(ended))
    assert bench.row(query) == (1, 0, 0, "help", None)
    bench.feed(void(first))
    assert bench.rows("SELECT session FROM conversations") == [("other",)]


def test_a_use_goes_when_its_last_event_does(bench: Bench) -> None:
    one, two = (event(session="s", user=person(1), time=NOON + n * SECOND) for n in range(2))
    bench.feed(one, two)
    bench.feed(void(one))
    assert bench.cell("uses", "use, events, first_time") == ("s", 1, HOUR + SECOND)
    bench.feed(void(two))
    assert bench.rows("SELECT * FROM uses") == []


def test_the_last_probe_is_the_one_before(bench: Bench) -> None:
    up = event("probe", location="home")
    down = event("probe", location="home", success=False, time=NOON + MINUTE)
    elsewhere = event("probe", location="away", time=NOON + MINUTE)
    bench.feed(up, down, elsewhere)
    bench.feed(void(down))
    assert bench.rows("SELECT location, success FROM last_probes ORDER BY 1") == [
        ("away", True),
        ("home", True),
    ]


def test_live_series_do_not_depend_on_whether_it_came_in_the_same_batch(tmp_path: Path) -> None:
    target, other = event(), event()
    benches = [Bench(tmp_path / name) for name in ("together", "apart")]
    benches[0].feed(target, void(target), other)
    benches[1].feed_each(target, void(target), other)
    together, apart = (bench.snapshot() for bench in benches)
    assert together == apart
    for bench in benches:
        bench.close()


@pytest.mark.parametrize("together", [True, False])
def test_live_series_count_what_was_there_before_its_withdrawal_and_only_that(
    bench: Bench, together: bool
) -> None:
    """A counter cannot go back; what was withdrawn before it came was never in it."""
    counted, never = event(tool="counted"), event(tool="never")
    story = (counted, void(counted), void(never), never)
    bench.feed(*story) if together else bench.feed_each(*story)
    assert counters(bench.live.values, "meetlat_requests_total") == {("", "counted", "ok"): 1}
    assert bench.rows("SELECT * FROM interactions_hourly") == []
