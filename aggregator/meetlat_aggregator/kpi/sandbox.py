"""Runs SQL that a company wrote in its plan, in a process of its own.

Such a query may be wrong in any way: endless, greedy, or meant to read or write what it should not.
In a process apart, with little of everything and read-only, the worst it can do is lose itself.
What comes back is bytes of a bounded number, never objects, and is checked again on arrival.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import pyarrow as pa

from meetlat.errors import MeetlatError
from meetlat_aggregator.kpi.sandbox_child import RefusedError, check, schema

MAX_ROWS, MAX_BYTES, MAX_SQL = 200_000, 64 << 20, 20_000
# How long a query may still take to heed the interrupt, and the program to start.
GRACE, START = 2.0, 30.0
_ENDS = "was stopped, as the aggregator ends"
_HEED = 0.25  # how often the wish to stop is looked at
_CHILD = "meetlat_aggregator.kpi.sandbox_child"
# All that the child sees of the environment. Arenas reserve address space by the gigabyte.
_ENVIRONMENT = {"MALLOC_ARENA_MAX": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"}


class Query(NamedTuple):
    """A KPI's id, its SQL, and which columns that gives (see `sandbox_child`)."""

    id: str
    sql: str
    shape: Literal["share", "mean", "sum"] = "mean"


@dataclass(frozen=True, slots=True)
class Rows:
    """What a query gave: `day` (date32), `use_case`, `team`, `segment`, `part` (text), and the
    shape's columns: `hits` and `n` int64, `total` and `squares` float64, all finite and not NULL.
    """

    table: pa.Table


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a query gave nothing: one sentence that says what to do."""

    reason: str


def run(
    queries: Iterable[Query],
    published: Path,
    *,
    seconds: float = 10,
    memory_mb: int = 256,
    stop: threading.Event | None = None,
) -> dict[str, Rows | Refused]:
    """Run each query on the published file, one after another, each for `seconds` at most.

    They share a process (its start takes half a second of computing); one that has to be killed
    loses only itself, and the others go on in a new one. One that dies and was not the first in its
    process may have died of those before it: it runs once more, alone. `memory_mb` is what that
    process may grow by; DuckDB gets half of it. Soon after `stop` is set nothing runs any more.
    Raises MeetlatError when the published file is not there.
    """
    if not published.is_file():
        raise MeetlatError(
            f"{published} is not there",
            remedy="it appears a few seconds after the aggregator starts",
            retry=True,
        )
    found: dict[str, Rows | Refused] = {}
    child: _Child | None = None
    broken: Refused | None = None
    try:
        for query in queries:
            if stop is not None and stop.is_set():
                broken = Refused(_ENDS)
            if broken is not None:
                found[query.id] = broken
                continue
            if len(query.sql) > MAX_SQL:
                found[query.id] = Refused(
                    f"is longer than {MAX_SQL:,} characters; write less, "
                    "or record a measurement instead"
                )
                continue
            while query.id not in found:
                if child is None:
                    try:
                        child = _Child(published, seconds, memory_mb, stop)
                    except _GoneError as error:  # no other one would start either
                        found[query.id] = broken = Refused(str(error))
                        continue
                first = not child.asked
                try:
                    found[query.id] = child.ask(query)
                except _GoneError as error:
                    if first or not error.died:
                        found[query.id] = Refused(str(error))
                if child.spent:
                    child.end()
                    child = None
    finally:
        if child is not None:
            child.end()
    return found


class _GoneError(Exception):
    """The child is no more; says why. `died`: by itself, of a query or an earlier one."""

    def __init__(self, why: str, died: bool = False) -> None:
        super().__init__(why)
        self.died = died


class _Child:
    """The other end of two pipes. `spent` when it can be asked nothing more."""

    def __init__(
        self, published: Path, seconds: float, memory_mb: int, stop: threading.Event | None = None
    ) -> None:
        self.seconds, self.memory_mb, self._stop = seconds, memory_mb, stop
        self.spent = self.asked = False
        self._left = b""
        self._process = subprocess.Popen(  # noqa: S603 - our own program, no shell
            [sys.executable, "-I", "-m", _CHILD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            cwd="/",
            env=_ENVIRONMENT,
            start_new_session=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in, self._out = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._in, False)
        os.set_blocking(self._out, False)
        limits = {
            "published": str(published.absolute()),
            "seconds": seconds,
            "memory_mb": memory_mb,
            "rows": MAX_ROWS,
            "bytes": MAX_BYTES,
        }
        try:
            answer = self._exchange(limits, time.monotonic() + START)
            if answer.get("refused"):
                raise _GoneError(str(answer["refused"]))
        except BaseException:
            self.end()
            raise

    def ask(self, query: Query) -> Rows | Refused:
        """What the query gives. Raises _GoneError, after which the child is spent."""
        self.asked = True
        deadline = time.monotonic() + self.seconds + GRACE
        answer = self._exchange({"sql": query.sql, "shape": query.shape}, deadline)
        self.spent = self.spent or bool(answer.get("last"))
        if "refused" in answer:
            return Refused(str(answer["refused"])[:1000])
        size = answer.get("bytes")
        if not isinstance(size, int) or not 0 <= size <= MAX_BYTES:
            raise self._gone("answered what no query answers")
        content = self._read(size, deadline)
        try:
            table = pa.ipc.open_stream(content).read_all()
            table.validate(full=True)
            if table.schema != schema(query.shape) or table.num_rows > MAX_ROWS:
                raise self._gone("answered what no query answers")
            check(table, query.shape)
        except (pa.ArrowException, RefusedError) as error:
            raise self._gone("answered what no query answers") from error
        return Rows(table)

    def end(self) -> None:
        """Kill it, and wait until it is gone."""
        self.spent = True
        with suppress(ProcessLookupError):
            self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()

    def _exchange(self, message: dict[str, object], deadline: float) -> dict[str, object]:
        self._write(json.dumps(message).encode() + b"\n", deadline)
        while b"\n" not in self._left:
            if len(self._left) > 10_000:
                raise self._gone("answered what no query answers")
            self._left += self._some(deadline)
        line, _, self._left = self._left.partition(b"\n")
        try:
            answer = json.loads(line)
        except ValueError:
            raise self._gone("answered what no query answers") from None
        if not isinstance(answer, dict):
            raise self._gone("answered what no query answers")
        return answer

    def _write(self, message: bytes, deadline: float) -> None:
        while message:
            self._wait(self._in, selectors.EVENT_WRITE, deadline)
            try:
                message = message[os.write(self._in, message) :]
            except BrokenPipeError:
                raise self._gone() from None

    def _read(self, size: int, deadline: float) -> bytes:
        content = bytearray(self._left)
        while len(content) < size:
            content += self._some(deadline)
        self._left = bytes(content[size:])
        return bytes(content[:size])

    def _some(self, deadline: float) -> bytes:
        self._wait(self._out, selectors.EVENT_READ, deadline)
        content = os.read(self._out, 1 << 20)
        if not content:
            raise self._gone()
        return content

    def _wait(self, pipe: int, event: int, deadline: float) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(pipe, event)
            while not selector.select(max(0.0, min(deadline - time.monotonic(), _HEED))):
                if self._stop is not None and self._stop.is_set():
                    raise self._gone(_ENDS)
                if time.monotonic() < deadline:
                    continue
                raise self._gone(f"did not end within {self.seconds:g} seconds and was killed")

    def _gone(self, why: str = "") -> _GoneError:
        """Kill what is left of it, and say why it is gone: `why`, or what ended it."""
        self.spent = True
        died = False
        if not why:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(1)
            if self._process.poll() == -signal.SIGXCPU:
                why = f"computed for more than {self.seconds:g} seconds and was killed"
            else:
                died = True
                why = f"took more than {self.memory_mb} MB or crashed, and was stopped"
        self._process.kill()
        self._process.wait()
        return _GoneError(f"{why}; let the query read fewer days or columns, or simplify it", died)
