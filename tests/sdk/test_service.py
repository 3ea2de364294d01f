"""The life of a service: in order on the first signal, by force on the second."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

SERVICE = """
import asyncio, sys
from meetlat.errors import MeetlatError
from meetlat.service import serve

class Service:
    async def startup(self):
        print("startup", flush=True)
        if "fails" in sys.argv:
            raise MeetlatError("no")
    async def run(self, stop):
        print("run", flush=True)
        await stop.wait()
        if "hangs" in sys.argv:
            print("stopping", flush=True)
            await asyncio.Event().wait()
    async def shutdown(self, deadline):
        print("shutdown", deadline, flush=True)

try:
    asyncio.run(serve(Service(), deadline=3, force=lambda: print("force", flush=True)))
except MeetlatError:
    sys.exit(1)
"""


class Child:
    """A process that serves, line by line."""

    def __init__(self, *words: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVICE, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def end(self) -> tuple[int, list[str]]:
        out, _ = self.process.communicate(timeout=30)
        return self.process.returncode, out.splitlines()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_stops_in_order(number: signal.Signals) -> None:
    child = Child()
    assert [child.line(), child.line()] == ["startup", "run"]
    child.process.send_signal(number)
    assert child.end() == (0, ["shutdown 3"])


def test_the_second_signal_forces_with_status_130() -> None:
    child = Child("hangs")
    assert [child.line(), child.line()] == ["startup", "run"]
    child.process.send_signal(signal.SIGTERM)
    assert child.line() == "stopping"
    child.process.send_signal(signal.SIGTERM)
    assert child.end() == (130, ["force"])


def test_a_failed_startup_still_releases() -> None:
    assert Child("fails").end() == (1, ["startup", "shutdown 3"])
