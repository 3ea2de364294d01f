"""Small event logs and maps for tests of `meetlat import`, and what came of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from meetlat.imports.making import Worker
from meetlat.imports.mapping import Map
from meetlat.imports.mapping_file import load_map
from meetlat.imports.moments import micros
from meetlat.imports.preparing import Prepared, prepare
from meetlat.imports.reading import open_log
from meetlat.logs.base import Record, Start
from meetlat.logs.embedded import EmbeddedReader
from support.aggregating import TOPIC

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
PLAIN = """
name = "orders"
use_case = "quotes"
process = "quote"
case = "case"
activity = "activity"
time = { column = "time" }
[milestones]
requested = "asked"
first_draft = "sent"
finished = "closed"
"""
LIFECYCLE = """
[lifecycle]
column = "lifecycle"
start = ["start"]
complete = ["complete"]
[handling]
activities = ["work"]
"""
ROWS = """case,activity,time
a,asked,2026-03-02T09:00:00Z
a,sent,2026-03-02T11:00:00Z
a,closed,2026-03-03T09:00:00Z
b,asked,2026-03-02T10:00:00Z
"""


def load(folder: Path, text: str) -> Map:
    """A map from its text."""
    file = folder / "map.toml"
    file.write_text(text)
    return load_map(str(file))


def prepared(
    folder: Path, rows: str | Path, map_text: str = PLAIN, worker: Worker | None = None
) -> Prepared:
    """What an import makes of a CSV text or of a file."""
    if isinstance(rows, str):
        file = folder / "log.csv"
        file.write_text(rows)
    else:
        file = rows
    said = load(folder, map_text)
    with open_log(str(file), said.file) as log:
        return prepare(log, said, micros(NOW), worker)


def data_of(done: Prepared) -> dict[str, dict[str, Any]]:
    """Case, with `/step` where there is one → the data of its event."""
    found: dict[str, dict[str, Any]] = {}
    for event in map(json.loads, done.events):
        data = event["data"]
        key = data["case"] + (f"/{data['step']}" if "step" in data else "")
        assert key not in found
        found[key] = data
    return found


class _FromTheStart:
    async def assigned(self, partitions: Sequence[int]) -> Mapping[int, Start | int]:
        return dict.fromkeys(partitions, 0)

    async def revoked(self, partitions: Sequence[int]) -> None:
        return


def records(log: Path) -> list[Record]:
    """Everything in an embedded log."""

    async def read() -> list[Record]:
        reader = EmbeddedReader(log, TOPIC)
        await reader.start(_FromTheStart())
        found: list[Record] = []
        while batch := await reader.read(100_000, 0.01):
            found += batch
        await reader.close(1.0)
        return found

    return asyncio.run(read())
