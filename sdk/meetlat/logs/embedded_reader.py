"""Reads a topic of the embedded log, and keeps for its writer how far a group of readers is."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import msgspec

from meetlat.errors import LogError
from meetlat.logs import sqlite_file
from meetlat.logs.base import Listener, Record, Start
from meetlat.logs.shared import data_loss, must_follow
from meetlat.logs.sqlite_file import Opened, TopicPath, Words

_log = logging.getLogger("meetlat.logs")
T = TypeVar("T")

POLL_SECONDS = 0.02  # while records come
IDLE_POLL_SECONDS = 0.15  # waking up costs 0.2 ms of CPU, whatever the question
FRESH_SECONDS = 1.0
READ_BYTES = 32 * 1024 * 1024


class Progress(msgspec.Struct):
    """How far a group of readers is: kept beside the log, so that retention spares the rest."""

    identity: str
    offset: int


read_progress = msgspec.json.Decoder(Progress)  # once: msgspec makes types unsafely in threads


class EmbeddedReader:
    """LogReader over the embedded log. Opens it read-only, and waits while there is none yet.

    With a `group` its progress is kept in a small file beside the log, for retention.
    """

    def __init__(self, directory: Path, topic: str, group: str | None = None) -> None:
        self._path = TopicPath(directory, topic)
        self._group = group
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"meetlat-{topic}-reader")
        self._opened: Opened | None = None
        self._position: int | None = None
        self._unproven: Start | None = None
        self._fresh_until = 0.0
        self._closed = False

    async def start(self, listener: Listener) -> None:
        """Ask `listener` where partition 0 starts."""
        start = (await listener.assigned([0])).get(0)
        if isinstance(start, Start):
            self._position, self._unproven = start.offset, start
        else:
            self._position = start

    async def read(self, max_records: int, max_wait: float) -> list[Record]:
        """The next records; waits up to `max_wait` seconds for the first."""
        loop = asyncio.get_running_loop()
        give_up = loop.time() + max_wait
        while True:
            # The position moves here and not in the thread: a cancelled read loses no record.
            records = await self._run(lambda: self._take(max_records))
            if records:
                self._position = records[-1].offset + 1
                self._fresh_until = loop.time() + FRESH_SECONDS
                return records
            now = loop.time()
            if now >= give_up:
                return []
            pause = POLL_SECONDS if now < self._fresh_until else IDLE_POLL_SECONDS
            await asyncio.sleep(min(pause, give_up - now))

    async def identity(self) -> str | None:
        """The UUID that the file got when it was made; None while there is no file."""

        def find() -> str | None:
            opened = self._file()
            return opened.identity if opened else None

        return await self._run(find)

    async def progress(self, offsets: Mapping[int, int]) -> None:
        """Keep the next offset, for retention and lag tools. Never raises."""
        if self._group is None or 0 not in offsets:
            return
        try:
            await self._run(lambda: self._tell(offsets[0]))
        except LogError as error:
            _log.warning("the progress of %s was not kept: %s", self._path.topic, error)

    async def end_offsets(self) -> dict[int, int]:
        """The offset that the next append will get; 0 while there is no file."""

        def find() -> int:
            opened = self._file()
            return opened.end()[0] if opened else 0

        return {0: await self._run(find)}

    async def earliest_offsets(self) -> dict[int, int]:
        """The first offset still kept."""

        def find() -> int:
            opened = self._file()
            return opened.earliest() if opened else 0

        return {0: await self._run(find)}

    async def close(self, deadline: float) -> None:
        """Let go of the file, within `deadline` seconds."""

        if self._closed:
            return

        def shut() -> None:
            if self._opened is not None:
                self._opened.connection.close()
                self._opened = None

        try:
            async with asyncio.timeout(deadline):
                await self._run(shut)
        except TimeoutError:
            _log.warning("the embedded log did not close within %g s", deadline)
        finally:
            self._closed = True
            self._thread.shutdown(wait=False)

    def _file(self) -> Opened | None:
        if self._opened is None:
            if not self._path.file.exists():
                return None
            self._opened = Opened(self._path, writable=False, timeout=1.0)
        self._opened.must_be_in_place()
        return self._opened

    def _take(self, max_records: int) -> list[Record]:
        opened = self._file()
        if opened is None:
            if self._position:
                raise data_loss(self._path.topic, 0, self._position, end=0)
            return []
        if self._unproven is not None:
            found = sqlite_file.time_before(opened, self._unproven.offset)
            if found is not None:
                must_follow(self._path.topic, 0, self._unproven, found)
            self._unproven = None
        position = opened.earliest() if self._position is None else self._position
        return sqlite_file.read(opened, position, max_records, READ_BYTES)

    def _tell(self, offset: int) -> None:
        opened = self._file()
        if opened is None or self._group is None:
            return
        target = self._path.directory / self._path.progress(self._group)
        fresh = target.with_suffix(".new")
        fresh.write_bytes(msgspec.json.encode(Progress(opened.identity, offset)))
        fresh.replace(target)

    async def _run(self, action: Callable[[], T]) -> T:
        if self._closed:
            raise LogError("the reader of the embedded log is closed", remedy="make another")

        def worded() -> T:
            with Words(self._path):
                return action()

        return await asyncio.get_running_loop().run_in_executor(self._thread, worded)
