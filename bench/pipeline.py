"""From the log to the tables, with the real program: `meetlat aggregate` beside a real Kafka.

Every event is counted once, in every table, and is in the archive. Beside it, on the same bytes and
cores: DuckDB's own `read_json`, insert and checkpoint; and, on the same topic, FastStream and Quix
Streams, which keep hourly counts and sums alone.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import duckdb

from bench import rivals
from bench.broker import broker
from bench.feed import TOPIC, fill
from bench.figure import Figure
from bench.program import Memory, running

_IDLE = "import duckdb, pyarrow.parquet, aiokafka, uvicorn; print(open('/proc/self/status').read())"


@dataclass(frozen=True)
class Run:
    """One run of the aggregator through all events."""

    rate: float
    cpu: float  # microseconds an event
    memory: Memory
    slope: float  # megabytes a minute
    archive: float  # bytes an event
    database: float


def aggregate(log: str, data: Path, count: int) -> Run:
    """Read everything that is in the log."""
    with running("aggregate", data, MEETLAT_LOG=log) as program:
        began, cpu = time.time(), program.cpu()
        last = program.await_events(count)
        program.await_published(count)  # the last events reach the cells with it
        cpu = program.cpu() - cpu
        run_memory, slope = program.memory(), program.samples.slope()
        program.stop()
    archive = sum(path.stat().st_size for path in (data / "archive").rglob("*.parquet"))
    return Run(
        count / (last - began),
        cpu / count * 1e6,
        run_memory,
        slope,
        archive / count,
        (data / "aggregator.duckdb").stat().st_size / count,
    )


def read_json(lines: Path, count: int, folder: Path) -> float:
    """Events a second of DuckDB alone: the same bytes as JSON into one table."""
    with duckdb.connect(str(folder / "plain.duckdb"), config={"threads": 2}) as con:
        con.execute("SET enable_progress_bar = false")
        began = time.perf_counter()
        con.execute("CREATE TABLE events AS SELECT * FROM read_json(?)", [str(lines)])
        con.execute("CHECKPOINT")
        return count / (time.perf_counter() - began)


def run(count: int = 1_000_000, rival_count: int = 300_000) -> list[Figure]:
    """Measure, one after the other."""
    with tempfile.TemporaryDirectory() as name, broker() as kafka:
        if kafka is None:
            return []
        folder = Path(name)
        lines, embedded = folder / "events.ndjson", f"embedded:{folder / 'log'}"
        size = fill(count, [f"kafka://{kafka.bootstrap}", embedded], lines)
        print(f"{count:,} events of {size / count:.0f} bytes are in the logs", flush=True)
        plain = read_json(lines, count, folder)
        (folder / "plain.duckdb").unlink()
        from_kafka = aggregate(f"kafka://{kafka.bootstrap}", folder / "kafka", count)
        from_embedded = aggregate(embedded, folder / "embedded", count)
        few = min(count, rival_count)
        others = {
            name: rivals.run(name, kafka.bootstrap, TOPIC, few, folder)
            for name in ("faststream", "quix", "quix_windows")
        }
    bare = _bare_memory()
    json_rate = ("DuckDB's read_json, insert and checkpoint, events/s", plain)
    figures = [
        Figure("Kafka to tables", from_kafka.rate, "events/s", *json_rate, "≥ 100,000; ≥ 0.2 ×"),
        Figure("embedded log to tables", from_embedded.rate, "events/s", *json_rate, "≥ 60,000"),
    ]
    for name, shown in (
        ("faststream", "FastStream, hourly counts alone"),
        ("quix_windows", "Quix Streams, hourly windows alone"),
        ("quix", "Quix Streams as a consumer, counts by DuckDB"),
    ):
        figures += [
            Figure(
                "Kafka to tables", from_kafka.rate, "events/s",
                f"{shown}, events/s", others[name].rate, "≥ 5 ×",
            ),
            Figure(
                "CPU an event, Kafka", from_kafka.cpu, "µs",
                f"{shown}, µs", others[name].cpu, "≤ 1/5 ×",
            ),
        ]  # fmt: skip
    memory = ("Python with the same libraries, MB", bare)
    raw = ("the event as JSON, bytes", size / count)
    return [
        *figures,
        Figure(
            "CPU an event, embedded log", from_embedded.cpu, "µs", "from Kafka, µs", from_kafka.cpu
        ),
        Figure("memory at full speed, peak", from_kafka.memory.peak, "MB", *memory, "< 400 MB"),
        Figure("memory's growth, second half", from_kafka.slope, "MB/min", *memory, "flat"),
        Figure("archive, an event", from_kafka.archive, "bytes", *raw, "≤ 80"),
        Figure("live database, an event", from_kafka.database, "bytes", *raw),
    ]


def _bare_memory() -> float:
    said = subprocess.run(
        [sys.executable, "-c", _IDLE], capture_output=True, text=True, check=True
    ).stdout
    return next(int(x.split()[1]) for x in said.splitlines() if x.startswith("VmRSS")) / 1024


if __name__ == "__main__":
    for figure in run(*map(int, sys.argv[1:])):
        print(figure)
