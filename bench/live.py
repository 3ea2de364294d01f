"""`meetlat up` on this machine: what it costs with nothing to do, and how soon an event is seen.

1,000 events a second reach the collector over HTTP, in the way of the SDK: an event waits up to
half a second for others to share a request. An event is visible when /metrics counts it, and when
`kpi.duckdb` holds it; all are counted in order, so each event's wait follows from the totals.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from bench.figure import Figure
from bench.mix import Mix
from bench.program import Program, events_by_result, running

RATE = 1_000
LINGER = 0.5
IDLE_SECONDS = 20.0
_SETTLE = 10.0


class Sender:
    """Sends in the background; `emitted` has each event's moment, `answers` each request's wait."""

    def __init__(self, address: str, seconds: float) -> None:
        self._url = f"http://{address}/v1/events"
        self._mix = Mix(5, datetime.now(UTC), RATE)
        self._seconds = seconds
        self.emitted: list[float] = []
        self.answers: list[float] = []
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        began = time.monotonic()
        while (now := time.monotonic()) < began + self._seconds:
            due = int((now - began) * RATE)
            fresh = range(len(self.emitted), due)
            if fresh:
                self.emitted += [began + number / RATE for number in fresh]
                self._post(b"[" + b",".join(self._mix.values(len(fresh))) + b"]")
            time.sleep(max(0.0, now + LINGER - time.monotonic()))

    def _post(self, body: bytes) -> None:
        began = time.monotonic()
        request = urllib.request.Request(
            self._url, body, {"content-type": "application/cloudevents-batch+json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            rejected = json.loads(answer.read())["rejected"]
        if rejected:
            raise RuntimeError(f"refused: {rejected[0]}")
        self.answers.append(time.monotonic() - began)


class Watcher:
    """When the totals were what: `seen` has (moment, events) of each look."""

    def __init__(self, look: Callable[[], int], pause: float) -> None:
        self._look = look
        self._pause = pause
        self._stop = threading.Event()
        self.seen: list[tuple[float, int]] = []
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        while not self._stop.wait(self._pause):
            self.seen.append((time.monotonic(), self._look()))

    def stop(self) -> None:
        """No more looks."""
        self._stop.set()
        self.thread.join()

    def waits(self, emitted: list[float]) -> list[float]:
        """Seconds from an event's moment to the first look that counts it."""
        found: list[float] = []
        done = 0
        for moment, events in self.seen:
            found += [moment - at for at in emitted[done:events]]
            done = max(done, min(events, len(emitted)))
        if done < len(emitted):
            raise RuntimeError(f"{done} of {len(emitted)} events were seen")
        return found


def idle(program: Program) -> tuple[float, float, float]:
    """Resident and proportional megabytes, and the share of a core, with nothing to do."""
    time.sleep(_SETTLE)
    began, cpu = time.monotonic(), program.cpu()
    time.sleep(IDLE_SECONDS)
    share = (program.cpu() - cpu) / (time.monotonic() - began)
    memory = program.memory()
    return memory.rss, memory.pss, share * 100


def p95(waits: list[float]) -> float:
    """The 95th percentile."""
    return statistics.quantiles(waits, n=20)[-1]


def run(seconds: float = 30.0) -> list[Figure]:
    """Measure `up` idle, then under load."""
    with tempfile.TemporaryDirectory() as folder:
        with running("up", Path(folder) / "data") as program:
            rss, pss, share = idle(program)
            sender = Sender(program.collector, seconds)
            metrics = Watcher(lambda: int(sum(events_by_result(program.metrics()).values())), 0.1)
            tables = Watcher(program.published, 0.1)
            began, cpu = time.monotonic(), program.cpu()
            sender.thread.start()
            sender.thread.join()
            busy = (program.cpu() - cpu) / (time.monotonic() - began) * 100
            time.sleep(_SETTLE)
            metrics.stop()
            tables.stop()
            program.stop()
        answer = ("the collector's answer to a request, p95, s", p95(sender.answers))
        return [
            Figure("`up` idle, resident", rss, "MB", "its proportional share, MB", pss, "< 250 MB"),
            Figure("`up` idle, CPU", share, "% of a core", "at 1,000 events/s, %", busy, "< 2 %"),
            Figure(
                "emit to /metrics, p95", p95(metrics.waits(sender.emitted)), "s", *answer, "< 2 s"
            ),
            Figure(
                "emit to kpi.duckdb, p95", p95(tables.waits(sender.emitted)), "s", *answer, "< 6 s"
            ),
        ]


if __name__ == "__main__":
    for figure in run(*map(float, sys.argv[1:])):
        print(figure)
