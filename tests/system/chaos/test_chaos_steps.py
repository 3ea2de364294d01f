"""kill -9 of the aggregator at a chosen step: in a migration, a batch, a commit, a publication, an
archive write, a rebuild. Then the real program goes on, and everything is exact.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from system.chaos.programs import Trip, system
from system.chaos.truth import make_story

pytestmark = pytest.mark.timeout(300)
LONG_AGO = timedelta(hours=2)  # so that the first batch makes a file of the archive

BATCH = "INSERT INTO positions"  # the last statement of a batch before its COMMIT
FOLD = "UPDATE progress SET folded"  # that of cells and row-level state

# In this order: a data directory that is new, then one whose log reaches back over an hour.
TRIPS = [
    Trip("os.replace aggregator.duckdb.new"),
    Trip("INSERT INTO migrations", "after"),
    Trip("COMMIT", "during"),
    Trip("CHECKPOINT$"),
    Trip("parquet", "during", delay=0.002),
    Trip("INSERT INTO archive_files", "after"),
    Trip("COMMIT", "during", since=BATCH),
    Trip("MERGE INTO interactions_hourly", "after"),
    Trip("COMMIT", "during", since=FOLD, delay=0.001),
    Trip("COMMIT", "after", since=FOLD),
    Trip("side COMMIT", "during", delay=0.002),
    Trip("os.replace .kpi.duckdb.draft"),
    Trip("UPDATE outbox"),
]
REBUILD = [
    Trip("COMMIT", "during", since="INSERT INTO seen"),
    Trip("os.replace rebuild.duckdb"),
    Trip("os.replace rebuild.duckdb", "after"),
]


def test_a_kill_in_a_migration_an_archive_write_a_batch_and_a_publication(tmp_path: Path) -> None:
    with system(tmp_path) as running:
        running.append_long_ago(2, 100, LONG_AGO)
        running.append(make_story(3, 100))
        for number, trip in enumerate(TRIPS):
            running.kill_at(trip)
            if number % 3 == 2:  # so that there is something to commit, fold and publish
                running.append(make_story(number, 30))
        running.finish()


def test_a_kill_in_a_rebuild(tmp_path: Path) -> None:
    with system(tmp_path) as running:
        running.append_long_ago(4, 100, LONG_AGO)
        running.append(make_story(5, 100))
        running.kill_at(Trip("COMMIT", "after", since=BATCH))
        for trip in REBUILD:
            running.kill_at(trip, "rebuild")
        running.finish()
