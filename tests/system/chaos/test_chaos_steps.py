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

# In this order: a data directory that is new, then one whose log reaches back over an hour.
FIRST_LIFE = [
    Trip("INSERT INTO migrations", "after"),
    Trip("COMMIT", "during"),
    Trip("CHECKPOINT$"),
]
ARCHIVE = [
    Trip("parquet", "during", delay=0.002),
    Trip("os.fsync", "before", number=2),
    Trip("INSERT INTO archive_files", "after"),
]
BATCH = [
    Trip("MERGE INTO interactions_hourly", "after"),
    Trip("COMMIT", "during", delay=0.001),
    Trip("COMMIT", "after"),
]
PUBLICATION = [
    Trip("side COMMIT", "during", delay=0.002),
    Trip("os.replace .kpi.duckdb.draft", "before"),
    Trip("UPDATE outbox", "before"),
]
REBUILD = [
    Trip("COMMIT", "during", number=2),
    Trip("os.replace rebuild.duckdb", "before"),
    Trip("os.replace rebuild.duckdb", "after"),
]


def test_a_kill_in_a_migration_an_archive_write_a_batch_and_a_publication(tmp_path: Path) -> None:
    with system(tmp_path) as running:
        running.append_long_ago(2, 100, LONG_AGO)
        running.append(make_story(3, 100))
        for trip in (*FIRST_LIFE, *ARCHIVE, *BATCH, *PUBLICATION):
            running.kill_at(trip)
            if trip in BATCH:
                running.append(make_story(trip.number, 30))
        running.finish()


def test_a_kill_in_a_rebuild(tmp_path: Path) -> None:
    with system(tmp_path) as running:
        running.append_long_ago(4, 100, LONG_AGO)
        running.append(make_story(5, 100))
        running.kill_at(Trip("COMMIT", "after", number=3))
        for trip in REBUILD:
            running.kill_at(trip, "rebuild")
        running.finish()
