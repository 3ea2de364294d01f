"""`rebuild`: the same tables from the archive, differences named, a broken database restored."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
from support.aggregating import DAY, MINUTE, NOON, Bench, Sent, event, person, void
from support.commanding import run
from support.ingesting import FakeReader, data_settings, opened

from meetlat.settings import Settings
from meetlat_aggregator import rebuild as rebuild_module
from meetlat_aggregator.archive import Archive
from meetlat_aggregator.database import BrokenDatabaseError
from meetlat_aggregator.ingest import Ingest
from meetlat_aggregator.rebuild import rebuild_file


def story() -> list[Sent]:
    target = event(session="s", user=person(1), duration=1, feature="f")
    one = event("task", case="c", handling=5)
    return [
        target,
        one,
        one.again(),
        Sent(b"\xffbad", NOON),
        event(late=9 * DAY),
        event(time=NOON - 80 * DAY, appended=NOON, history=True),
        event("walk"),
        event("task", case="c", handling=7, time=NOON + MINUTE, partition=1),
        void(target, partition=1),
        void(event(id="never")),
        event("sdk_report", dropped={"queue_full": 2}),
        event("probe", location="home", success=False, interval=60),
    ]


def filled(directory: Path, file_records: int = 4) -> Bench:
    """A data directory with part of the story in files and part in the tail."""
    data_settings(directory)
    bench = Bench(directory, file_records=file_records)
    events = story()
    bench.feed(*events[:6])
    bench.feed(*events[6:])
    bench.feed(event(id="last"))
    assert bench.archive.on_disk()
    return bench


def test_equal_tables_are_swapped_in(tmp_path: Path) -> None:
    bench = filled(tmp_path)
    before, archived = bench.snapshot(), bench.archived()
    others = ["positions", "accepted_poison", "outbox", "archive_files", "live_labels"]
    kept = {name: sorted(map(repr, bench.rows(f"FROM {name}"))) for name in others}
    bench.close()
    old = (tmp_path / "aggregator.duckdb").stat().st_ino
    done = run("rebuild", data=tmp_path)
    assert (done.status, done.out) == (0, "rebuilt: all tables are equal\n")
    assert (tmp_path / "aggregator.duckdb").stat().st_ino != old
    bench = Bench(tmp_path)
    assert bench.snapshot() == before
    assert bench.archived() == archived
    for name in others:
        assert sorted(map(repr, bench.rows(f"FROM {name}"))) == kept[name], name
    bench.feed(event(id="last"), event(id="more"))
    assert bench.verdicts()["duplicate"] == 2
    bench.close()


def test_different_tables_are_named_and_nothing_is_changed(tmp_path: Path) -> None:
    bench = filled(tmp_path)
    bench.con.execute("UPDATE interactions_hourly SET requests = requests + 1")
    bench.con.execute("DELETE FROM tasks")
    before = bench.snapshot()
    bench.close()
    done = run("rebuild", data=tmp_path)
    assert done.status == 1
    lines = done.out.splitlines()
    assert [line.split()[0] for line in lines[2:-1]] == ["interactions_hourly", "tasks"]
    assert lines[-1] == "the tables differ, and nothing was changed; --accept swaps the new ones in"
    bench = Bench(tmp_path)
    assert bench.snapshot() == before
    bench.close()
    assert not (tmp_path / "rebuild.duckdb").exists()


def test_accept_swaps_the_different_tables_in(tmp_path: Path) -> None:
    bench = filled(tmp_path)
    before = bench.snapshot()
    bench.con.execute("UPDATE interactions_hourly SET requests = requests + 1")
    bench.close()
    done = run("rebuild", "--accept", data=tmp_path)
    assert done.status == 0
    assert done.out.endswith("rebuilt: accepted\n")
    bench = Bench(tmp_path)
    assert bench.snapshot() == before
    bench.close()


BREAKS: dict[str, Any] = {
    "its head": lambda raw: b"\x55" * 4096 + raw[4096:],
    "its blocks": lambda raw: raw[:12288] + bytes(byte ^ 0x5A for byte in raw[12288:]),
    "its second half": lambda raw: raw[: len(raw) // 2],
    "all of it": lambda _: b"",
}


@pytest.mark.parametrize("lost", [*BREAKS, "the file"])
def test_a_broken_database_is_told_in_one_line_and_made_anew_on_accept(
    tmp_path: Path, lost: str
) -> None:
    """What only the tail held is read from the log again."""
    settings = data_settings(tmp_path)
    bench = Bench(tmp_path, file_records=4)
    events = story()
    bench.feed(*events[:6])
    bench.feed(*events[6:])
    bench.feed(event(id="last", time=NOON + MINUTE))
    before = bench.snapshot()
    bench.con.execute("CHECKPOINT")
    bench.close()
    database = tmp_path / "aggregator.duckdb"
    if lost == "the file":
        database.unlink()
    else:
        database.write_bytes(BREAKS[lost](database.read_bytes()))

    done = run("rebuild", data=tmp_path)
    assert done.status == 1
    assert done.err.startswith("meetlat: ")
    assert done.err.count("\n") == 1
    assert "`meetlat rebuild --accept`" in done.err
    assert len(bench.archive.on_disk()) == 2, "nothing of the archive is touched"

    done = run("rebuild", "--accept", data=tmp_path)
    assert (done.status, done.out.split(";")[0]) == (0, "rebuilt from the archive")
    assert (tmp_path / "aggregator.duckdb.broken").exists() == (lost != "the file")

    reader = FakeReader([*events, event(id="last", time=NOON + MINUTE)])
    asyncio.run(_read_on(settings, reader))
    bench = Bench(tmp_path)
    assert bench.snapshot() == before
    bench.close()


async def _read_on(settings: Settings, reader: FakeReader) -> None:
    async with opened(settings) as store:
        assert {p: at.next_offset for p, at in store.positions.items()} == {0: 10, 1: 2}
        assert store.batches == 2
        stop = asyncio.Event()
        stop.set()
        await Ingest(settings, store, reader).run(stop)


async def _open(settings: Settings) -> None:
    async with opened(settings):
        pass


def test_a_database_older_than_its_archive_is_refused_and_the_archive_kept(
    tmp_path: Path,
) -> None:
    """As after an old copy of it was put back: what it does not know is no orphan of a crash."""
    settings = data_settings(tmp_path)
    bench = Bench(tmp_path, file_records=1)
    bench.feed(event())
    bench.con.execute("CHECKPOINT")
    copy = (tmp_path / "aggregator.duckdb").read_bytes()
    bench.feed(event())
    bench.feed(event())
    bench.close()
    (tmp_path / "aggregator.duckdb").write_bytes(copy)
    with pytest.raises(BrokenDatabaseError, match="does not know 2 files of the archive"):
        asyncio.run(_open(settings))
    assert len(bench.archive.on_disk()) == 3
    assert run("rebuild", "--accept", data=tmp_path).status == 0
    bench = Bench(tmp_path)
    assert bench.verdicts() == {"received": 3, "counted": 3}
    bench.close()


def test_what_a_crash_left_is_not_taken_for_committed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of a batch that was thrown away begins as the one that was committed after it."""
    monkeypatch.setattr(Archive, "forget", lambda *_: None)
    data_settings(tmp_path)
    bench = Bench(tmp_path, file_records=2)
    bench.feed(event())
    with pytest.raises(RuntimeError):
        bench.feed(event(), before_commit=_crash)
    (orphan,) = bench.archive.on_disk()
    bench.archive = replace(bench.archive, file_records=50)
    bench.transactions.archive = bench.archive
    bench.feed(Sent(b"bad", NOON))
    bench.archive = replace(bench.archive, file_records=2)
    bench.transactions.archive = bench.archive
    bench.feed(event())
    committed = bench.snapshot()
    assert len(bench.archive.on_disk()) == 2
    bench.close()
    (tmp_path / "aggregator.duckdb").write_bytes(b"")
    assert run("rebuild", "--accept", data=tmp_path).status == 0
    bench = Bench(tmp_path)
    assert bench.snapshot() == committed
    assert orphan not in bench.archive.on_disk()
    bench.close()


def _crash() -> None:
    raise RuntimeError


def test_files_are_taken_in_the_order_of_their_batches_not_of_their_days(tmp_path: Path) -> None:
    """A partition that lags puts older days into later batches."""
    data_settings(tmp_path)
    bench = Bench(tmp_path, file_records=1)
    target = event(time=NOON + DAY, partition=0, session="s")
    bench.feed(target)
    bench.feed(void(target, time=NOON, late=MINUTE, partition=1))
    names = bench.archive.on_disk()
    assert [name[:10] for name in names] == ["2026/03/05", "2026/03/04"]
    before = bench.snapshot()
    bench.close()
    (tmp_path / "aggregator.duckdb").write_bytes(b"")
    assert run("rebuild", "--accept", data=tmp_path).status == 0
    bench = Bench(tmp_path)
    assert bench.snapshot() == before
    bench.close()


def test_an_archive_file_that_is_gone_stops_a_rebuild_even_on_accept(tmp_path: Path) -> None:
    bench = filled(tmp_path)
    before = bench.snapshot()
    bench.close()
    name = bench.archive.on_disk()[0]
    (tmp_path / "archive" / name).unlink()
    for more in ((), ("--accept",)):
        done = run("rebuild", *more, data=tmp_path)
        assert done.status == 1
        gone = tmp_path / "archive" / name
        assert f"1 archive files are gone, the first is {gone};" in done.err
    bench = Bench(tmp_path)
    assert bench.snapshot() == before
    bench.close()


@pytest.mark.parametrize("keep", [0, 100, 0.5])
@pytest.mark.parametrize("with_database", [True, False])
def test_a_damaged_archive_file_stops_a_rebuild_with_one_line(
    tmp_path: Path, keep: float, with_database: bool
) -> None:
    bench = filled(tmp_path)
    before = bench.snapshot()
    bench.close()
    path = tmp_path / "archive" / bench.archive.on_disk()[0]
    raw = bytearray(path.read_bytes())
    if keep == 0.5:  # whole but for its pages
        raw[4 : len(raw) // 2] = bytes(len(raw) // 2 - 4)
    else:
        del raw[int(keep) :]
    path.write_bytes(raw)
    if not with_database:
        bench.database.rename(tmp_path / "elsewhere")
    done = run("rebuild", "--accept", data=tmp_path)
    assert done.status == 1
    assert f"cannot read the archive file {path}" in done.err
    assert "put it back from a backup" in done.err
    if with_database:
        bench = Bench(tmp_path)
        assert bench.snapshot() == before
        bench.close()


def test_a_history_double_in_a_file_of_many_chunks_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its original waits in the rebuild's tail when `seen` has forgotten it."""
    monkeypatch.setattr(rebuild_module, "CHUNK_RECORDS", 1)
    bench = Bench(tmp_path, file_records=1)
    old = event(time=NOON - 40 * DAY, appended=NOON, history=True)
    ahead = event(time=NOON + 30 * DAY)
    bench.feed(old, ahead, old.again(30 * DAY))
    target = tmp_path / "rebuild.duckdb"
    rebuild_file(
        target, Archive(tmp_path / "archive"), "meetlat.events.v1", bench.dedup_window, bench.con
    )
    bench.close()
    with duckdb.connect(str(target), read_only=True) as con:
        total = "sum(counted)::BIGINT, sum(duplicate)::BIGINT"
        assert con.execute(f"SELECT {total} FROM health_hourly").fetchall() == [(2, 1)]
