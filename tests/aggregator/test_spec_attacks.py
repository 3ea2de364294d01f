"""Orders of events, restarts and odd bytes that were found to lose or double something."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest
from support.aggregating import DAY, MINUTE, NOON, Bench, Sent, event, void
from support.ingesting import data_settings, opened

from meetlat_aggregator.archive import Archive
from meetlat_aggregator.decode import decode
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


def test_a_task_that_says_its_case_twice_falls_back_as_any_other(bench: Bench) -> None:
    twice = event("task", case="c", handling=60, time=NOON)
    bench.feed(Sent(twice.value.replace(b'"case": "c"', b'"case": "x", "case": "c"')))
    target = event("task", case="c", handling=90, time=NOON + MINUTE)
    bench.feed(target, void(target))
    assert bench.rows('SELECT "case", handling, events FROM tasks') == [("c", 60_000_000, 1)]


def test_offsets_are_told_of_the_topic_that_is_read_though_another_was_read_before(
    bench: Bench,
) -> None:
    bench.feed(event(), event())
    bench.transactions.topic = "meetlat.events.v2"
    bench.feed(event())
    with bench.published() as con:
        assert con.execute("SELECT offsets FROM meta").fetchall() == [({0: 2},)]


def test_two_binary_events_whose_ids_are_no_utf_8_do_not_become_one(bench: Bench) -> None:
    head = (
        ("ce_specversion", b"1.0"),
        ("ce_source", b"/shop"),
        ("ce_type", b"meetlat.usage.v1"),
        ("ce_time", b"2026-03-04T12:00:00Z"),
    )
    body = b'{"tool": "bot"}'
    bench.feed(*[Sent(body, headers=(*head, ("ce_id", raw))) for raw in (b"\xff", b"\xfe")])
    assert bench.verdicts() == {"received": 2, "dead": 2}
    bench.feed(Sent(body, headers=(*head, ("ce_id", b"1"), ("trace", b"\xff"))))
    assert bench.verdicts() == {"received": 3, "dead": 2, "counted": 1}


def test_kill_9_between_an_archive_file_and_its_commit_is_mended_by_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill runs no rollback: the file is there, and the next start deletes it."""
    bench = Bench(tmp_path, file_records=1)

    def killed() -> None:
        raise RuntimeError

    with monkeypatch.context() as dead:
        dead.setattr(Archive, "forget", lambda *_: None)
        with pytest.raises(RuntimeError):
            bench.feed(event(), before_commit=killed)
    assert len(bench.archive.on_disk()) == 1
    bench.reopen()
    assert len(bench.archive.sweep(bench.con)) == 1
    assert bench.archive.on_disk() == []
    bench.close()


async def test_an_acceptance_that_fails_leaves_the_database_ready_for_the_next_batch(
    tmp_path: Path,
) -> None:
    async with opened(data_settings(tmp_path)) as store:
        with pytest.raises(duckdb.Error):
            await store.accept_poison(0, 2**70)
        assert store.accepted == {}
        await store.apply(decode([]), {}, "")
