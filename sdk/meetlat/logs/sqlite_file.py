"""One topic of the embedded log as one SQLite file: its format, its locks, its faults in words.

Records are stored in blocks, many to a row. Python's sqlite3 hands over the GIL at every row, so a
row per record would wait for a busy event loop 50,000 times a batch; a block costs one hand-over.

    block(base, count, append_time, crc, body)    body: msgpack array of [key, value, headers]

Offsets of a block are `base … base + count − 1`. Retention deletes from the front; when it deletes
everything, an empty block keeps the next offset, so that no offset is ever used twice.

SQLite up to 3.51.2 can corrupt a file when two connections write and checkpoint at once. So every
write, checkpoint and close of a writer happens under an exclusive flock on `TOPIC.lock`; readers
open the file read-only and never checkpoint.
"""

from __future__ import annotations

import fcntl
import os
import re
import sqlite3
import time
import uuid
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from meetlat.errors import LogError
from meetlat.logs.base import Message, Record
from meetlat.logs.shared import data_loss

BLOCK_MESSAGES = 1_000
BLOCK_BYTES = 512 * 1024
_FORMAT = 1
_APPLICATION = 0x4D45_4554  # "MEET", what `file` shows of a log
_SCHEMA = """
CREATE TABLE log (identity TEXT NOT NULL);
CREATE TABLE block (
    base INTEGER PRIMARY KEY,
    count INTEGER NOT NULL,
    append_time INTEGER NOT NULL,
    crc INTEGER NOT NULL,
    body BLOB NOT NULL
);
"""
_TAIL = "SELECT base + count, append_time FROM block ORDER BY base DESC LIMIT 1"
_INSERT = (
    "INSERT OR REPLACE INTO block (base, count, append_time, crc, body) VALUES (?, ?, ?, ?, ?)"
)

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Message]).decode


class TopicPath:
    """Where the files of one topic are, and whether they are still the ones that were opened."""

    def __init__(self, directory: Path, topic: str) -> None:
        if not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}", topic):
            raise LogError(
                f"{topic!r} is no topic name",
                remedy="use 1 to 200 letters, digits, dots, dashes and underscores",
            )
        self.topic = topic
        self.directory = directory.absolute()
        self.file = self.directory / f"{topic}.sqlite"
        self.wal = self.directory / f"{topic}.sqlite-wal"
        self.lock = self.directory / f"{topic}.lock"

    def progress(self, group: str = "*") -> str:
        """Name (or pattern) of the file where a group of readers tells how far it is."""
        return f"{self.topic}@{group}.progress"

    def fault(self, error: sqlite3.Error | OSError | msgspec.DecodeError) -> LogError:
        """The error in words, with the remedy, and whether it heals by itself."""
        name = getattr(error, "sqlite_errorname", "") or type(error).__name__
        message = f"embedded log {self.file}: {error} ({name})"
        if name.startswith(("SQLITE_FULL", "SQLITE_IOERR")) or isinstance(error, OSError):
            remedy = f"free space on, or mend, the disk of {self.directory}; it goes on by itself"
            return LogError(message, remedy=remedy, retry=True)
        if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            remedy = "end the program that holds the file; it goes on by itself"
            return LogError(message, remedy=remedy, retry=True)
        if name.startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_PERM", "SQLITE_AUTH")):
            remedy = f"let this user read and write the files in {self.directory}"
            return LogError(message, remedy=remedy)
        return LogError(message, remedy="the file is damaged: restore it from a backup")


class Words:
    """Turns errors of SQLite and the file system into LogErrors that name the remedy."""

    def __init__(self, path: TopicPath) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, sqlite3.Error | OSError | msgspec.DecodeError):
            raise self._path.fault(error) from error


class Opened:
    """A connection to the file, which knows which file it opened."""

    def __init__(self, path: TopicPath, *, writable: bool, timeout: float) -> None:
        self.path = path
        mode = "rw" if writable else "ro"
        self.connection = sqlite3.connect(
            f"{path.file.as_uri()}?mode={mode}",
            uri=True,
            timeout=timeout,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            self._inode = _inode(path.file)
            execute = self.connection.execute
            execute(f"PRAGMA wal_autocheckpoint = {4000 if writable else 0}")
            if writable:
                execute("PRAGMA synchronous = FULL")
                execute("PRAGMA journal_size_limit = 67108864")
            (application,) = execute("PRAGMA application_id").fetchone()
            (version,) = execute("PRAGMA user_version").fetchone()
            if (application, version) != (_APPLICATION, _FORMAT):
                raise LogError(
                    f"{path.file} is not an embedded log of this version",
                    remedy="move it away, or use the version that made it",
                )
            (self.identity,) = execute("SELECT identity FROM log").fetchone()
            # The first read made sure of a WAL, so from here on its disappearance is a fault.
            self._wal_inode = _inode(path.wal)
        except BaseException:
            self.connection.close()
            raise

    def must_be_in_place(self) -> None:
        """Raise LogError when the file, or its WAL, was deleted or replaced since it was opened."""
        for path, inode in ((self.path.file, self._inode), (self.path.wal, self._wal_inode)):
            if inode is not None and _inode(path) != inode:
                raise LogError(
                    f"embedded log {path} was deleted or replaced while it was in use",
                    remedy="put it back; a new log needs a new MEETLAT_DATA, as offsets start anew",
                )

    def end(self) -> tuple[int, int]:
        """The next offset, and the newest append time (0 without any), of the file."""
        row = self.connection.execute(_TAIL).fetchone()
        return (row[0], row[1]) if row else (0, 0)

    def earliest(self) -> int:
        """The first offset still kept; equal to the end when there is none."""
        (base,) = self.connection.execute("SELECT min(base) FROM block").fetchone()
        return base or 0


def _inode(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def create(path: TopicPath) -> None:
    """Make the file when it is missing; call it under the lock. It appears at once and whole."""
    if path.file.exists():
        return
    if path.wal.exists():
        raise LogError(
            f"embedded log {path.file} is missing, but its {path.wal.name} is there",
            remedy="put the file back; or delete the other one too, which begins a new log",
        )
    unfinished = path.file.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    connection = sqlite3.connect(unfinished, isolation_level=None)
    try:
        connection.executescript(_SCHEMA)
        connection.execute("INSERT INTO log (identity) VALUES (?)", (str(uuid.uuid4()),))
        connection.execute(f"PRAGMA application_id = {_APPLICATION}")
        connection.execute(f"PRAGMA user_version = {_FORMAT}")
        connection.execute("PRAGMA journal_mode = WAL")
    finally:
        connection.close()
    unfinished.chmod(0o600)  # raw events are for their owner; the WAL takes the file's mode
    unfinished.rename(path.file)
    sync_directory(path.directory)


def sync_directory(directory: Path) -> None:
    """Make names in a directory safe against a power cut."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class WriteLock:
    """An exclusive flock among the writers of one topic, in this and other processes."""

    def __init__(self, path: TopicPath, timeout: float) -> None:
        self._path = path.lock
        self._timeout = timeout

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold it. Raises LogError with `retry` when others keep it longer than the timeout."""
        descriptor = self._take()
        try:
            yield
        finally:
            os.close(descriptor)

    def _take(self) -> int:
        give_up = time.monotonic() + self._timeout
        pause = 0.0002
        while True:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # A lock on a file that was deleted meanwhile would keep nobody out.
                found = os.fstat(descriptor)
                if _inode(self._path) == (found.st_dev, found.st_ino):
                    return descriptor
            except BlockingIOError:
                pass
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)
            if time.monotonic() > give_up:
                raise LogError(
                    f"{self._path} has been locked by another writer for {self._timeout:g} s",
                    remedy="find it with `fuser`, and let it go on or end it",
                    retry=True,
                )
            time.sleep(pause)
            pause = min(pause * 2, 0.01)


def write(opened: Opened, messages: Sequence[Message], now: int) -> None:
    """Append in one transaction, under the lock; on return it is on the disk.

    Append times never go backwards: with the clock set back, the newest one is repeated.
    """
    blocks = list(_blocks(messages))
    with transaction(opened.connection) as connection:
        offset, newest = opened.end()
        append_time = max(now, newest)
        for block in blocks:
            body = _encode(block)
            row = (offset, len(block), append_time, zlib.crc32(body), body)
            connection.execute(_INSERT, row)
            offset += len(block)


def _blocks(messages: Sequence[Message]) -> Iterator[Sequence[Message]]:
    start = size = 0
    for index, message in enumerate(messages):
        length = len(message.value)
        size += length
        if index > start and (size > BLOCK_BYTES or index - start >= BLOCK_MESSAGES):
            yield messages[start:index]
            start, size = index, length
    if start < len(messages):
        yield messages[start:]


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """One write transaction: committed, or rolled back when anything raises."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def trim(opened: Opened, before_offset: int, older_than: int, blocks: int) -> int:
    """Delete at most `blocks` whole blocks from the front, under the lock; how many records.

    Only records below `before_offset` that were appended before `older_than`, in microseconds.
    """
    with transaction(opened.connection) as connection:
        rows = connection.execute(
            "SELECT base, count, append_time FROM block WHERE count > 0 ORDER BY base LIMIT ?",
            (blocks,),
        ).fetchall()
        removed = 0
        keep_from = None
        for base, count, append_time in rows:
            if base + count > before_offset or append_time >= older_than:
                break
            keep_from = base + count
            removed += count
        if keep_from is not None:
            end, newest = opened.end()
            connection.execute("DELETE FROM block WHERE base < ?", (keep_from,))
            if keep_from == end:
                connection.execute(_INSERT, (end, 0, newest, 0, b""))
    return removed


def time_before(opened: Opened, position: int) -> int | None:
    """When the record before `position` was appended; None when the file does not know it (any
    more). After everything was trimmed it still knows the newest.
    """
    end, newest = opened.end()
    if position == end:
        return newest if end else None
    row = opened.connection.execute(
        "SELECT base + count, append_time FROM block WHERE base < ? ORDER BY base DESC LIMIT 1",
        (position,),
    ).fetchone()
    return row[1] if row and row[0] >= position else None


def read(opened: Opened, position: int, max_records: int, max_bytes: int) -> list[Record]:
    """Records from `position` on, in order; stops after `max_bytes`, at the end of a block.

    Raises DataLossError when `position` lies below the earliest offset or above the end.
    """
    end, _ = opened.end()
    if position >= end:  # the common answer while idle: cheap, it reads no block
        if position > end:
            raise data_loss(opened.path.topic, 0, position, end=end)
        return []
    records: list[Record] = []
    size = 0
    # Seeks to the block that holds the position; blocks have no gaps between them.
    cursor = opened.connection.execute(
        "SELECT base, append_time, crc, body FROM block WHERE base >= "
        "coalesce((SELECT max(base) FROM block WHERE base <= ?), 0) ORDER BY base",
        (position,),
    )
    try:
        for base, append_time, crc, body in cursor:
            if base > position:
                raise data_loss(opened.path.topic, 0, position, earliest=base)
            if zlib.crc32(body) != crc:
                raise LogError(
                    f"embedded log {opened.path.file} is damaged at offset {base}",
                    remedy="restore it from a backup",
                )
            wanted = max_records - len(records)
            messages = _decode(body)[position - base : position - base + wanted]
            records += [
                Record(0, offset, append_time, key, value, headers)
                for offset, (key, value, headers) in enumerate(messages, position)
            ]
            position += len(messages)
            size += len(body)
            if len(records) >= max_records or size >= max_bytes:
                break
    finally:
        cursor.close()  # an open one would keep the WAL from being used again
    return records
