"""Each event counts once: identity, doubles, lateness, and what `seen` may forget."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from support.aggregating import DAY, HOUR, MINUTE, NOON, SECOND, Bench, Sent, event

MICROSECOND = timedelta(microseconds=1)
WEEK = 7 * DAY


def requests(bench: Bench) -> int:
    (found,) = bench.row("SELECT coalesce(sum(requests), 0)::BIGINT FROM interactions_hourly")
    return int(found)


def test_a_double_in_one_batch_counts_once(bench: Bench) -> None:
    one = event()
    bench.feed(one, one.again(), one.again(MINUTE))
    assert requests(bench) == 1
    assert bench.verdicts() == {"received": 3, "counted": 1, "duplicate": 2}


def test_a_double_in_a_later_batch_counts_once(bench: Bench) -> None:
    one = event()
    bench.feed_each(one, one.again(), event(), one.again(DAY))
    assert requests(bench) == 2
    assert bench.verdicts() == {"received": 4, "counted": 2, "duplicate": 2}


def test_a_double_after_a_restart_counts_once(bench: Bench) -> None:
    one = event()
    bench.feed(one)
    bench.reopen()
    bench.feed(one.again())
    assert requests(bench) == 1
    assert bench.verdicts() == {"received": 2, "counted": 1, "duplicate": 1}


def test_a_double_among_many_times_is_found_though_it_lies_far_before_them(bench: Bench) -> None:
    """Stragglers are looked up one by one, apart from the range of most of the batch."""
    old = [event(time=NOON - n * DAY) for n in range(1, 7)]
    bench.feed(*old)
    fresh = [event(time=NOON + n * SECOND) for n in range(400)]
    bench.feed(*fresh[:200], *[one.again(MINUTE + n * DAY) for n, one in enumerate(old)], *fresh)
    assert requests(bench) == 406
    assert bench.verdicts()["duplicate"] == 200 + 6


def test_every_one_of_many_doubles_at_as_many_times_is_found(bench: Bench) -> None:
    """Whether it is looked up as a straggler, at the edge of the range or within it."""
    many = [event(time=NOON + n * SECOND, appended=NOON + 10 * MINUTE) for n in range(200)]
    bench.feed(*many)
    bench.feed(*[one.again() for one in many])
    assert requests(bench) == 200
    assert bench.verdicts() == {"received": 400, "counted": 200, "duplicate": 200}


def test_the_same_id_from_another_source_is_another_event(bench: Bench) -> None:
    bench.feed(event(id="1", source="/a"), event(id="1", source="/b"))
    bench.feed(event(id="1", source="/c"))
    assert requests(bench) == 3


def test_the_same_id_at_another_time_is_another_event(bench: Bench) -> None:
    bench.feed(event(id="1"), event(id="1", time=NOON + MICROSECOND))
    assert requests(bench) == 2


def test_source_and_id_do_not_run_into_each_other(bench: Bench) -> None:
    bench.feed(event(source="/a", id="bc"), event(source="/ab", id="c"))
    assert requests(bench) == 2


def test_an_event_counts_up_to_exactly_the_dedup_window_and_is_late_beyond(bench: Bench) -> None:
    bench.feed(event(late=WEEK, id="just"), event(late=WEEK + MICROSECOND, id="late"))
    assert requests(bench) == 1
    assert bench.verdicts() == {"received": 2, "counted": 1, "late": 1}
    assert bench.rows('SELECT id, "time", append_time, type FROM late') == [
        ("late", HOUR, HOUR + WEEK + MICROSECOND, "meetlat.interaction.v1")
    ]


def test_the_dedup_window_is_a_setting(tmp_path: Path) -> None:
    bench = Bench(tmp_path, dedup_days=0.5)
    bench.feed(event(late=DAY / 2), event(late=DAY / 2 + MICROSECOND))
    assert bench.verdicts() == {"received": 2, "counted": 1, "late": 1}
    bench.close()


def test_a_late_event_counts_in_its_own_hour(bench: Bench) -> None:
    bench.feed(event(late=3 * DAY))
    assert bench.cell("interactions_hourly", "hour") == (HOUR,)


def test_every_copy_of_a_late_event_is_late(bench: Bench) -> None:
    late = event(late=8 * DAY)
    bench.feed(late, late.again())
    bench.feed(late.again())
    assert bench.verdicts() == {"received": 3, "late": 3}


def test_a_copy_that_comes_too_late_is_late_and_the_one_in_time_counts(bench: Bench) -> None:
    one = event()
    bench.feed(one.again(8 * DAY), one)
    assert bench.verdicts() == {"received": 2, "counted": 1, "late": 1}


def test_history_is_never_late(bench: Bench) -> None:
    bench.feed(event(late=800 * DAY, history=True))
    assert requests(bench) == 1
    assert bench.rows("SELECT * FROM late") == []


def test_an_unknown_type_is_counted_and_kept_but_in_no_cell(bench: Bench) -> None:
    walk = event("walk", steps=4000)
    bench.feed(walk, walk.again())
    assert bench.verdicts() == {"received": 2, "counted": 1, "duplicate": 1}
    assert [row[-1] for row in bench.archived()] == [walk.value] * 2
    counted = {table for table, rows in bench.snapshot("live_series").items() if rows}
    assert counted == {"health_hourly"}


@pytest.mark.parametrize(
    "name",
    ["interaction", "escalation", "usage", "feedback", "review", "task", "probe", "measurement",
     "resolution", "support_request", "selection_counts"],
)  # fmt: skip
def test_an_event_of_another_environment_is_in_no_cell_state_or_live_series(
    bench: Bench, name: str
) -> None:
    more = {} if name == "selection_counts" else {"session": "s", "case": "c", "user": None}
    bench.feed(event(name, environment="staging", feature="f", **more))
    assert bench.verdicts() == {"received": 1, "counted": 1}
    filled = {table for table, rows in bench.snapshot().items() if rows}
    assert filled == {"health_hourly", "live_series"}
    assert {key.metric for key in bench.live.values} == {"meetlat_events_total"}


def test_a_senders_account_counts_in_any_environment(bench: Bench) -> None:
    bench.feed(event("sdk_report", environment="staging", dropped={"queue_full": 3}))
    assert bench.row("SELECT total FROM sender_totals WHERE account = 'dropped'") == (3,)


# --- what `seen` may forget


def seen(bench: Bench) -> int:
    (count,) = bench.row("SELECT count(*) FROM seen")
    return int(count)


def test_identities_are_forgotten_when_a_double_would_be_late(bench: Bench) -> None:
    one = event()
    bench.feed(one)
    bench.feed(event(time=NOON + 6 * DAY))
    assert seen(bench) == 2
    bench.feed(event(time=NOON + 9 * DAY))
    assert seen(bench) == 2
    bench.feed(one.again(9 * DAY))
    assert bench.verdicts() == {"received": 4, "counted": 3, "late": 1}


def test_an_event_ahead_of_the_log_is_remembered_until_its_double_would_be_late(
    bench: Bench,
) -> None:
    ahead = event(late=-5 * MINUTE)
    bench.feed(ahead)
    bench.feed(event(time=ahead.appended + 7 * DAY + 5 * MINUTE, late=timedelta(0)))
    bench.feed(Sent(ahead.value, NOON + 7 * DAY))
    assert bench.verdicts() == {"received": 3, "counted": 2, "duplicate": 1}


def test_history_sent_twice_adds_nothing_even_when_its_ids_were_forgotten(tmp_path: Path) -> None:
    bench = Bench(tmp_path, file_records=3)
    history = [event(time=NOON - n * 30 * DAY, appended=NOON, history=True) for n in range(10)]
    bench.feed(*history)
    bench.feed(event(time=NOON + 20 * DAY))
    assert seen(bench) == 1
    before = bench.snapshot("health_hourly", "live_series")
    bench.feed(*[one.again(21 * DAY) for one in history])
    bench.feed(*[one.again(22 * DAY) for one in history])
    assert bench.verdicts() == {"received": 31, "counted": 11, "duplicate": 20}
    assert bench.snapshot("health_hourly", "live_series") == before
    bench.close()


def test_history_is_looked_up_past_records_that_are_no_events(tmp_path: Path) -> None:
    bench = Bench(tmp_path, file_records=3)
    old = event(time=NOON - 30 * DAY, appended=NOON, history=True)
    bench.feed(Sent(b"\xff", NOON), old, Sent(b"no json", NOON), event("walk", time=NOON))
    bench.feed(event(time=NOON + 20 * DAY))
    bench.feed(old.again(21 * DAY))
    assert bench.verdicts() == {"received": 6, "counted": 3, "duplicate": 1, "dead": 2}
    bench.close()


def test_a_history_double_is_found_where_its_original_waits_in_the_tail(bench: Bench) -> None:
    old = event(time=NOON - 30 * DAY, appended=NOON, history=True)
    bench.feed(old)
    bench.feed(event(time=NOON + 20 * DAY), old.again(20 * DAY))
    bench.feed(old.again(20 * DAY + MINUTE))
    assert bench.verdicts() == {"received": 4, "counted": 2, "duplicate": 2}


def test_a_partition_that_lags_behind_the_others_doubles_nothing(tmp_path: Path) -> None:
    """The watermark of a partition that is ahead must not make its doubles count again."""
    bench = Bench(tmp_path, file_records=1)
    one = event(partition=1)
    bench.feed(one)
    bench.feed(event(time=NOON + 10 * DAY, partition=0))
    assert seen(bench) == 1
    bench.feed(one.again(6 * DAY))  # in time by its own append time
    assert bench.verdicts() == {"received": 3, "counted": 2, "duplicate": 1}
    bench.close()


def test_an_event_ahead_of_the_log_is_found_too_when_its_partition_lags(tmp_path: Path) -> None:
    """It was forgotten by its append time, which lies before its time."""
    bench = Bench(tmp_path, file_records=1)
    ahead = event(late=-5 * MINUTE, partition=1)
    bench.feed(ahead)
    bench.feed(event(time=NOON + 7 * DAY + 8 * MINUTE, late=0 * SECOND))
    (seen_from,) = bench.row("SELECT seen_from FROM progress")
    assert HOUR - 5 * MINUTE < seen_from < HOUR
    assert seen(bench) == 1
    bench.feed(replace(ahead, appended=NOON + DAY))
    assert bench.verdicts() == {"received": 3, "counted": 2, "duplicate": 1}
    bench.close()


def test_an_identity_written_with_escapes_is_the_same_identity(tmp_path: Path) -> None:
    bench = Bench(tmp_path, file_records=1)
    plain = event(id="é", time=NOON - 30 * DAY, appended=NOON, history=True)
    tree = json.loads(plain.value)
    raw = Sent(json.dumps(tree, ensure_ascii=False).encode(), NOON + 21 * DAY)
    assert raw.value != plain.value
    bench.feed(plain)
    bench.feed(event(time=NOON + 20 * DAY))
    bench.feed(raw)
    assert bench.verdicts() == {"received": 3, "counted": 2, "duplicate": 1}
    bench.close()
