"""A real program that kills itself at a chosen step: `python -m system.chaos.tripwire WORDS…`.

WORDS are those behind `meetlat`. The steps are where a process may die with consequences: every
statement that DuckDB runs (`side …` on a second connection: publication, gauges), and every
rename, deletion, fsync and Parquet file. The environment says at which one: TRIP is a regular
expression for the step's name, TRIP_SINCE one for a step that has to come before it, TRIP_NUMBER
which of those that match (1 is the first), TRIP_WHEN `before`, `during` (TRIP_DELAY seconds after
it began) or `after`. With TRIP_JOURNAL, a file, every step is written there and nothing is killed.
With TRIP_ERROR the step does not kill but fails, once, with that error of DuckDB.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from meetlat.cli import main

_STATEMENTS = (
    "execute",
    "sql",
    "query",
    "executemany",
    "begin",
    "commit",
    "rollback",
    "checkpoint",
)


class Tripwire:
    """Counts the steps, and acts at the chosen one."""

    def __init__(self) -> None:
        self._wanted = re.compile(os.environ.get("TRIP", "$^"), re.DOTALL)
        self._since = re.compile(os.environ.get("TRIP_SINCE", ""), re.DOTALL)
        self._armed = False
        self._number = int(os.environ.get("TRIP_NUMBER", "1"))
        self._when = os.environ.get("TRIP_WHEN", "before")
        self._error = os.environ.get("TRIP_ERROR", "")
        journal = os.environ.get("TRIP_JOURNAL")
        self._journal = Path(journal) if journal else None
        self._lock = threading.Lock()
        self._seen = 0

    def around(self, name: str, step: Callable[[], Any]) -> Any:
        """Do the step, or die (or fail) beside it."""
        if not self._is_it(name):
            return step()
        if self._error:
            raise getattr(duckdb, self._error)("the test said so")
        if self._when == "before":
            die()
        if self._when == "during":
            # DuckDB lets go of the interpreter, so this thread comes in between.
            delay = float(os.environ.get("TRIP_DELAY", "0.0005"))
            threading.Timer(delay, die).start()
            step()
        result = step() if self._when == "after" else None
        die()
        return result

    def _is_it(self, name: str) -> bool:
        with self._lock:
            if self._journal is not None:
                with self._journal.open("a") as file:
                    file.write(name + "\n")
                return False
            if not self._armed:
                self._armed = self._since.match(name) is not None
            if self._armed and self._wanted.match(name):
                self._seen += 1
                return self._seen == self._number
            return False


class Watched:
    """A DuckDB connection whose statements are steps."""

    def __init__(self, connection: Any, wire: Tripwire, prefix: str = "") -> None:
        # A statement may read the caller's variables, and here the caller is further up.
        connection.execute("SET python_scan_all_frames = true")
        self._connection = connection
        self._wire = wire
        self._prefix = prefix

    def cursor(self) -> Watched:
        return Watched(self._connection.cursor(), self._wire, "side ")

    def __enter__(self) -> Watched:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._connection, name)
        if name not in _STATEMENTS:
            return real

        def stepped(*words: Any, **named: Any) -> Any:
            shown = _shortened(words[0]) if words else name.upper()
            return self._wire.around(self._prefix + shown, lambda: real(*words, **named))

        return stepped


def die() -> None:
    """End as by kill -9."""
    os.kill(os.getpid(), signal.SIGKILL)


def _shortened(statement: str) -> str:
    """The first words of a statement, without its comments."""
    lines = [line for line in statement.splitlines() if not line.lstrip().startswith("--")]
    return re.sub(r"\s+", " ", " ".join(lines)).strip()[:100]


def _watch(owner: Any, name: str, shown: str, wire: Tripwire) -> None:
    real = getattr(owner, name)

    def stepped(*words: Any, **named: Any) -> Any:
        about = Path(str(words[0])).name if isinstance(words[0], str | Path) else ""
        return wire.around(f"{shown} {about}".strip(), lambda: real(*words, **named))

    setattr(owner, name, stepped)


def watch(wire: Tripwire) -> None:
    """Make steps of everything that leaves a trace on disk."""
    connect = duckdb.connect
    duckdb.connect = lambda *words, **named: Watched(  # type: ignore[assignment]
        wire.around("CONNECT", lambda: connect(*words, **named)), wire
    )
    for name in ("replace", "unlink", "fsync", "chmod"):
        _watch(os, name, f"os.{name}", wire)
    _watch(pq, "write_table", "parquet", wire)


if __name__ == "__main__":
    watch(Tripwire())
    main(sys.argv[1:])
