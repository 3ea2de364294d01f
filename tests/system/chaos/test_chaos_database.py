"""Full disks, damaged files, stray and second programs in the data directory: the aggregator goes
on by itself, or stops with one line that says what to do, and nothing is miscounted.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
import urllib.error
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from support.disk import disk, fill, top_up
from support.services import meetlat, until
from system.chaos.programs import System, Trip, Victim, explains, last_words, system
from system.chaos.truth import make_story, query

from meetlat.logs.embedded import EmbeddedAppender, utc_micros

pytestmark = pytest.mark.timeout(300)
LONG_AGO = timedelta(hours=2)  # so that the first batch makes a file of the archive


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder whose `data` is a disk of 24 MB."""
    with disk(tmp_path / "data"):
        yield tmp_path


def unready(victim: Victim) -> str:
    """Why a program says that it is not ready; '' when it does not say so."""
    try:
        victim.get("/readyz")
    except urllib.error.HTTPError as error:
        return error.read().decode()
    return ""


def counted(running: System, seed: int = 1) -> None:
    """A story is told and counted, and part of it lies in a file of the archive."""
    running.append_long_ago(seed, 60, LONG_AGO)
    running.append(make_story(seed + 1, 60))
    running.aggregator.launch()
    running.aggregator.wait_ready()
    running.wait_counted()


def test_a_full_disk_is_waited_out(small_disk: Path) -> None:
    """Full at the commit, and full at the publication; told to stop meanwhile it stops."""
    with system(small_disk, log=f"embedded:{small_disk / 'log'}") as running:
        aggregator = running.aggregator
        counted(running)
        ballast = fill(running.data, left=0)
        running.append(make_story(3, 60))
        until(lambda: "No space left" in unready(aggregator), "it says so", said=aggregator.said)
        ballast.unlink()
        running.wait_counted()
        assert not unready(aggregator)
        ballast = fill(running.data, left=400_000)
        running.append(make_story(4, 60))
        until(lambda: "cannot publish" in aggregator.said(), "it says so", said=aggregator.said)
        ballast.unlink()
        running.wait_counted()
        ballast = fill(running.data, left=0)
        seeds = itertools.count(5)

        def says_so() -> bool:
            # A publication that ends gives back what it had spilled, and a batch may fit into that.
            top_up(ballast)
            running.append(make_story(next(seeds), 20))
            return "No space left" in unready(aggregator)

        until(says_so, "it says so", said=aggregator.said)
        assert aggregator.terminate() == 0, aggregator.said()
        ballast.unlink()
        running.finish(rebuild=False)


def test_a_full_disk_at_the_start_is_not_taken_for_a_broken_database(small_disk: Path) -> None:
    with system(small_disk, log=f"embedded:{small_disk / 'log'}") as running:
        running.append(make_story(1, 60))
        for left in (0, 50_000):  # no file can be made; the migration cannot be written
            ballast = fill(running.data, left)
            said = explains(running.aggregator)
            assert f"the disk of {running.data} is full; free space" in said
            ballast.unlink()
        running.finish(rebuild=False)


def every_block(raw: bytearray) -> None:
    """Turn some bytes of each block around, as a dying disk does; the headers are whole."""
    for start in range(3 * 4096 + 500, len(raw), 256 * 1024):
        raw[start : start + 8] = bytes(byte ^ 0xFF for byte in raw[start : start + 8])


def the_header(raw: bytearray) -> None:
    """No DuckDB file any more."""
    raw[:16] = bytes(16)


def cut_off(raw: bytearray) -> None:
    """The second half is gone."""
    del raw[len(raw) // 2 :]


@pytest.mark.parametrize(
    "damage",
    [
        every_block,
        pytest.param(the_header, marks=pytest.mark.soak),
        pytest.param(cut_off, marks=pytest.mark.soak),
        pytest.param(bytearray.clear, marks=pytest.mark.soak),
    ],
)
def test_a_damaged_database_is_told_and_made_anew_from_archive_and_log(
    tmp_path: Path, damage: Callable[[bytearray], None]
) -> None:
    with system(tmp_path) as running:
        counted(running)
        assert running.aggregator.terminate() == 0
        database = running.data / "aggregator.duckdb"
        raw = bytearray(database.read_bytes())
        damage(raw)
        database.write_bytes(raw)
        running.append(make_story(3, 60))
        said = explains(running.aggregator)
        assert f"cannot read the database {database}" in said
        assert "`meetlat rebuild --accept`" in said
        done = meetlat(tmp_path, "rebuild", "--accept")
        assert done.returncode == 0, done.stderr
        assert "rebuilt from the archive" in done.stdout
        running.finish(rebuild=False)


@pytest.mark.parametrize("damage", [every_block, pytest.param(cut_off, marks=pytest.mark.soak)])
def test_a_damaged_working_file_of_the_publication_is_made_anew(
    tmp_path: Path, damage: Callable[[bytearray], None]
) -> None:
    with system(tmp_path) as running:
        counted(running)
        assert running.aggregator.terminate() == 0
        working = running.data / "kpi.working.duckdb"
        raw = bytearray(working.read_bytes())
        damage(raw)
        working.write_bytes(raw)
        running.append(make_story(3, 60))
        running.finish(rebuild=False)
        assert f"cannot read {working}" in running.aggregator.said()


def test_records_that_the_log_deleted_unread_stop_it_and_change_nothing(tmp_path: Path) -> None:
    with system(tmp_path) as running:
        counted(running)
        assert running.aggregator.terminate() == 0
        before = running.published(query("data_health") + " ORDER BY ALL")
        running.append(make_story(3, 60))
        appender = EmbeddedAppender(running.data / "log", running.topic)
        assert appender.trim(utc_micros(), unread_too=True) > 60
        appender.close()
        running.append(make_story(4, 10))
        said = explains(running.aggregator)
        assert "stored offset" in said
        assert "were deleted unread; restore the log" in said
        assert running.published(query("data_health") + " ORDER BY ALL") == before


def test_a_second_aggregator_refuses_and_a_wal_left_beside_the_tables_is_removed(
    tmp_path: Path,
) -> None:
    """The tables were opened read-write and killed, by root, whom the file's mode does not stop."""
    vandal = """
import duckdb, os, sys
con = duckdb.connect(sys.argv[1])
con.execute("UPDATE interactions_hourly SET requests = 1000000")
os.kill(os.getpid(), 9)
"""
    with system(tmp_path) as running:
        counted(running)
        second = Victim("aggregate", running.environ, tmp_path / "second.log")
        said = explains(second)
        assert f"another aggregator (process {running.aggregator.pid}) owns" in said
        assert "MEETLAT_DATA" in said
        kpi = running.data / "kpi.duckdb"
        wal = kpi.with_name("kpi.duckdb.wal")
        kpi.chmod(0o644)
        subprocess.run([sys.executable, "-c", vandal, str(kpi)], check=False)
        assert wal.exists()
        running.append(make_story(3, 60))
        until(lambda: not wal.exists(), "the stray WAL is gone", said=running.aggregator.said)
        assert "somebody opened kpi.duckdb for writing" in running.aggregator.said()
        running.finish(rebuild=False)


@pytest.mark.parametrize(
    "trip",
    [
        Trip("COMMIT", since="INSERT INTO positions", error="TransactionException"),
        Trip("COMMIT", since="UPDATE progress SET folded", error="TransactionException"),
        Trip("side COMMIT", error="IOException"),
    ],
    ids=["of a batch", "of a fold", "of a publication"],
)
def test_a_commit_that_fails_is_done_again(tmp_path: Path, trip: Trip) -> None:
    with system(tmp_path) as running:
        running.append(make_story(1, 100))
        running.launch_with(trip)
        until(lambda: "the test said so; trying again" in running.aggregator.said(), "it failed")
        running.finish(rebuild=False)


def test_an_archive_file_deleted_by_hand_stops_the_withdrawal_that_needs_it(
    tmp_path: Path,
) -> None:
    with system(tmp_path) as running:
        counted(running)
        (file,) = (running.data / "archive").glob("*/*/*/*.parquet")
        content = file.read_bytes()
        file.unlink()
        running.append(make_story(3, 60))  # it withdraws some of its events
        status = running.aggregator.wait_end()
        said = last_words(running.aggregator.said(), status)
        assert file.name in said
        assert "put that file back" in said
        file.write_bytes(content)
        running.finish(rebuild=False)
