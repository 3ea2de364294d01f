"""The machinery of `meetlat up`: restarts, statuses, order of the stop. Children are real."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from support import fake_program

from meetlat.commands.supervisor import RESTARTS_A_MINUTE, Program, Supervisor

FAKE = (sys.executable, str(Path(fake_program.__file__)))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Journal:
    """What the children wrote about themselves."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def lines(self, what: str) -> list[tuple[str, int]]:
        text = self.path.read_text() if self.path.exists() else ""
        words = (line.split() for line in text.splitlines())
        return [(name, int(pid)) for did, name, pid in words if did == what]


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal")


def program(journal: Journal, name: str, mode: str = "good") -> Program:
    port = free_port()
    words = [name, str(port), str(journal.path), *mode.split()]
    return Program(name, words, f"http://127.0.0.1:{port}/readyz", FAKE)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - the condition lies in other processes
            await asyncio.sleep(0.01)


@asynccontextmanager
async def running(
    *programs: Program, said: list[str] | None = None, deadline: float = 20
) -> AsyncIterator[Supervisor]:
    lines: list[str] = said if said is not None else []
    supervisor = Supervisor(programs, os.environ, lines.append)
    stop = asyncio.Event()
    await supervisor.startup()
    running = asyncio.create_task(supervisor.run(stop))
    try:
        yield supervisor
    finally:
        stop.set()
        await running
        await supervisor.shutdown(deadline)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_it_is_ready_when_every_program_says_so(journal: Journal) -> None:
    async with running(program(journal, "a"), program(journal, "b")) as supervisor:
        async with asyncio.timeout(30):
            await supervisor.ready.wait()
        assert {name for name, _ in journal.lines("start")} == {"a", "b"}
    assert supervisor.status == 0


async def test_programs_stop_one_after_the_other_in_the_order_given(journal: Journal) -> None:
    async with running(program(journal, "first"), program(journal, "second")) as supervisor:
        await supervisor.ready.wait()
    assert [name for name, _ in journal.lines("term")] == ["first", "second"]


async def test_the_second_is_told_to_stop_only_when_the_first_has_ended(journal: Journal) -> None:
    said: list[str] = []
    stubborn, good = program(journal, "first", "stubborn"), program(journal, "second")
    async with running(stubborn, good, said=said, deadline=0.5) as supervisor:
        await supervisor.ready.wait()
    assert [name for name, _ in journal.lines("term")] == ["first"]
    assert not any(alive(pid) for _, pid in journal.lines("start"))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
async def test_a_killed_program_is_started_again(journal: Journal, number: signal.Signals) -> None:
    said: list[str] = []
    async with running(program(journal, "a"), program(journal, "b"), said=said) as supervisor:
        await supervisor.ready.wait()
        os.kill(dict(journal.lines("start"))["a"], number)
        await until(lambda: len(journal.lines("start")) == 3)
        assert [name for name, _ in journal.lines("start")].count("b") == 1
    assert supervisor.status == 0
    assert said == [f"the a was ended by {number.name}; starting it again in 0.5 s"]


async def test_a_program_that_keeps_crashing_is_given_up(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("meetlat.commands.supervisor._FIRST_DELAY", 0.001)
    said: list[str] = []
    async with running(program(journal, "a", "exit 70"), said=said) as supervisor:
        await until(lambda: supervisor.status != 0)
    assert supervisor.status == 1
    assert len(journal.lines("start")) == RESTARTS_A_MINUTE + 1
    assert "giving up" in said[-1]
    assert "0.016 s" in said[-2]


@pytest.mark.parametrize("status", [1, 2])
async def test_a_program_that_explained_itself_stops_everything_with_its_status(
    journal: Journal, status: int
) -> None:
    good, bad = program(journal, "good"), program(journal, "bad", f"exit {status}")
    said: list[str] = []
    async with running(good, bad, said=said) as supervisor:
        await until(lambda: supervisor.status != 0)
    assert supervisor.status == status
    assert [name for name, _ in journal.lines("start")].count("bad") == 1
    assert not any(alive(pid) for _, pid in journal.lines("start"))
    assert said == []


async def test_a_program_that_does_not_stop_is_killed_at_the_deadline(journal: Journal) -> None:
    said: list[str] = []
    async with running(program(journal, "a", "stubborn"), said=said, deadline=0.5) as supervisor:
        await supervisor.ready.wait()
    assert journal.lines("term")
    assert not alive(journal.lines("start")[0][1])
    assert "killed" in said[-1]


async def test_force_kills_at_once(journal: Journal) -> None:
    async with running(program(journal, "a", "stubborn")) as supervisor:
        await supervisor.ready.wait()
        supervisor.force()
        await until(lambda: not alive(journal.lines("start")[0][1]))
    assert journal.lines("term") == []


async def test_a_stop_while_a_program_waits_to_be_started_again_leaves_none(
    journal: Journal,
) -> None:
    said: list[str] = []
    async with running(program(journal, "a", "exit 70"), said=said):
        await until(lambda: bool(said))
    assert len(journal.lines("start")) == 1
