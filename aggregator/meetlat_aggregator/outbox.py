"""Brings dead letters from the database's outbox to their topic.

They are committed with the batch; here they are appended and then marked as sent. A crash between
the two sends a letter twice, with the same key (the place it came from), so that doubles show.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

import duckdb

from meetlat.errors import LogError
from meetlat.logs.base import LogWriter, Message
from meetlat_aggregator.sqlfiles import sql

VERSION = "1"
_log = logging.getLogger("meetlat.aggregator")

OnDatabase = Callable[[Callable[[duckdb.DuckDBPyConnection], Any]], Awaitable[Any]]


class Outbox:
    """The relay. `on_database` runs a function on the database's own thread."""

    def __init__(self, writer: LogWriter, topic: str, on_database: OnDatabase) -> None:
        self._writer = writer
        self._topic = topic
        self._on_database = on_database
        self._started = False

    async def relay(self, limit: int = 500) -> int:
        """Send up to `limit` waiting letters; returns how many. Raises LogError when it cannot."""
        rows = await self._on_database(
            lambda con: con.execute(sql("outbox_waiting"), {"limit": limit}).fetchall()
        )
        if not rows:
            return 0
        if not self._started:
            await self._writer.start()
            self._started = True
        await self._writer.append([letter(self._topic, *row[2:]) for row in rows])
        batch, seq, *_ = rows[-1]
        await self._on_database(
            lambda con: con.execute(sql("outbox_sent"), {"batch": batch, "seq": seq})
        )
        return len(rows)

    async def try_relay(self) -> None:
        """Like `relay` until none waits; a log that is away is tried again later."""
        try:
            while await self.relay():
                pass
        except LogError as error:
            _log.warning("dead letters wait in the outbox: %s", error)

    async def close(self, deadline: float) -> None:
        """Let go of the topic."""
        if self._started:
            await self._writer.close(deadline)


def letter(topic: str, partition: int, offset: int, error: str, value: bytes, cut: bool) -> Message:
    """The dead letter of one record: its bytes, where it came from, and what was wrong."""
    origin = f"{topic}/{partition}/{offset}".encode()
    headers = [
        ("meetlat-origin", origin),
        ("meetlat-error", error.encode()),
        ("meetlat-version", VERSION.encode()),
    ]
    if cut:
        headers.append(("meetlat-cut", b"true"))
    return Message(origin, bytes(value), tuple(headers))
