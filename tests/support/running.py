"""An aggregator in the test's own loop, its addresses, and commands beside it."""

from __future__ import annotations

import asyncio
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from meetlat_aggregator.service import Aggregator
from support.aggregating import HOUR
from support.commanding import Done, run
from support.ingesting import FakeReader, data_settings, until

NOW = HOUR + timedelta(minutes=5)


@asynccontextmanager
async def running(
    directory: Path, reader: FakeReader, **overrides: Any
) -> AsyncIterator[Aggregator]:
    """An aggregator in this loop, from startup to shutdown; its fault is raised at the end."""
    settings = data_settings(directory, **{"publish_seconds": "0.05", **overrides})
    aggregator = Aggregator(settings, clock=lambda: NOW, reader=reader)
    stop = asyncio.Event()
    await aggregator.startup()
    task = asyncio.create_task(aggregator.run(stop))
    try:
        yield aggregator
    finally:
        stop.set()
        try:
            await task
        finally:
            await aggregator.shutdown(10)


def fetch(url: str) -> tuple[int, str, str]:
    """Status, media type and text of an address."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.headers["content-type"], answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["content-type"], error.read().decode()


async def get(aggregator: Aggregator, path: str) -> tuple[int, str, str]:
    return await asyncio.to_thread(fetch, aggregator.address + path)


async def command(*words: str, data: Path) -> Done:
    return await asyncio.to_thread(lambda: run(*words, data=data))


async def committed(aggregator: Aggregator, offset: int) -> None:
    await until(
        lambda: sum(p.next_offset for p in aggregator.store.positions.values()) >= offset,
        f"{offset} records are committed",
    )
