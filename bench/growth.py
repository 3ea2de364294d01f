"""What an event costs the real program with a long past behind it, beside what it costs at the
start: large batches out of a backlog; live, publications included; the start, and a publication.

The past is made by SQL (history.py).
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from bench.feed import TOPIC
from bench.figure import Figure
from bench.history import make_history
from bench.mix import Mix
from bench.program import Program, running
from meetlat.logs.address import open_writer
from meetlat.settings import Settings

LIVE_RATE = 1_000
_CHUNK = 20_000
_PUBLICATION_SECONDS = 600.0


@dataclass(frozen=True)
class Costs:
    """CPU in microseconds an event; seconds; CPU seconds (None: it was not done in time)."""

    large: float
    live: float
    start: float
    publication: float | None


def costs(data: Path, past: int, backlog: int, live_seconds: int) -> Costs:
    """Of a program over the data directory `data`, which has `past` events behind it."""
    log = f"embedded:{data.with_suffix('.log')}"
    append(log, backlog // 10, 5_000)
    with running("aggregate", data, MEETLAT_LOG=log) as program:
        start = program.start_seconds
        program.await_events(backlog // 10)  # warm, and something new to publish
        publication = publication_cpu(program, past + backlog // 10)
        count = LIVE_RATE * live_seconds
        live = spent(program, lambda: stream(log, live_seconds), count) / count
        program.kill()
    with running("aggregate", data, MEETLAT_LOG=log, MEETLAT_PUBLISH_SECONDS="86400") as program:
        settle(program)
        large = spent(program, lambda: append(log, backlog, 5_000), backlog) / backlog
    return Costs(large * 1e6, live * 1e6, start, publication)


def publication_cpu(program: Program, records: int) -> float | None:
    """CPU seconds of a publication, after the one that may be under way; None when none comes."""
    path = program.data / "kpi.duckdb"
    give_up = time.monotonic() + _PUBLICATION_SECONDS
    while not path.exists() or program.published() < records:
        if time.monotonic() > give_up:
            return None
        time.sleep(0.05)
    settle(program)
    before, cpu = path.stat().st_ino, program.cpu()
    append(_log_of(program), 500, LIVE_RATE)
    while path.stat().st_ino == before or program.published() < records + 500:
        if time.monotonic() > give_up:
            return None
        time.sleep(0.05)
    return program.cpu() - cpu


def spent(program: Program, feed: Callable[[], None], count: int) -> float:
    """CPU seconds of the program for the events that `feed` appends."""
    done = program.events()
    cpu = program.cpu()
    feed()
    program.await_events(done + count)
    settle(program)
    return program.cpu() - cpu


def used_bytes(database: Path) -> float:
    """What the tables take; the file may have room left from a migration."""
    with duckdb.connect(str(database), read_only=True) as con:
        ((blocks, size),) = con.execute(
            "SELECT used_blocks, block_size FROM pragma_database_size()"
        ).fetchall()
    return float(blocks * size)


def settle(program: Program) -> None:
    """Wait until it does next to nothing."""
    quiet = 0
    while quiet < 3:
        before = program.cpu()
        time.sleep(0.5)
        quiet = quiet + 1 if program.cpu() - before < 0.05 else 0


def append(log: str, count: int, rate: float) -> None:
    """Append so many events at once, which end now."""

    async def write() -> None:
        writer = open_writer(Settings({"MEETLAT_LOG": log}), TOPIC)
        await writer.start()
        mix = Mix(time.time_ns(), datetime.now(UTC) - timedelta(seconds=count / rate), rate)
        for done in range(0, count, _CHUNK):
            await writer.append(mix.messages(min(_CHUNK, count - done)))
        await writer.close(30)

    asyncio.run(write())


def stream(log: str, seconds: int) -> None:
    """Append LIVE_RATE events a second, ten times a second."""

    async def write() -> None:
        writer = open_writer(Settings({"MEETLAT_LOG": log}), TOPIC)
        await writer.start()
        mix = Mix(time.time_ns(), datetime.now(UTC), LIVE_RATE)
        began = time.monotonic()
        for step in range(seconds * 10):
            await asyncio.sleep(max(0.0, began + step / 10 - time.monotonic()))
            await writer.append(mix.messages(LIVE_RATE // 10))
        await writer.close(30)

    asyncio.run(write())


def run(past: int = 2_000_000, backlog: int = 200_000, live_seconds: int = 15) -> list[Figure]:
    """Measure at the start, and with `past` events behind."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        first = costs(folder / "new", 0, backlog, live_seconds)
        make_history(folder / "old", past, datetime.now(UTC) - timedelta(hours=1))
        size = used_bytes(folder / "old" / "aggregator.duckdb")
        then = costs(folder / "old", past, backlog, live_seconds)
    behind = f"with {past / 1e6:g} million events behind"
    figures = [
        Figure(
            f"CPU an event, backlog, {behind}", then.large, "µs",
            "at the start, µs", first.large, "≤ 1.2 ×",
        ),
        Figure(
            f"CPU an event, live and published, {behind}", then.live, "µs",
            "at the start, µs", first.live, "≤ 1.2 ×",
        ),
        Figure(f"start-up, {behind}", then.start, "s", "at the start, s", first.start, "< 5 s"),
        Figure(
            f"live database, an event, {behind}", size / past, "bytes",
            "an event as JSON, bytes", 448.0,
        ),
    ]  # fmt: skip
    if first.publication is None or then.publication is None:
        print(f"no publication within {_PUBLICATION_SECONDS:g} s, {behind}")
    else:
        figures.append(
            Figure(
                f"CPU a publication, {behind}", then.publication, "s",
                "at the start, s", first.publication,
            )
        )  # fmt: skip
    return figures


def _log_of(program: Program) -> str:
    return f"embedded:{program.data.with_suffix('.log')}"


if __name__ == "__main__":
    for figure in run(*map(int, sys.argv[1:])):
        print(figure)
