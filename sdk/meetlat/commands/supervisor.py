"""Keeps child programs running, and stops them in order: the machinery of `meetlat up`.

A child that crashes or is killed is started again, a counted few times a minute. One that ends
with status 1 or 2 has explained itself: everything stops, with that status. Children have their
own process group, so that Ctrl-C reaches the supervisor alone and the order is kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

EXPLAINED = (1, 2)
RESTARTS_A_MINUTE = 5
_FIRST_DELAY = 0.5
_POLL_SECONDS = 0.1
_NAG_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Program:
    """One child: its name, the words behind `meetlat`, and where it says that it is ready."""

    name: str
    words: Sequence[str]
    ready_url: str
    command: Sequence[str] = (sys.executable, "-m", "meetlat.commands.child")


class Supervisor:
    """Runs programs until told to stop; they are stopped in the order given.

    A service: `startup`, `run`, `shutdown(deadline)`. `say` is told, in one line each, what
    happened; `environ` is what the children see. After `run`, `status` is the exit status: 0, or
    that of the child that gave up. `ready` is set once every program has said that it is ready.
    """

    def __init__(
        self,
        programs: Sequence[Program],
        environ: Mapping[str, str],
        say: Callable[[str], None],
    ) -> None:
        self._programs = programs
        self._environ = dict(environ)
        self._say = say
        self._processes: dict[str, asyncio.subprocess.Process] = {}
        self._keepers: list[asyncio.Task[None]] = []
        self._gave_up = asyncio.Event()
        self._stopping = asyncio.Event()
        self.ready = asyncio.Event()
        self.status = 0

    async def startup(self) -> None:
        """Start every program; `ready` is set later, in `run`."""
        for program in self._programs:
            await self._start(program)
            self._keepers.append(asyncio.create_task(self._keep(program)))

    async def run(self, stop: asyncio.Event) -> None:
        """Keep the programs running until `stop` is set or one of them gives up."""
        waiting = asyncio.create_task(self._wait_until_ready())
        ends = [asyncio.create_task(event.wait()) for event in (stop, self._gave_up)]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (waiting, *ends):
                task.cancel()
            await asyncio.gather(waiting, *ends, return_exceptions=True)

    async def shutdown(self, deadline: float) -> None:
        """Stop the programs one after the other; what is left at the deadline (s) is killed."""
        self._stopping.set()
        try:
            async with asyncio.timeout(deadline):
                for program in self._programs:
                    await self._stop(program)
        except TimeoutError:
            self._say("a program did not stop in time and was killed; nothing in the log is lost")
            self.force()
        await asyncio.gather(*self._keepers)

    def force(self) -> None:
        """Kill what is running. What the log holds is not lost: the next start counts it."""
        self._stopping.set()
        for process in self._processes.values():
            _signal(process, signal.SIGKILL)

    async def _start(self, program: Program) -> None:
        self._processes[program.name] = await asyncio.create_subprocess_exec(
            *program.command,
            *program.words,
            stdin=asyncio.subprocess.PIPE,
            env=self._environ,
            process_group=0,
        )

    async def _keep(self, program: Program) -> None:
        """Start the program again whenever it crashes, until it gives up or all is stopped."""
        loop = asyncio.get_running_loop()
        ended: list[float] = []
        while True:
            code = await self._processes[program.name].wait()
            if self._stopping.is_set():
                return
            if code in EXPLAINED:
                self.status = self.status or code
                self._gave_up.set()
                return
            now = loop.time()
            ended = [*(moment for moment in ended if now - moment < 60), now]
            if len(ended) > RESTARTS_A_MINUTE:
                self._say(
                    f"the {program.name} {_how(code)}, {len(ended)} times within a minute; "
                    "giving up: what it said above should tell why"
                )
                self.status = self.status or 1
                self._gave_up.set()
                return
            delay = _FIRST_DELAY * 2 ** (len(ended) - 1)
            self._say(f"the {program.name} {_how(code)}; starting it again in {delay:g} s")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), delay)
            if self._stopping.is_set():
                return
            await self._start(program)
            if self._stopping.is_set():  # told to stop while it was being started
                _signal(self._processes[program.name], signal.SIGTERM)

    async def _stop(self, program: Program) -> None:
        process = self._processes.get(program.name)
        if process is None or process.returncode is not None:
            return
        _signal(process, signal.SIGTERM)
        await process.wait()

    async def _wait_until_ready(self) -> None:
        loop = asyncio.get_running_loop()
        for program in self._programs:
            nag = loop.time() + _NAG_SECONDS
            while True:
                status, text = await asyncio.to_thread(get, program.ready_url)
                if status == 200:
                    break
                if loop.time() > nag:
                    reason = text.strip() or "it does not answer"
                    self._say(f"still waiting for the {program.name}: {reason}")
                    nag = loop.time() + _NAG_SECONDS
                await asyncio.sleep(_POLL_SECONDS)
        self.ready.set()


def get(url: str, timeout: float = 2.0) -> tuple[int, str]:
    """Status and text of a GET on this machine; status 0 with the reason when nobody answers."""
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=timeout)
    try:
        connection.request("GET", place.path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        return 0, str(error)
    finally:
        connection.close()


def _how(code: int) -> str:
    if code >= 0:
        return f"ended with status {code}"
    return f"was ended by {signal.Signals(-code).name}"


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, number)
