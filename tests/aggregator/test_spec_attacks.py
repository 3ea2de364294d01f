"""Orders of events, restarts and odd bytes that were found to lose or double something."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.aggregating import DAY, NOON, Bench, Sent, event, void

from meetlat_aggregator.rebuild import compare, rebuild_file


def said_twice(sent: Sent, **last: str) -> Sent:
    """The same bytes with envelope members said a second time: the last one is what counts."""
    more = ", ".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in last.items())
    return Sent(sent.value[:-1] + f", {more}}}".encode(), sent.appended, sent.partition)


def test_history_that_says_its_id_twice_counts_once_however_late_it_comes_again(
    bench: Bench,
) -> None:
    sent = said_twice(event(time=NOON - 40 * DAY, appended=NOON, history=True), id="other")
    bench.feed(sent)
    bench.feed(event(time=NOON + 20 * DAY))
    bench.feed(sent.again(21 * DAY))
    assert bench.verdicts() == {"received": 3, "counted": 2, "duplicate": 1}


def test_an_event_that_says_its_id_twice_is_withdrawn_by_the_one_that_counts(bench: Bench) -> None:
    plain = event(id="first", session="s")
    bench.feed(said_twice(plain, id="last"))
    target = event(id="last", time=NOON)
    bench.feed(void(target))
    assert bench.rows("SELECT * FROM interactions_hourly") == []
    assert bench.rows("SELECT * FROM conversations") == []


def test_a_file_of_a_batch_that_was_thrown_away_does_not_outlive_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path, file_records=3)

    def rebalanced() -> None:
        raise RuntimeError("the partitions are gone")

    with pytest.raises(RuntimeError):
        bench.feed(event(), event(), event(), before_commit=rebalanced)
    assert bench.archive.on_disk() == []
    bench.feed(event())
    bench.feed(event())
    bench.reopen()
    assert bench.archive.sweep(bench.con) == []
    bench.close()


def test_a_rebuild_counts_folded_labels_alike_however_the_log_was_cut(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.feed(*[event(tool=f"t{n}") for n in range(100)])
    for _ in range(3):
        bench.feed(event(tool="one too many"), event(tool="one too many"))
    target = tmp_path / "rebuilt.duckdb"
    rebuild_file(target, bench.archive, "meetlat.events.v1", bench.dedup_window, bench.con)
    assert compare(bench.con, target) == []
    bench.close()


async def test_a_log_that_appears_later_is_known_again(tmp_path: Path) -> None:
    pass
