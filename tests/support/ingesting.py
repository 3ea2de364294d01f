"""A log in memory that can be made to fail and to rebalance, and the ingest loop over it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from meetlat.logs.base import Listener, Record, Start
from meetlat.settings import Settings
from meetlat_aggregator.store import Store
from support.aggregating import HOUR, Sent, make_database, micros

DEADLINE = 30.0


class FakeReader:
    """A LogReader over records in memory. `before_read` is called at every read, with its number,
    and may await, rebalance or raise.
    """

    def __init__(self, sent: Sequence[Sent] = (), most: int = 1_000_000) -> None:
        self.log: dict[int, list[Record]] = {0: []}
        self.most = most
        self.listener: Listener | None = None
        self.starts: dict[int, Start] = {}
        self.next: dict[int, int] = {}
        self.reads = 0
        self.empty_reads = 0
        self.before_read: Callable[[int], Any] = lambda _: None
        self.name: str | None = "this log"
        self.told: dict[int, int] = {}
        self.append(*sent)

    def append(self, *sent: Sent) -> None:
        for one in sent:
            records = self.log.setdefault(one.partition, [])
            records.append(
                Record(
                    one.partition, len(records), micros(one.appended), None, one.value, one.headers
                )
            )

    async def start(self, listener: Listener) -> None:
        self.listener = listener
        await listener.revoked([])
        await self._assign()

    async def _assign(self) -> None:
        assert self.listener is not None
        starts = await self.listener.assigned(sorted(self.log))
        self.starts = {p: s if isinstance(s, Start) else Start(s) for p, s in starts.items()}
        self.next = {p: self.starts.get(p, Start(0)).offset for p in self.log}

    async def rebalance(self) -> None:
        """Everything is taken away, and given back."""
        assert self.listener is not None
        await self.listener.revoked(sorted(self.log))
        await self._assign()

    async def read(self, max_records: int, max_wait: float) -> list[Record]:
        self.reads += 1
        made = self.before_read(self.reads)
        if made is not None:
            await made
        found: deque[Record] = deque()
        for partition, records in self.log.items():
            first = self.next[partition]
            part = records[first : first + min(self.most, max_records) - len(found)]
            self.next[partition] += len(part)
            found.extend(part)
        if not found:
            self.empty_reads += 1
            await asyncio.sleep(min(max_wait, 0.002))
        return list(found)

    async def identity(self) -> str | None:
        return self.name

    async def progress(self, offsets: Mapping[int, int]) -> None:
        self.told = dict(offsets)

    async def end_offsets(self) -> dict[int, int]:
        return {partition: len(records) for partition, records in self.log.items()}

    async def earliest_offsets(self) -> dict[int, int]:
        return dict.fromkeys(self.log, 0)

    async def close(self, deadline: float) -> None:
        """Nothing to leave."""


def data_settings(directory: Path, **overrides: Any) -> Settings:
    """Settings of an aggregator on a data directory of its own, its database made already."""
    if not (directory / "aggregator.duckdb").exists():
        make_database(directory / "aggregator.duckdb")
    return Settings(
        environ={},
        overrides={
            "MEETLAT_DATA": directory,
            "MEETLAT_AGGREGATOR_LISTEN": "127.0.0.1:0",
            "MEETLAT_BATCH_SECONDS": "0.01",
            **{f"MEETLAT_{name.upper()}": value for name, value in overrides.items()},
        },
    )


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Store]:
    """A store with a clock that stands still, closed at the end."""
    store = Store(settings, clock=lambda: HOUR)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


async def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for a condition; fail with `what` after a deadline."""
    give_up = asyncio.get_running_loop().time() + DEADLINE
    while not condition():
        if asyncio.get_running_loop().time() > give_up:
            raise AssertionError(f"waited {DEADLINE:g} s in vain: {what}")
        await asyncio.sleep(0.002)
