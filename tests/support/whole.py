"""A whole aggregator over a real embedded log: what it made of a log, from everywhere it tells."""

from __future__ import annotations

import asyncio
import re
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from meetlat.logs.base import Message
from meetlat.logs.embedded import EmbeddedWriter
from meetlat.settings import Settings
from meetlat_aggregator.dead_letters import DeadLetter, read_letters
from meetlat_aggregator.service import Aggregator
from support.aggregating import NOON, Sent, make_database, micros

HEALTH = ("received", "counted", "duplicate", "late", "dead", "void")


@dataclass(frozen=True)
class Said:
    """What one run left behind."""

    metrics: str
    letters: list[DeadLetter]
    archived: list[tuple[int, str, bytes, str | None]]  # offset, verdict, bytes, type
    published: dict[str, list[dict[str, Any]]]
    late: list[str]

    def health(self) -> dict[str, int]:
        """The sums of `data_health` that are not 0."""
        rows = self.published["data_health"]
        sums = {name: int(sum(row[name] for row in rows)) for name in HEALTH}
        return {name: count for name, count in sums.items() if count}

    def counter(self, name: str, **labels: str) -> float:
        """The sum of the samples of a counter with these labels."""
        total = 0.0
        for line in self.metrics.splitlines():
            if line.startswith((f"{name}{{", f"{name} ")):
                found = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', line))
                if labels.items() <= found.items():
                    total += float(line.rsplit(" ", 1)[1])
        return total


class Whole:
    """One data directory with its log. `log` and `aggregate` in any order, as in production."""

    def __init__(self, directory: Path, **overrides: Any) -> None:
        self.directory = directory
        if not (directory / "aggregator.duckdb").exists():
            make_database(directory / "aggregator.duckdb")
        self.settings = Settings(
            environ={},
            overrides={
                "MEETLAT_DATA": directory,
                "MEETLAT_LOG": f"embedded:{directory / 'log'}",
                "MEETLAT_AGGREGATOR_LISTEN": "127.0.0.1:0",
                "MEETLAT_BATCH_SECONDS": "0.01",
                **{f"MEETLAT_{name.upper()}": value for name, value in overrides.items()},
            },
        )

    def log(self, sent: Sequence[Sent]) -> None:
        """Append; neighbours with the same append time share a commit."""

        async def append() -> None:
            moment = NOON
            topic = "meetlat.events.v1"
            writer = EmbeddedWriter(self.directory / "log", topic, clock=lambda: micros(moment))
            await writer.start()
            try:
                group: list[Message] = []
                for one in sent:
                    if one.appended != moment and group:
                        await writer.append(group)
                        group = []
                    moment = one.appended
                    group.append(Message(None, one.value, one.headers))
                if group:
                    await writer.append(group)
            finally:
                await writer.close(10)

        asyncio.run(append())

    def aggregate(self) -> Said:
        """Start, read the log to its end, look at everything, stop. Raises as the program ends."""
        metrics = asyncio.run(self._run())
        with duckdb.connect(str(self.directory / "kpi.duckdb"), read_only=True) as con:
            tables = [row[0] for row in con.execute("SHOW TABLES").fetchall()]
            published = {name: _rows(con, f'SELECT * FROM "{name}"') for name in tables}
        with duckdb.connect(str(self.directory / "aggregator.duckdb"), read_only=True) as con:
            late = [row[0] for row in con.execute("SELECT id FROM late ORDER BY ALL").fetchall()]
            archived = self._archived(con)
        return Said(metrics, asyncio.run(self._letters()), archived, published, late)

    async def _run(self) -> str:
        aggregator = Aggregator(self.settings, clock=lambda: _naive(NOON))
        stop = asyncio.Event()
        stop.set()
        await aggregator.startup()
        try:
            await aggregator.run(stop)
            await aggregator._refresh()
            return await asyncio.to_thread(_fetch, f"{aggregator.address}/metrics")
        finally:
            await aggregator.shutdown(20)

    def _archived(self, con: duckdb.DuckDBPyConnection) -> list[tuple[int, str, bytes, str | None]]:
        columns = '"offset", verdict, value, type'
        query = f"SELECT {columns} FROM archive_tail"
        files = [str(path) for path in (self.directory / "archive").glob("*/*/*/*.parquet")]
        if files:
            query += f" UNION ALL SELECT {columns} FROM read_parquet({files})"
        return con.execute(f"SELECT * FROM ({query}) ORDER BY 1").fetchall()

    async def _letters(self) -> list[DeadLetter]:
        return [letter async for letter in read_letters(self.settings)]


def _rows(con: duckdb.DuckDBPyConnection, query: str) -> list[dict[str, Any]]:
    found = con.execute(query)
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _naive(moment: datetime) -> datetime:
    return moment.replace(tzinfo=None)


def _fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return str(answer.read().decode())
