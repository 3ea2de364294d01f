"""Where every event went: delivered, pending, dropped or refused. Nothing else can happen to one.

The law, always: delivered + pending + dropped + refused == emitted + adopted, where adopted are
the events of dead processes that this one found in the spool.
"""

from __future__ import annotations

from itertools import count
from typing import NamedTuple


class Delivery(NamedTuple):
    """Where the events went, as `flush`, `shutdown` and `stats` tell.

    `pending` are in memory or in the spool on disk; `spooled` counts all that ever went there.
    `reasons` says why some were dropped or refused, or lost a field. The SDK's own reports are
    not counted.
    """

    emitted: int
    delivered: int
    pending: int
    dropped: int
    refused: int
    spooled: int
    adopted: int
    reasons: dict[str, int]


class Tally:
    """A count that any thread, signal handler or finalizer raises in one atomic step."""

    def __init__(self) -> None:
        self.hit = count().__next__
        self._reads = 0

    def value(self) -> int:
        """The count. One reader at a time."""
        shown = self.hit() - self._reads
        self._reads += 1
        return shown


class Reasons:
    """Counts per reason; at most 60 different ones, the rest is `other`."""

    def __init__(self) -> None:
        self.total = 0
        self.by_reason: dict[str, int] = {}

    def add(self, reason: str, number: int = 1) -> None:
        """Count `number` more."""
        if not number:
            return
        if reason not in self.by_reason and len(self.by_reason) >= 60:
            reason = "other"
        self.by_reason[reason] = self.by_reason.get(reason, 0) + number
        self.total += number


class Complaints:
    """What is wrong, told once a minute per kind, with how often; kept for the test runner."""

    def __init__(self) -> None:
        self._last: dict[str, float] = {}
        self._silent: dict[str, int] = {}
        self.mistakes: list[str] = []

    def mistake(self, kind: str, message: str, now: float) -> None:
        """An error of the program or of this SDK: told, and raised under pytest."""
        if len(self.mistakes) < 20:
            self.mistakes.append(message)
        self.say(kind, message, now)

    def say(self, kind: str, message: str, now: float) -> None:
        """Log a warning, unless the same kind was logged within the last minute."""
        last = self._last.get(kind)
        if last is not None and now - last < 60:
            self._silent[kind] = self._silent.get(kind, 0) + 1
            return
        self._last[kind] = now
        silent = self._silent.pop(kind, 0)
        import logging  # loaded when there is something to say

        more = f" ({silent} more like this in the last minute)" if silent else ""
        logging.getLogger("meetlat").warning("%s%s", message, more)
