"""kill -9 of the aggregator at a chosen step: in a migration, a batch, a commit, a publication, an
archive write, a rebuild. Then the real program goes on, and everything is exact.
"""

from __future__ import annotations

import re
import signal
from datetime import timedelta
from pathlib import Path

import pytest
from support.services import meetlat
from system.chaos.programs import TRIP_PATH, Trip, system
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
        # And in one that a running aggregator makes.
        running.launch_with(Trip("os.replace rebuild.duckdb"))
        running.aggregator.wait_ready()
        done = meetlat(tmp_path, "rebuild")
        assert (done.returncode, running.aggregator.wait_end()) == (1, -signal.SIGKILL)
        assert "the aggregator stopped while it was asked; ask again" in done.stderr
        running.finish()


def steps_of(folder: Path) -> list[str]:
    """Every kind of step of an aggregator that leaves a trace, in the order of their first one."""
    journal = folder / "journal"
    with system(folder) as running:
        running.append_long_ago(6, 200, LONG_AGO)
        running.append(make_story(7, 200))
        running.aggregator.launch(
            "system.chaos.tripwire", "aggregate", TRIP_JOURNAL=str(journal), **TRIP_PATH
        )
        running.aggregator.wait_ready()
        running.wait_counted()
        assert running.aggregator.terminate() == 0
    # Up to the first number or name: those are other ones each time.
    kinds = (re.split(r"[\d'$]", line)[0][:60] for line in journal.read_text().splitlines())
    idle = ("SELECT", "side SELECT", "COMMENT", "side COMMENT", "DESCRIBE", "side DESCRIBE")
    return list(dict.fromkeys(kind for kind in kinds if kind and not kind.startswith(idle)))


@pytest.mark.soak
@pytest.mark.timeout(0)
@pytest.mark.parametrize("when", ["before", "during"])
def test_a_kill_at_every_step_that_leaves_a_trace(tmp_path: Path, when: str) -> None:
    """A new data directory for each ten of them; each life begins with something to count."""
    steps = steps_of(tmp_path / "all")
    assert len(steps) > 50
    kills = 0
    for start in range(0, len(steps), 10):
        with system(tmp_path / str(start)) as running:
            running.append_long_ago(8, 60, LONG_AGO)
            for number, step in enumerate(steps[start : start + 10]):
                running.append(make_story(start + number, 30))
                kills += running.try_kill_at(Trip(re.escape(step), when))
            running.finish()
    assert kills > 0.75 * len(steps)  # some want an event that a short story may lack
