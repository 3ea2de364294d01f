"""The same events into Kafka, into an embedded log and into a file of lines, in one pass."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.mix import Mix
from meetlat.logs.address import open_writer
from meetlat.logs.base import LogWriter, Message
from meetlat.settings import Settings

TOPIC = "meetlat.events.v1"
RATE = 5_000  # events a second by their own times: 10 million are half an hour, so none is late
_CHUNK = 20_000


def fill(count: int, logs: list[str], file: Path | None = None) -> int:
    """Make `count` events that end now and append them to every log; the bytes of their values."""
    return asyncio.run(_fill(count, logs, file))


async def _fill(count: int, logs: list[str], file: Path | None) -> int:
    mix = Mix(1, datetime.now(UTC) - timedelta(seconds=count / RATE), RATE)
    writers = [open_writer(Settings({"MEETLAT_LOG": log}), TOPIC) for log in logs]
    size = 0
    with contextlib.ExitStack() as stack:
        lines = stack.enter_context(file.open("wb")) if file else None
        for writer in writers:
            await writer.start()
        for done in range(0, count, _CHUNK):
            messages = mix.messages(min(_CHUNK, count - done))
            size += sum(len(message.value) for message in messages)
            if lines:
                lines.writelines(message.value + b"\n" for message in messages)
            await asyncio.gather(*(_append(writer, messages) for writer in writers))
        for writer in writers:
            await writer.close(30)
    return size


async def _append(writer: LogWriter, messages: list[Message]) -> None:
    await writer.append(messages)
