"""Pairs starts with completes, and adds up the spans between them: the handling time of a case."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import NamedTuple

from meetlat.imports.mapping import Handling, Lifecycle
from meetlat.imports.working import WorkingTime


class Row(NamedTuple):
    """One row of a case. `kind` is start, complete or other; `labels` are team, segment, step,
    value, currency and outcome as far as the row says them.
    """

    time: int
    line: int
    activity: str
    kind: str
    worker: str
    labels: tuple[str | None, ...]


class Span(NamedTuple):
    """A piece of work, microseconds since 1970, and the row that started it."""

    start: int
    end: int
    started: Row


class Pairs(NamedTuple):
    """The spans of a case, in the order of their ends, and the rows that found no partner."""

    spans: list[Span]
    starts: list[Row]
    completes: list[Row]


def pair(rows: Iterable[Row], rule: Lifecycle, activities: frozenset[str]) -> Pairs:
    """Pair the rows of one case, which are in the order of time.

    A complete ends the oldest open start of the same activity (fifo) or the newest (lifo), and
    with `within = "worker"` one of the same worker. What stays alone is no span.
    """
    by_worker = rule.within == "worker"
    take: Callable[[deque[Row]], Row] = deque.popleft if rule.pair == "fifo" else deque.pop
    waiting: dict[tuple[str, str], deque[Row]] = {}
    spans: list[Span] = []
    completes: list[Row] = []
    for row in rows:
        if row.activity not in activities:
            continue
        key = row.activity, row.worker if by_worker else ""
        if row.kind == "start":
            waiting.setdefault(key, deque()).append(row)
        elif row.kind == "complete":
            starts = waiting.get(key)
            if starts:
                started = take(starts)
                spans.append(Span(started.time, row.time, started))
            else:
                completes.append(row)
    return Pairs(spans, [row for starts in waiting.values() for row in starts], completes)


class HandlingTime:
    """Adds up spans by the map's rules."""

    def __init__(self, rule: Handling) -> None:
        self._merge = rule.overlap == "merge"
        working = None if rule.calendar is None else WorkingTime(rule.calendar)
        self._length: Callable[[int, int], int] = working.between if working else _by_the_clock

    def total(self, spans: Iterable[Span]) -> int:
        """Microseconds of work in these spans."""
        pieces = [(span.start, span.end) for span in spans]
        if self._merge:
            pieces = merged(pieces)
        return sum(self._length(start, end) for start, end in pieces)


def _by_the_clock(start: int, end: int) -> int:
    return end - start


def merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The moments that these spans cover, each once."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], end)
        else:
            found.append((start, end))
    return found
