"""FastStream and Quix Streams on the same topic: only the calls' hourly counts and sums, into
DuckDB a batch at a time, as their documentation shows (a batch subscriber with a pydantic model;
hourly windows, and a batching sink that leaves the counting to DuckDB). No other type, no
deduplication, no archive.

`python -m bench.rivals faststream|quix|quix_windows SERVERS TOPIC COUNT DATABASE` is one of them,
as a program that ends after about COUNT events and prints what they took, as JSON.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

BATCH = 20_000
CALLS = 690  # of 1,000 events at least
_CREATE, _ADD, _CREATE_WINDOWS, _REPLACE = (
    Path(__file__).with_name("rivals.sql").read_text().split(";\n")
)
_DIMENSIONS = ("use_case", "tool", "team", "model", "status")
_MEASURES = ("duration", "input_tokens", "output_tokens", "cost")
_FIELDS = (*_DIMENSIONS, *_MEASURES)
_CALL = "meetlat.interaction.v1"


class Hourly:
    """The table, and the clock: from the first batch to the last."""

    def __init__(self, database: str) -> None:
        self._con = duckdb.connect(database, config={"threads": 2})
        self._con.execute(_CREATE)
        self._began = 0.0
        self._cpu = 0.0

    def start(self) -> None:
        """The first event is there."""
        if not self._began:
            self._began, self._cpu = time.perf_counter(), time.process_time()

    def add(self, rows: list[tuple[Any, ...]]) -> None:
        """Add a batch of calls: their time and _FIELDS."""
        if rows:
            columns = zip(*rows, strict=True)
            self._con.register("rows", pa.table(list(map(list, columns)), ["time", *_FIELDS]))
            self._con.execute(_ADD)

    def replace(self, windows: list[tuple[Any, ...]]) -> None:
        """Keep the newest state of windows: start, group, requests and the sums of _MEASURES."""
        if windows:
            self._con.execute(_CREATE_WINDOWS)
            columns = list(map(list, zip(*windows, strict=True)))
            names = ["start", "group", "requests", *_MEASURES]
            self._con.register("rows", pa.table(columns, names))
            self._con.execute(_REPLACE)

    def report(self, events: int, table: str = "hourly") -> None:
        """Print what so many events took."""
        (calls,) = self._con.execute(f"SELECT sum(requests)::BIGINT FROM {table}").fetchall()[0]
        took = {
            "seconds": time.perf_counter() - self._began,
            "cpu": time.process_time() - self._cpu,
            "events": events,
            "calls": calls,
        }
        print(json.dumps(took), flush=True)


def faststream(servers: str, topic: str, count: int, database: str) -> None:
    """A batch subscriber whose records are pydantic models."""
    from faststream import FastStream
    from faststream.kafka import KafkaBroker
    from pydantic import BaseModel

    class Data(BaseModel):
        use_case: str | None = None
        tool: str | None = None
        team: str | None = None
        model: str | None = None
        status: str | None = None
        duration: float | None = None
        input_tokens: int | None = None
        output_tokens: int | None = None
        cost: str | None = None

    class Event(BaseModel):
        type: str
        time: str
        data: Data

    hourly = Hourly(database)
    broker = KafkaBroker(servers, logger=None)
    app = FastStream(broker, logger=None)
    seen = 0

    async def handle(events: list[Event]) -> None:
        nonlocal seen
        hourly.start()
        hourly.add(
            [
                (event.time.removesuffix("Z"), *(getattr(event.data, name) for name in _FIELDS))
                for event in events
                if event.type == _CALL
            ]
        )
        seen += len(events)
        if seen >= count:
            hourly.report(seen)
            app.exit()

    handle.__annotations__["events"] = list[Event]  # it is read by name, and Event is local
    subscribe = broker.subscriber(
        topic, batch=True, max_records=BATCH, group_id="faststream", auto_offset_reset="earliest"
    )
    subscribe(handle)
    asyncio.run(app.run())


def quix_windows(servers: str, topic: str, count: int, database: str) -> None:
    """Hourly windows per group, as the documentation counts; the results into a batching sink."""
    from quixstreams import Application
    from quixstreams.dataframe.windows import Count, Sum
    from quixstreams.sinks import BatchingSink, SinkBatch

    hourly = Hourly(database)

    class Sink(BatchingSink):  # type: ignore[misc]
        def write(self, batch: SinkBatch) -> None:
            latest = {(item.value["start"], item.key): item.value for item in batch}
            hourly.replace(
                [
                    (start, key, found["requests"], *(found[name] for name in _MEASURES))
                    for (start, key), found in latest.items()
                ]
            )

    app = Application(
        broker_address=servers,
        consumer_group="quix-windows",
        auto_offset_reset="earliest",
        commit_every=BATCH,
        loglevel="WARNING",
        state_dir=f"{database}.state",
    )
    frame = app.dataframe(app.topic(topic, value_deserializer="json", key_deserializer="bytes"))

    def is_call(event: dict[str, Any]) -> bool:
        hourly.start()
        return bool(event["type"] == _CALL)

    def data(event: dict[str, Any]) -> dict[str, Any]:
        return {**event["data"], "cost": float(event["data"]["cost"])}

    def group(call: dict[str, Any]) -> str:
        return "/".join(call[name] for name in _DIMENSIONS)

    (
        frame.filter(is_call)
        .apply(data)
        .group_by(group, name="group")
        .tumbling_window(timedelta(hours=1))
        .agg(requests=Count(), **{name: Sum(name) for name in _MEASURES})
        .current()
        .sink(Sink())
    )
    calls = count * CALLS // 1000
    app.run(count=calls, collect=False)  # an output for every call
    hourly.report(count, "windows")


def quix(servers: str, topic: str, count: int, database: str) -> None:
    """A dataframe into a batching sink, which writes at every commit."""
    from quixstreams import Application
    from quixstreams.sinks import BatchingSink, SinkBatch

    hourly = Hourly(database)

    class Sink(BatchingSink):  # type: ignore[misc]
        def write(self, batch: SinkBatch) -> None:
            hourly.add(
                [
                    (
                        item.value["time"].removesuffix("Z"),
                        *(item.value["data"].get(name) for name in _FIELDS),
                    )
                    for item in batch
                ]
            )

    app = Application(
        broker_address=servers,
        consumer_group="quix",
        auto_offset_reset="earliest",
        commit_every=BATCH,
        loglevel="WARNING",
    )
    frame = app.dataframe(app.topic(topic, value_deserializer="json", key_deserializer="bytes"))

    seen = 0

    def is_call(event: dict[str, Any]) -> bool:
        nonlocal seen
        hourly.start()
        seen += 1
        return bool(event["type"] == _CALL)

    frame.filter(is_call).sink(Sink())
    app.run(count=count * CALLS // 1000, collect=False)  # of what passes the filter
    hourly.report(seen)


@dataclass(frozen=True)
class Rival:
    """Events a second, and CPU microseconds an event."""

    rate: float
    cpu: float


def run(name: str, servers: str, topic: str, count: int, folder: Path) -> Rival:
    """One of them, as a program. Raises RuntimeError when it counted nothing."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "bench.rivals", name),
            *(servers, topic, str(count), str(folder / f"{name}.duckdb")),
        ],
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if not lines:
        raise RuntimeError(f"{name}: {done.stderr[-2000:]}")
    took = json.loads(lines[-1])
    events = took["events"]
    if not 0.6 * events < took["calls"] < 0.8 * events:
        raise RuntimeError(f"{name} counted {took['calls']} calls of {events} events")
    return Rival(events / took["seconds"], took["cpu"] / events * 1e6)


if __name__ == "__main__":
    which, *where, number, file = sys.argv[1:]
    {"faststream": faststream, "quix": quix, "quix_windows": quix_windows}[which](
        *where, int(number), file
    )
