"""The live database: opened by one process only, migrated step by step, never shown to others."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import re
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from typing import IO

import duckdb

from meetlat.errors import MeetlatError
from meetlat_aggregator.sqlfiles import sql

DATABASE = "aggregator.duckdb"
LOCK = "aggregator.lock"
# A full disk, memory that others use at the moment, two transactions that met.
MAY_HEAL = (
    duckdb.IOException,
    duckdb.OutOfMemoryException,
    duckdb.TransactionException,
    OSError,
)
_log = logging.getLogger("meetlat.aggregator")


class BrokenDatabaseError(MeetlatError):
    """The live database cannot be used; the archive can make it anew."""

    def __init__(self, message: str, remedy: str = "put back a good one") -> None:
        super().__init__(
            message, remedy=f"{remedy}, or make it anew with `meetlat rebuild --accept`"
        )


def unusable(path: Path, error: duckdb.Error | OSError) -> MeetlatError:
    """What is wrong with the database, in one line. A full disk does not make it a broken one."""
    reason = str(error).splitlines()[0]
    if os.strerror(errno.ENOSPC) in reason:
        return MeetlatError(
            f"the disk of {path.parent} is full", remedy="free space, then start again"
        )
    return BrokenDatabaseError(f"cannot read the database {path}: {reason}")


def is_damaged(error: BaseException) -> bool:
    """Whether DuckDB finds in its file what it did not write: trying again cannot mend that."""
    signs = ("Corrupt", "Could not read enough bytes")  # "Corrupt database file", "Corrupted …"
    return isinstance(error, duckdb.Error) and any(sign in str(error) for sign in signs)


class DataDirectory:
    """The data directory, owned by this process until `release`.

    Raises MeetlatError when another process owns it, or when it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True)
            os.chmod(path, path.stat().st_mode & ~0o022)  # noqa: PTH101 - mask of the mode
            # Unbuffered, so that a full disk is met by the write and not once more by the close.
            self._lock: IO[bytes] = (path / LOCK).open("a+b", buffering=0)
        except OSError as error:
            raise MeetlatError(
                f"cannot use the data directory {path}: {error.strerror}",
                remedy="choose another with MEETLAT_DATA, or mend its rights",
            ) from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.seek(0)
            owner = self._lock.read().decode().strip() or "unknown"
            self._lock.close()
            raise MeetlatError(
                f"another aggregator (process {owner}) owns the data directory {path}",
                remedy="stop it first, or give this one another MEETLAT_DATA",
            ) from None
        with suppress(OSError):  # a full disk: the lock holds, though it cannot say whose it is
            self._lock.truncate(0)
            self._lock.write(b"%d\n" % os.getpid())

    @property
    def database(self) -> Path:
        """Where the live database is."""
        return self.path / DATABASE

    def release(self) -> None:
        """Let another process own it."""
        self._lock.close()


def open_database(path: Path, memory: str = "256MB") -> duckdb.DuckDBPyConnection:
    """Open (or make) the live database and bring it to the newest version.

    Raises BrokenDatabaseError for a file that is corrupt, MeetlatError for one that is locked or of
    a newer version, and for a full disk.
    """
    try:
        if not path.exists():
            _make(path)
        con = duckdb.connect(str(path), config={"memory_limit": memory, "threads": 2})
    except (duckdb.Error, OSError) as error:
        if "lock on file" in str(error):
            raise MeetlatError(
                f"another program has the database {path} open",
                remedy="close it there; analysts use kpi.duckdb",
            ) from error
        raise unusable(path, error) from error
    try:
        path.chmod(0o600)  # rows about one person: only kpi.duckdb is for others
        con.execute("SET temp_directory = ?", [f"{path}.tmp"])
        # Else the room that a full disk has when it is first used is the limit until the end.
        con.execute("SET max_temp_directory_size = '1000TB'")
        con.execute("SET checkpoint_threshold = '64MB'")
        con.execute("SET TimeZone = 'UTC'")
        migrate(con)
        con.execute(sql("macros"))
    except duckdb.Error as error:
        con.close()
        raise unusable(path, error) from error
    except BaseException:
        con.close()
        raise
    return con


def _make(path: Path) -> None:
    """Make an empty database under another name, and rename it when it is whole.

    DuckDB writes a new file in steps; one that was cut short could not be opened again.
    """
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    duckdb.connect(str(draft)).close()
    draft.replace(path)


def migrate(con: duckdb.DuckDBPyConnection) -> None:
    """Apply the migrations that are missing, each in a transaction with its own record."""
    con.execute(
        "CREATE TABLE IF NOT EXISTS migrations "
        "(version INTEGER, name VARCHAR, applied_at TIMESTAMP)"
    )
    done = {row[0] for row in con.execute("SELECT version FROM migrations").fetchall()}
    steps = migrations()
    newest = max(version for version, _, _ in steps)
    if done and max(done) > newest:
        raise MeetlatError(
            f"the database has version {max(done)}, this program knows {newest}",
            remedy="install the newer meetlat again",
        )
    for version, name, text in steps:
        if version in done:
            continue
        con.execute("BEGIN")
        try:
            con.execute(text)
            con.execute("INSERT INTO migrations VALUES (?, ?, now()::TIMESTAMP)", [version, name])
            con.execute("COMMIT")
        except BaseException:
            with suppress(duckdb.TransactionException):  # it may have ended by the failure
                con.execute("ROLLBACK")
            raise
        con.execute("CHECKPOINT")
        _log.info("database migrated to version %d (%s)", version, name)


def migrations() -> list[tuple[int, str, str]]:
    """All steps, in order: version, name, SQL."""
    steps = []
    for item in (files(__package__) / "migrations").iterdir():
        match = re.fullmatch(r"(\d{4})_(\w+)\.sql", item.name)
        if match:
            steps.append((int(match[1]), match[2], item.read_text()))
    return sorted(steps)
