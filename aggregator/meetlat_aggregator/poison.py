"""Stops before a poisoned topic is drained into dead letters.

When more than half of the last 1,000 records were bad (both are settings), something upstream is
broken, and going on would turn a whole topic into dead letters. The window is stored with the
batch, so that it survives restarts. Records fewer than the window count as good ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from meetlat.errors import MeetlatError
from meetlat.logs.base import Record


@dataclass(frozen=True, slots=True)
class Poison:
    """The rule. `window` records, and the share of bad ones above which to stop."""

    window: int = 1000
    share: float = 0.5

    def judge(self, before: str, bad: Sequence[bool]) -> tuple[int | None, str]:
        """How many of the new records may be processed (None: all), and the window after them.

        `before` is the window so far, a text of 0 (good) and 1 (bad), oldest first. One that is
        over the share already lets nothing pass: a restart alone does not go on.
        """
        if not self.window:
            return None, ""  # switched off
        past = before[-self.window :].rjust(self.window, "0")
        marks = np.frombuffer(past.encode(), dtype=np.uint8) == ord("1")
        if marks.sum() > self.share * self.window:
            return 0, before
        marks = np.concatenate([marks, np.asarray(bad, dtype=bool)])
        sums = np.concatenate([[0], np.cumsum(marks)])
        rolling = sums[self.window + 1 :] - sums[1 : len(sums) - self.window]
        over = np.flatnonzero(rolling > self.share * self.window)
        allowed = None if not over.size else int(over[0]) + 1
        end = self.window + (len(bad) if allowed is None else allowed)
        last = marks[max(0, end - self.window) : end]
        return allowed, "".join("1" if mark else "0" for mark in last.tolist())


def bad_records(
    records: Sequence[Record], errors: Sequence[str | None], accepted: Mapping[int, int]
) -> list[bool]:
    """Which records count as bad: refused, and not below an offset that a person accepted."""
    return [
        error is not None and record.offset >= accepted.get(record.partition, 0)
        for record, error in zip(records, errors, strict=True)
    ]


def must_be_in_log(ends: Mapping[int, int], partition: int, until: int) -> None:
    """Raise MeetlatError for a stretch that is not in the log: what is still to come cannot be
    accepted, since nobody has seen it. `ends` are the offsets behind the last records.
    """
    if partition not in ends:
        known = ", ".join(map(str, sorted(ends))) or "none"
        raise MeetlatError(
            f"there is no partition {partition} in the log", remedy=f"it has {known}"
        )
    if until > ends[partition]:
        raise MeetlatError(
            f"offset {until} lies beyond the log's end, which is {ends[partition]}",
            remedy="accept what is there already, and the rest when you have seen it",
        )
