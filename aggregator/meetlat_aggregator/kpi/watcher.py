"""Notices that the plan's file became another one, while the aggregator runs.

A file is looked at often and read seldom: only when its time, size or inode changed. What is being
written is left alone until two looks find the same, since half a file, or the moment in which an
editor has taken the old one away, is not what anybody wants to be judged by.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from meetlat.plan.load import Loaded

LOOK_SECONDS = 2.0
Stamp = tuple[int, int, int]
"""Time of the last change (ns), size (bytes) and inode of a file."""


def stamp_of(path: Path) -> Stamp | None:
    """The stamp of a file; None when it is not there. Raises OSError when that cannot be known."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


@dataclass(slots=True)
class Watcher:
    """Looks at one file. `read` gives what is in it, `clock` monotonic seconds."""

    path: Path
    read: Callable[[Path], Loaded]
    clock: Callable[[], float]
    stamp: Callable[[Path], Stamp | None] = stamp_of
    _looked_at: float | None = field(default=None, init=False)
    _seen: Stamp | None = field(default=None, init=False)
    _read: Stamp | None = field(default=None, init=False)
    _digest: str | None = field(default=None, init=False)

    def look(self) -> Loaded | None:
        """What the file says, when that is something else than at the last time it was read.

        The first look always reads; later ones not more often than every LOOK_SECONDS. Raises
        OSError when the file cannot be read; the next look tries again.
        """
        now, first = self.clock(), self._looked_at is None
        if self._looked_at is not None and now - self._looked_at < LOOK_SECONDS:
            return None
        stamp = self.stamp(self.path)
        settled = first or stamp == self._seen
        self._looked_at, self._seen = now, stamp
        if not settled or (self._digest is not None and stamp == self._read):
            return None
        loaded = self.read(self.path)
        if not first and self.stamp(self.path) != stamp:
            return None  # it is being written: the next look sees more
        self._read = stamp
        if loaded.digest == self._digest:
            return None
        self._digest = loaded.digest
        return loaded
