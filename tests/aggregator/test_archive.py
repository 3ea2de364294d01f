"""The archive keeps every record byte for byte, and its list is committed with the batch."""

from __future__ import annotations

import logging
from datetime import timedelta
from pathlib import Path

import pytest
from support.aggregating import DAY, NOON, Bench, Sent, event
from support.ingesting import data_settings, opened

from meetlat.settings import BATCH_EVENTS, Settings
from meetlat_aggregator.archive import Archive, records_of
from meetlat_aggregator.transaction import MAX_DEAD_BYTES


def test_files_and_tail_hold_every_record_with_its_place_and_verdict(tmp_path: Path) -> None:
    bench = Bench(tmp_path, file_records=4)
    one = event(partition=1)
    batches = [
        [one, Sent(b"\x00\xff no json", NOON, 2), event("walk")],
        [one.again(), event(late=8 * DAY)],
        [Sent(b"", NOON, 1)],
    ]
    for batch in batches:
        bench.feed(*batch)
    assert bench.archived() == [
        (1, 0, "counted", one.value),
        (2, 0, "dead", b"\x00\xff no json"),
        (0, 0, "counted", batches[0][2].value),
        (1, 1, "duplicate", one.value),
        (0, 1, "late", batches[1][1].value),
        (1, 2, "dead", b""),
    ]
    assert bench.row("SELECT count(*) FROM archive_tail") == (1,)
    (name,) = bench.archive.on_disk()
    assert name == "2026/03/04/000000000001-000000000002.parquet"
    assert bench.archive.directory.stat().st_mode & 0o077 == 0, "it holds rows about one person"
    assert bench.row("SELECT file, first_batch, last_batch, records FROM archive_files") == (
        name, 1, 2, 5,
    )  # fmt: skip
    bench.close()


def test_a_full_batch_becomes_a_file_without_passing_through_the_tail(tmp_path: Path) -> None:
    assert Archive(tmp_path).file_records <= Settings({})[BATCH_EVENTS]


def test_records_are_read_back_as_they_were(bench: Bench) -> None:
    sent = [event(partition=3), Sent(b"bad", NOON, 1)]
    records = bench.records(sent)
    bench.feed_records(records)
    rows = bench.con.sql("SELECT * FROM archive_tail ORDER BY seq").to_arrow_table()
    assert list(records_of(rows)) == records


def test_a_tail_of_an_hour_becomes_a_file_though_it_is_short(bench: Bench) -> None:
    bench.feed(event(appended=NOON))
    bench.feed(event(appended=NOON + timedelta(minutes=59, seconds=59)))
    assert bench.archive.on_disk() == []
    bench.feed(event(appended=NOON + timedelta(hours=1)))
    assert len(bench.archive.on_disk()) == 1
    assert bench.row("SELECT count(*) FROM archive_tail") == (0,)


async def test_a_file_that_no_commit_lists_is_deleted_at_the_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = data_settings(tmp_path)
    bench = Bench(tmp_path, file_records=1)
    bench.feed(event())
    bench.close()
    (kept,) = bench.archive.on_disk()
    orphan = tmp_path / "archive" / kept.replace("000001", "000002")
    orphan.write_bytes(b"half a file")
    with caplog.at_level(logging.INFO):
        async with opened(settings):
            assert bench.archive.on_disk() == [kept]
    assert "deleted 1 archive files of batches that were not committed" in caplog.text


async def test_a_file_that_is_gone_is_reported_at_the_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = data_settings(tmp_path)
    bench = Bench(tmp_path, file_records=1)
    bench.feed(event())
    bench.close()
    (name,) = bench.archive.on_disk()
    (tmp_path / "archive" / name).unlink()
    async with opened(settings):
        gone = tmp_path / "archive" / name
        assert f"1 archive files are gone, the first is {gone}" in caplog.text


# --- dead letters in the outbox


def test_a_dead_letter_is_cut_at_900_kib_and_marked_the_archive_keeps_it_whole(
    bench: Bench,
) -> None:
    assert MAX_DEAD_BYTES == 900 * 1024
    fits, long = b"x" * MAX_DEAD_BYTES, b"x" * (MAX_DEAD_BYTES + 1)
    bench.feed(Sent(fits), Sent(long))
    rows = bench.rows("SELECT octet_length(value), cut FROM outbox ORDER BY seq")
    assert rows == [(MAX_DEAD_BYTES, False), (MAX_DEAD_BYTES, True)]
    assert [len(row[-1]) for row in bench.archived()] == [len(fits), len(long)]


def test_a_dead_letter_says_where_it_came_from_and_what_was_wrong(bench: Bench) -> None:
    bench.feed(event(), Sent(b'{"specversion": "1.0"}', NOON, 4))
    ((partition, offset, error, sent),) = bench.rows(
        'SELECT "partition", "offset", error, sent FROM outbox'
    )
    assert (partition, offset, sent) == (4, 0, False)
    assert error.startswith("id: ")
