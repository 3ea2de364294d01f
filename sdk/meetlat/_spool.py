"""Events that could not be sent, on disk until they can be.

One set of segment files per process, `TOKEN-NUMBER.events`, beside `TOKEN.lock`, which the process
keeps locked (flock) while it lives. Whoever gets the lock of another knows that it is dead and
takes its segments over by renaming them. A line is checksum, whether it counts, key, value; a torn
last line is ignored. Where nothing can be written, a small part of it lives in memory.

Used by one thread at a time.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections import deque
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from zlib import crc32

from meetlat._encode import Encoded
from meetlat.settings import ENDPOINT, EVENTS_TOPIC, SPOOL, Settings

_MEMORY_BYTES = 16_000_000


def spool_directory(settings: Settings) -> Path:
    """Where events for one destination wait: others' must not be sent there.

    Below MEETLAT_SPOOL, else below the user's cache directory.
    """
    place = f"{settings[ENDPOINT]} {settings[EVENTS_TOPIC]}".encode()
    base = settings[SPOOL]
    if not base:
        cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111 - Path.expanduser raises where there is no home
        base = os.path.join(cache, "meetlat", "spool")  # noqa: PTH118 - see above
    return Path(base) / sha256(place).hexdigest()[:16]


class Segment:
    """One file (or, where none can be written, lines in memory), read from its front."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.lines: list[bytes] = []
        self.size = 0
        self.count = 0
        self.position = 0


class Spool:
    """A bounded queue of encoded events that outlives the process."""

    def __init__(self, directory: Path, cap: int) -> None:
        self.directory = directory
        self._cap = cap
        self._segment_bytes = max(1, min(cap // 8, 4_000_000))
        self._token = secrets.token_hex(8)
        self._number = 0
        self._lock_file: int | None = None
        self._file: int | None = None
        self._segments: deque[Segment] = deque()
        self.trouble = ""

    @property
    def count(self) -> int:
        """Counted events in it."""
        return sum(segment.count for segment in self._segments)

    @property
    def empty(self) -> bool:
        """True when there is nothing to read."""
        return not self._segments

    def append(self, events: list[Encoded]) -> int:
        """Add events; returns how many counted ones fell off the old end."""
        if not events:
            return 0
        lines = [_line(event) for event in events]
        counted = sum(event.counted for event in events)
        data = b"".join(lines)
        if not self._write(data, counted):
            self._remember(lines, counted)
        return self._evict()

    def peek(self, most: int, most_bytes: int) -> list[Encoded]:
        """The oldest events, at most so many; `advance` by as many when they are dealt with."""
        while self._segments:
            segment = self._segments[0]
            found, _ = self._read(segment, most, most_bytes)
            if found:
                return found
            if segment.count:
                return []  # damaged: `advance` with 0 tells how many were lost
            self._drop_first()
        return []

    def advance(self, number: int) -> int:
        """Forget the first `number` events; returns how many counted ones a damage has taken."""
        segment = self._segments[0]
        passed, position = self._read(segment, number, 1 << 62)
        segment.position = position
        segment.count -= sum(event.counted for event in passed)
        rest, _ = self._read(segment, 1, 1)
        if rest:
            return 0
        lost = segment.count
        self._drop_first()
        return lost

    def adopt(self) -> int:
        """Take over the segments of dead processes; returns how many counted events."""
        adopted = 0
        try:
            locks = sorted(self.directory.glob("*.lock"))
        except OSError:
            return 0
        for lock in locks:
            if lock.stem != self._token:
                adopted += self._adopt_from(lock)
        return adopted

    def close(self) -> int:
        """Let go; what is on disk stays for the next process. Returns how many were in memory."""
        self._close_file()
        lost = sum(segment.count for segment in self._segments if segment.path is None)
        on_disk = any(segment.path is not None for segment in self._segments)
        self._segments.clear()
        if self._lock_file is not None:
            if not on_disk:
                (self.directory / f"{self._token}.lock").unlink(missing_ok=True)
            os.close(self._lock_file)
            self._lock_file = None
        return lost

    def abandon(self) -> None:
        """In a forked child: close the parent's files without touching them."""
        for descriptor in (self._file, self._lock_file):
            if descriptor is not None:
                with suppress(OSError):  # the parent's thread may have been closing it just then
                    os.close(descriptor)
        self._file = self._lock_file = None
        self._segments.clear()

    def _write(self, data: bytes, counted: int) -> bool:
        """Append to the newest segment; all or nothing."""
        try:
            segment = self._writable()
            assert self._file is not None
            written = os.write(self._file, data)
            if written != len(data):
                os.ftruncate(self._file, segment.size)
                raise OSError(f"only {written} of {len(data)} bytes were written")
        except OSError as error:
            self.trouble = f"cannot write to {self.directory}: {error.strerror or error}"
            self._close_file()
            return False
        segment.size += len(data)
        segment.count += counted
        if segment.size >= self._segment_bytes:
            self._close_file()
        return True

    def _writable(self) -> Segment:
        if self._file is not None:
            return self._segments[-1]
        self._take_lock()
        path = self._next_path()
        self._file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o600)
        segment = Segment(path)
        self._segments.append(segment)
        return segment

    def _take_lock(self) -> None:
        if self._lock_file is not None:
            return
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        # It gets its name when it is locked, so that nobody finds it unlocked in between.
        draft = self.directory / f"{self._token}.draft"
        lock = os.open(draft, os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        draft.rename(self.directory / f"{self._token}.lock")
        self._lock_file = lock

    def _next_path(self) -> Path:
        self._number += 1
        return self.directory / f"{self._token}-{self._number:08d}.events"

    def _remember(self, lines: list[bytes], counted: int) -> None:
        segment = Segment(None)
        segment.lines = lines
        segment.size = sum(map(len, lines))
        segment.count = counted
        self._segments.append(segment)

    def _evict(self) -> int:
        dropped = 0
        while self._segments and sum(s.size for s in self._segments) > self._cap:
            dropped += self._segments[0].count
            self._drop_first()
        memory = [s for s in self._segments if s.path is None]
        room = min(self._cap, _MEMORY_BYTES) - sum(s.size for s in memory)
        for segment in memory:
            if room >= 0:
                break
            room += segment.size
            dropped += segment.count
            self._segments.remove(segment)
        return dropped

    def _drop_first(self) -> None:
        segment = self._segments.popleft()
        if not self._segments:
            self._close_file()
        if segment.path is not None:
            try:
                segment.path.unlink(missing_ok=True)
            except OSError as error:
                self.trouble = f"cannot delete {segment.path}: {error.strerror}"

    def _close_file(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _read(self, segment: Segment, most: int, most_bytes: int) -> tuple[list[Encoded], int]:
        """Events from the segment's position on, and the position behind them."""
        if segment.path is None:
            lines = segment.lines[segment.position : segment.position + most]
            events = [event for event in map(_parse, lines) if event is not None]
            return events, segment.position + len(lines)
        found: list[Encoded] = []
        position = segment.position
        try:
            with segment.path.open("rb") as file:
                file.seek(position)
                size = 0
                while len(found) < most and size < most_bytes:
                    line = file.readline()
                    if not line.endswith(b"\n"):
                        break
                    position += len(line)
                    size += len(line)
                    event = _parse(line)
                    if event is not None:
                        found.append(event)
        except OSError as error:
            self.trouble = f"cannot read {segment.path}: {error.strerror}"
        return found, position

    def _adopt_from(self, lock: Path) -> int:
        try:
            descriptor = os.open(lock, os.O_RDWR)
        except OSError:
            return 0  # another process was first
        adopted = 0
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._take_lock()
            for path in sorted(self.directory.glob(f"{lock.stem}-*.events")):
                mine = Segment(self._next_path())
                assert mine.path is not None
                path.rename(mine.path)
                mine.size = mine.path.stat().st_size
                found, _ = self._read(mine, 1 << 62, 1 << 62)
                mine.count = sum(event.counted for event in found)
                adopted += mine.count
                self._segments.appendleft(mine)
            lock.unlink(missing_ok=True)
        except BlockingIOError:
            return 0  # its process lives
        except OSError as error:
            self.trouble = f"cannot take over {lock}: {error.strerror}"
        finally:
            os.close(descriptor)
        return adopted


def _line(event: Encoded) -> bytes:
    body = b"%d\t%s\t%s" % (event.counted, event.key, event.value)
    return b"%08x\t%s\n" % (crc32(body), body)


def _parse(line: bytes) -> Encoded | None:
    checksum, _, body = line[:-1].partition(b"\t")
    try:
        if int(checksum, 16) != crc32(body):
            return None
        counted, key, value = body.split(b"\t", 2)
    except ValueError:
        return None
    return Encoded(key, value, counted == b"1")
