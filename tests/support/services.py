"""Collector and aggregator as real processes, to start, ask, end and kill in system tests."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from support.kafka import free_port

START_SECONDS = 60.0


class ServiceProcess:
    """`meetlat collect` or `meetlat aggregate` on a port of its own that stays the same."""

    def __init__(self, name: str, environ: Mapping[str, str], log: Path) -> None:
        self.name = name
        self.address = f"127.0.0.1:{free_port()}"
        listen = "MEETLAT_COLLECTOR_LISTEN" if name == "collect" else "MEETLAT_AGGREGATOR_LISTEN"
        self._environ = {**clean_environ(), **environ, listen: self.address}
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{self.address}"

    def start(self) -> None:
        """Start it, and wait until it is ready."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "meetlat", self.name],
                env=self._environ,
                stdout=log,
                stderr=log,
                cwd=self._log.parent,
            )
        until(self._is_ready, f"{self.name} is ready", START_SECONDS, self.said)

    def kill(self) -> None:
        """kill -9."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def terminate(self) -> int:
        """SIGTERM; the exit status."""
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(60)

    def get(self, path: str) -> str:
        """The body of a page."""
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            return str(answer.read().decode())

    def said(self) -> str:
        """What it has printed so far."""
        return self._log.read_text() if self._log.exists() else ""

    def end(self) -> None:
        """Whatever state it is in, it does not outlive the test."""
        if self._process is not None and self._process.poll() is None:
            self.kill()

    def _is_ready(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            status = self._process.returncode
            raise AssertionError(f"{self.name} ended with {status}: {self.said()}")
        try:
            self.get("/readyz")
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False
        return True


@contextlib.contextmanager
def services(
    folder: Path, *names: str, log: str = "", **environ: str
) -> Iterator[list[ServiceProcess]]:
    """The named services over one data directory in `folder`, started; they end with the block."""
    given = {"MEETLAT_DATA": str(folder / "data"), **environ}
    if log:
        given["MEETLAT_LOG"] = log
    started = [ServiceProcess(name, given, folder / f"{name}.log") for name in names]
    try:
        for service in started:
            service.start()
        yield started
    finally:
        for service in started:
            service.end()


def meetlat(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command on the data directory in `folder`."""
    return subprocess.run(
        [sys.executable, "-m", "meetlat", *arguments],
        env={**clean_environ(), "MEETLAT_DATA": str(folder / "data")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=folder,
    )


def query(folder: Path, sql: str) -> list[dict[str, Any]]:
    """Rows of `meetlat sql`; none while nothing is published."""
    done = meetlat(folder, "sql", sql, "--format", "json")
    if done.returncode and "is not there" in done.stderr:
        return []
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def clean_environ() -> dict[str, str]:
    """The environment without settings of the person who runs the tests."""
    return {k: v for k, v in os.environ.items() if not k.startswith("MEETLAT_")}


def until(
    condition: Callable[[], bool],
    what: str,
    seconds: float = 60.0,
    said: Callable[[], str] = lambda: "",
) -> None:
    """Wait for a condition. Fails, with what was said, when it does not come true in time."""
    give_up = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > give_up:
            raise AssertionError(f"not within {seconds:.0f} s: {what}\n{said()}")
        time.sleep(0.05)
