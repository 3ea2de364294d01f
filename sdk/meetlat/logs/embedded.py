"""The embedded log: durable, on one machine, without a server.

One SQLite file per topic (`sqlite_file.py`), written and read by any process of this machine;
partition 0. `EmbeddedAppender` blocks, `EmbeddedWriter` is its asynchronous face;
`embedded_reader.py` reads.
"""

from __future__ import annotations

import asyncio
import ctypes
import logging
import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

import msgspec

from meetlat.errors import LogError
from meetlat.logs import sqlite_file
from meetlat.logs.base import Message
from meetlat.logs.embedded_reader import EmbeddedReader, read_progress
from meetlat.logs.shared import SharedAppends, must_fit
from meetlat.logs.sqlite_file import Opened, TopicPath, Words, WriteLock

__all__ = ["EmbeddedAppender", "EmbeddedReader", "EmbeddedWriter", "utc_micros"]

_log = logging.getLogger("meetlat.logs")
T = TypeVar("T")
Clock = Callable[[], int]

LOCK_SECONDS = 10.0
TRIM_BLOCKS = 50
FREE_BYTES = 4 * 1024 * 1024
FORK_SECONDS = 1.0


def utc_micros() -> int:
    """Now, in microseconds since 1970, UTC."""
    return time.time_ns() // 1000


class _Ticket:
    """One caller's messages, waiting to share a commit."""

    __slots__ = ("done", "error", "messages")

    def __init__(self, messages: Sequence[Message]) -> None:
        self.messages = messages
        self.done = False
        self.error: Exception | None = None


class EmbeddedAppender:
    """Blocking, thread-safe writer of one topic. The file is made when it is missing.

    Raises LogError: with `retry` when it can heal by itself (disk full, file locked), without
    when somebody has to act (file deleted or damaged, used in a forked child).
    """

    def __init__(
        self,
        directory: Path,
        topic: str,
        *,
        clock: Clock = utc_micros,
        lock_timeout: float = LOCK_SECONDS,
    ) -> None:
        self._path = TopicPath(directory, topic)
        self._clock = clock
        self._timeout = lock_timeout
        self._lock = WriteLock(self._path, lock_timeout)
        self._waiting: deque[_Ticket] = deque()
        self._turn = threading.Lock()
        self._process = os.getpid()
        self._opened: Opened | None = None
        self._closed = False
        _appenders.add(self)

    def append(self, messages: Sequence[Message], *, fitting: bool = False) -> None:
        """Append, and return when all are on the disk. Concurrent callers share a commit.

        On LogError none of them was appended, or (after a failed fsync) possibly all. `fitting`:
        that they fit is known.
        """
        self.must_be_own_process()
        if not fitting:
            must_fit(messages)
        ticket = _Ticket(messages)
        self._waiting.append(ticket)
        with self._turn:
            if not ticket.done:
                self._commit_waiting()
        if ticket.error is not None:
            raise ticket.error

    def open(self) -> None:
        """Open now instead of at the first append."""
        self._guarded(lambda _: None)

    def check(self) -> None:
        """Raise LogError when an append would not work now."""

        def try_it(opened: Opened) -> None:
            with sqlite_file.transaction(opened.connection):
                pass
            opened.must_be_in_place()
            space = os.statvfs(self._path.directory)
            if space.f_bavail * space.f_frsize < FREE_BYTES:
                raise LogError(
                    f"the disk of {self._path.directory} is full",
                    remedy="free space; it goes on by itself",
                    retry=True,
                )

        self._guarded(try_it)

    def trim(self, older_than: int, *, unread_too: bool = False) -> int:
        """Delete records appended before `older_than` (microseconds); returns how many.

        Spares what a group of readers has yet to read, and everything while none has told how
        far it is; with `unread_too` age alone decides. Deletes in small steps, so that appends
        get their turn between them.
        """
        total = 0
        while removed := self._guarded(
            lambda opened: self._trim_step(opened, older_than, unread_too)
        ):
            total += removed
        return total

    def close(self) -> None:
        """Let go of the file. Appending again raises LogError.

        Raises LogError when others keep it locked; then it stays open, and closing may be tried
        again.
        """
        self.must_be_own_process()
        with self._turn:
            self._closed = True
            if self._opened is None:
                return
            try:
                with Words(self._path), self._lock.held():
                    self._opened.connection.close()
            except BaseException:
                _leave_open(self, self._opened)
                raise
            self._opened = None
            _left_open.discard(self)

    def hold_for_fork(self) -> bool:
        """Let no commit be under way during a fork; False when one takes longer than a second."""
        return self._turn.acquire(timeout=FORK_SECONDS)

    def release_after_fork(self, *, in_child: bool) -> None:
        """Go on in the parent; in the child let go of the connection.

        An inherited connection makes SQLite believe that this process holds its parent's locks,
        also for files that the child opens itself. Closing it here takes that belief away, and
        nothing else: the locks, and the last word over the WAL, stay with the parent.
        """
        if in_child and self._opened is not None:
            self._opened.connection.close()
            self._opened = None
        self._turn.release()

    def must_be_own_process(self) -> None:
        """Raise LogError in a forked child: SQLite must not cross a fork."""
        if os.getpid() != self._process:
            raise LogError(
                f"embedded log {self._path.file} was opened before a fork",
                remedy="open it in the child process",
            )

    def _commit_waiting(self) -> None:
        tickets = [self._waiting.popleft() for _ in range(len(self._waiting))]
        messages = [message for ticket in tickets for message in ticket.messages]
        error: Exception | None = None
        try:
            self._locked(lambda opened: self._write(opened, messages))
        except Exception as caught:  # noqa: BLE001 - every caller has to get it
            error = caught
        for ticket in tickets:
            ticket.error = error
            ticket.done = True

    def _write(self, opened: Opened, messages: Sequence[Message]) -> None:
        sqlite_file.write(opened, messages, self._clock())
        # After the commit: what went into a file that nobody can find any more is not safe.
        opened.must_be_in_place()

    def _trim_step(self, opened: Opened, older_than: int, unread_too: bool) -> int:
        before, _ = opened.end()
        if not unread_too:
            before = min(self._groups(opened.identity), default=0)
        return sqlite_file.trim(opened, before, older_than, TRIM_BLOCKS)

    def _groups(self, identity: str) -> list[int]:
        told = []
        for path in self._path.directory.glob(self._path.progress()):
            try:
                progress = read_progress.decode(path.read_bytes())
            except msgspec.DecodeError:
                _log.warning("%s cannot be read, so nothing is trimmed; delete it", path)
                told.append(0)
                continue
            if progress.identity == identity:
                told.append(progress.offset)
        return told

    def _guarded(self, action: Callable[[Opened], T]) -> T:
        self.must_be_own_process()
        with self._turn:
            return self._locked(action)

    def _locked(self, action: Callable[[Opened], T]) -> T:
        if self._closed:
            raise LogError(f"embedded log {self._path.file} is closed", remedy="open it again")
        with Words(self._path):
            self._path.directory.mkdir(parents=True, exist_ok=True)
            with self._lock.held():
                if self._opened is None:
                    sqlite_file.create(self._path)
                    self._opened = Opened(self._path, writable=True, timeout=self._timeout)
                return action(self._opened)


def _leave_open(appender: EmbeddedAppender, opened: Opened) -> None:
    """Let nobody close it without the lock: no garbage collection, and not the interpreter's end.

    To SQLite this process then ends as if it were killed, which costs nothing.
    """
    if appender not in _left_open:
        _left_open.add(appender)
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(opened.connection))


_left_open: set[EmbeddedAppender] = set()  # a forked child lets go of these too
_appenders: weakref.WeakSet[EmbeddedAppender] = weakref.WeakSet()
_held: list[EmbeddedAppender] = []


def _before_fork() -> None:
    _held.extend(appender for appender in list(_appenders) if appender.hold_for_fork())


def _after_fork(*, in_child: bool) -> None:
    while _held:
        _held.pop().release_after_fork(in_child=in_child)


os.register_at_fork(
    before=_before_fork,
    after_in_parent=partial(_after_fork, in_child=False),
    after_in_child=partial(_after_fork, in_child=True),
)


class EmbeddedWriter:
    """LogWriter over the embedded log: one thread writes, concurrent appends share a commit."""

    def __init__(self, directory: Path, topic: str, *, clock: Clock = utc_micros) -> None:
        self._appender = EmbeddedAppender(directory, topic, clock=clock)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"meetlat-{topic}-writer")
        self._appends = SharedAppends(self._commit)
        self._closed = False

    async def start(self) -> None:
        """Open the file; make it when it is missing."""
        await self._run(self._appender.open)

    async def append(self, messages: Sequence[Message]) -> None:
        """Append, and return when all are on the disk."""
        self._appender.must_be_own_process()
        await self._appends.append(messages)

    async def check(self) -> None:
        """Raise LogError when an append would not work now."""
        await self._run(self._appender.check)

    async def trim(self, older_than: int, *, unread_too: bool = False) -> int:
        """Delete old records that were read; see EmbeddedAppender.trim."""
        return await self._run(lambda: self._appender.trim(older_than, unread_too=unread_too))

    async def close(self, deadline: float) -> None:
        """Finish the appends under way, within `deadline` seconds, and let go."""
        if self._closed:
            return
        loop = asyncio.get_running_loop()
        give_up = loop.time() + deadline
        try:
            await self._appends.close(deadline)
            async with asyncio.timeout_at(give_up):
                await self._run(self._appender.close)
        except TimeoutError:
            _log.warning("the embedded log did not close within %g s", deadline)
        except LogError as error:
            _log.warning("the embedded log did not close in order: %s", error)
        finally:
            self._closed = True
            self._thread.shutdown(wait=False)

    async def _commit(self, messages: list[Message]) -> None:
        await self._run(lambda: self._appender.append(messages, fitting=True))

    async def _run(self, action: Callable[[], T]) -> T:
        if self._closed:
            raise LogError("the writer of the embedded log is closed", remedy="make another")
        return await asyncio.get_running_loop().run_in_executor(self._thread, action)
