"""A Meetlat program as a process of its own: what it costs, by the kernel's account."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from bench.broker import free_port

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Memory:
    """In megabytes: resident, the program's own share of it, and the most there ever was."""

    rss: float
    pss: float
    peak: float


@dataclass
class Samples:
    """Resident memory over time: (seconds, megabytes)."""

    taken: list[tuple[float, float]] = field(default_factory=list)

    def slope(self) -> float:
        """Megabytes a minute over the second half, by least squares; 0 with too few samples."""
        half = self.taken[len(self.taken) // 2 :]
        if len(half) < 3:
            return 0.0
        middle = sum(t for t, _ in half) / len(half)
        level = sum(m for _, m in half) / len(half)
        spread = sum((t - middle) ** 2 for t, _ in half)
        return 60 * sum((t - middle) * (m - level) for t, m in half) / spread


class Program:
    """`meetlat COMMAND` on ports of its own, over the data directory `data`."""

    def __init__(self, command: str, data: Path, **environ: str) -> None:
        self.data = data
        self.collector = f"127.0.0.1:{free_port()}"
        self.aggregator = f"127.0.0.1:{free_port()}"
        self.log = data.with_suffix(".output")
        given = {k: v for k, v in os.environ.items() if not k.startswith("MEETLAT_")}
        began = time.perf_counter()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "meetlat", command],
                env={
                    **given,
                    "MEETLAT_DATA": str(data),
                    "MEETLAT_COLLECTOR_LISTEN": self.collector,
                    "MEETLAT_AGGREGATOR_LISTEN": self.aggregator,
                    **environ,
                },
                stdout=log,
                stderr=log,
            )
        self._await_ready()
        self.start_seconds = time.perf_counter() - began
        self.samples = Samples()
        self._sampling = threading.Event()
        threading.Thread(target=self._sample, daemon=True).start()

    def cpu(self) -> float:
        """CPU seconds so far, its children included."""
        found = 0.0
        for pid in self._pids():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                found += (int(fields[11]) + int(fields[12])) / _TICKS
        return found

    def memory(self) -> Memory:
        """Of the process and its children."""
        rss = pss = peak = 0.0
        for pid in self._pids():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                status = Path(f"/proc/{pid}/status").read_text()
                rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
                rss += _megabytes("VmRSS", status)
                peak += _megabytes("VmHWM", status)
                pss += _megabytes("Pss", rollup)
        return Memory(rss, pss, peak)

    def metrics(self) -> str:
        """The text of the aggregator's /metrics."""
        with urllib.request.urlopen(f"http://{self.aggregator}/metrics", timeout=30) as answer:
            return str(answer.read().decode())

    def events(self) -> int:
        """How many records were read so far, by /metrics."""
        return int(sum(events_by_result(self.metrics()).values()))

    def await_events(self, count: int, seconds: float = 1800.0) -> float:
        """Wait until so many events were counted; the wall clock of the last commit.

        Raises RuntimeError when an event was not counted, or the program ended.
        """
        give_up = time.monotonic() + seconds
        while True:
            text = self.metrics()
            results = events_by_result(text)
            if sum(results.values()) >= count:
                break
            if self._process.poll() is not None or time.monotonic() > give_up:
                raise RuntimeError(f"{results} of {count} events: {self.log.read_text()[-2000:]}")
            time.sleep(0.25)
        if set(results) - {"counted"}:
            raise RuntimeError(f"not all were counted: {results}")
        return value(text, "meetlat_last_commit_timestamp_seconds")

    def await_published(self, count: int, seconds: float = 600.0) -> None:
        """Wait until kpi.duckdb holds what `count` records left."""
        give_up = time.monotonic() + seconds
        while self.published() < count:
            if time.monotonic() > give_up:
                raise RuntimeError(f"not published: {self.log.read_text()[-2000:]}")
            time.sleep(0.1)

    def published(self) -> int:
        """How many records kpi.duckdb knows of; 0 while there is none."""
        path = self.data / "kpi.duckdb"
        if not path.exists():
            return 0
        with duckdb.connect(str(path), read_only=True) as con:
            return int(con.execute("SELECT records FROM meta").fetchall()[0][0])

    def kill(self) -> None:
        """End it at once."""
        self._sampling.set()
        for pid in reversed(self._pids()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        """End it in order (SIGTERM)."""
        self._sampling.set()
        self._process.terminate()
        try:
            self._process.wait(120)
        except subprocess.TimeoutExpired:
            self.kill()

    def _await_ready(self) -> None:
        address = f"http://{self.aggregator}/readyz"
        give_up = time.monotonic() + 300
        while time.monotonic() < give_up:
            if self._process.poll() is not None:
                raise RuntimeError(f"it ended: {self.log.read_text()[-2000:]}")
            with contextlib.suppress(urllib.error.URLError, OSError):
                urllib.request.urlopen(address, timeout=5).close()
                return
            time.sleep(0.02)
        raise RuntimeError(f"it did not get ready: {self.log.read_text()[-2000:]}")

    def _pids(self) -> list[int]:
        found, fresh = [], [self._process.pid]
        while fresh:
            pid = fresh.pop()
            found.append(pid)
            for listed in Path(f"/proc/{pid}/task").glob("*/children"):
                with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                    fresh += map(int, listed.read_text().split())
        return found

    def _sample(self) -> None:
        began = time.monotonic()
        while not self._sampling.wait(1.0):
            self.samples.taken.append((time.monotonic() - began, self.memory().rss))


@contextlib.contextmanager
def running(command: str, data: Path, **environ: str) -> Iterator[Program]:
    """A program that does not outlive the block."""
    program = Program(command, data, **environ)
    try:
        yield program
    finally:
        if program._process.poll() is None:
            program.kill()


def value(text: str, series: str) -> float:
    """The value of one series without labels."""
    match = re.search(rf"^{series} (\S+)$", text, re.MULTILINE)
    return float(match[1]) if match else 0.0


def events_by_result(text: str) -> dict[str, float]:
    """What became of all events, from the text of /metrics."""
    found: dict[str, float] = {}
    for result, count in re.findall(
        r'^meetlat_events_total\{.*result="(\w+)".*\} (\S+)$', text, re.MULTILINE
    ):
        found[result] = found.get(result, 0.0) + float(count)
    return found


def _megabytes(name: str, text: str) -> float:
    match = re.search(rf"^{name}:\s+(\d+) kB", text, re.MULTILINE)
    return int(match[1]) / 1024 if match else 0.0
