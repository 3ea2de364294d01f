"""A data directory with a long past: what 100 million events would have left, made by SQL.

The tables get the rows they would have, in the layout of the first migration (history.sql); the
later ones bring them up to date. The files of the archive are there by name only, since nothing
opens them while no event of the past is sent again.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from meetlat_aggregator.database import migrations, open_database

EVENTS_AN_HOUR = 9_800  # 100 million in 14 months
PEOPLE = 20_000
_SLICE = 5_000_000
_SCRIPT = Path(__file__).with_name("history.sql")


@dataclass(frozen=True)
class Shape:
    """What the past is like. `hours` None: as long as `EVENTS_AN_HOUR` makes it; `tasks` is per
    mille of the events.
    """

    hours: int | None = None
    use_cases: int = 10
    teams: int = 12
    tasks: int = 40


def make_history(data: Path, events: int, until: datetime, shape: Shape = Shape()) -> None:
    """Make the data directory `data` of an aggregator that has seen `events` events."""
    data.mkdir(parents=True)
    con = _first_version(data / "aggregator.duckdb")
    end = until.replace(tzinfo=None, minute=0, second=0, microsecond=0)
    for name, value in (
        ("events", events),
        ("hours", shape.hours or max(169, events // EVENTS_AN_HOUR)),
        ("use_cases", shape.use_cases),
        ("teams", shape.teams),
        ("tasks", shape.tasks),
        ("people", PEOPLE),
        ("until", end),
    ):
        con.execute(f"SET VARIABLE {name} = ?", [value])
    con.execute("SET preserve_insertion_order = true")
    for statement in _statements():
        if not statement.startswith("-- slice"):
            con.execute(statement)
    calls = events * 700 // 1000
    for first in range(0, calls, _SLICE):
        for statement in _statements():
            if statement.startswith("-- slice"):
                asked = {"first": first, "last": min(first + _SLICE, calls)}
                con.execute(statement, asked if "$first" in statement else None)
    con.execute("DROP TABLE IF EXISTS calls")
    for (file,) in con.execute("SELECT file FROM archive_files").fetchall():
        path = data / "archive" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    con.close()
    con = open_database(data / "aggregator.duckdb", "4GB")
    con.execute("CHECKPOINT")
    con.close()


def _first_version(path: Path) -> duckdb.DuckDBPyConnection:
    """A database before all later migrations, which bring the past up to date as they would."""
    con = duckdb.connect(str(path), config={"memory_limit": "4GB", "threads": 2})
    con.execute("SET enable_progress_bar = false")
    con.execute("SET TimeZone = 'UTC'")
    version, name, text = migrations()[0]
    con.execute("CREATE TABLE migrations (version INTEGER, name VARCHAR, applied_at TIMESTAMP)")
    con.execute(text)
    con.execute("INSERT INTO migrations VALUES (?, ?, now()::TIMESTAMP)", [version, name])
    return con


def _statements() -> list[str]:
    """The statements, each with the comments right before it."""
    text = re.sub(r"^-- (?!slice).*\n", "", _SCRIPT.read_text(), flags=re.MULTILINE)
    return [part.strip() for part in text.split(";") if part.strip()]


if __name__ == "__main__":
    make_history(Path(sys.argv[1]), int(sys.argv[2]), datetime.now(UTC) - timedelta(hours=1))
