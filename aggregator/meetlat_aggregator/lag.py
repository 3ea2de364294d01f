"""How far the tables are behind the log."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from meetlat_aggregator.transaction import Position


class Lag:
    """Remembers when each partition was last caught up; the age of what waits counts from there."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._caught_up: dict[int, datetime] = {}

    def read(
        self, ends: Mapping[int, int], positions: Mapping[int, Position]
    ) -> dict[int, tuple[int, float]]:
        """Per partition: records that wait, and the age in seconds of the oldest at most."""
        now = self._clock()
        found: dict[int, tuple[int, float]] = {}
        for partition, end in ends.items():
            position = positions.get(partition)
            waiting = max(0, end - (position.next_offset if position else 0))
            if not waiting:
                self._caught_up[partition] = now
                found[partition] = (0, 0.0)
                continue
            # Behind since the later of: when it was caught up, the last record that was taken.
            since = self._caught_up.get(partition)
            if position is not None:
                since = max(since, position.append_time) if since else position.append_time
            age = (now - since).total_seconds() if since else 0.0
            found[partition] = (waiting, max(0.0, age))
        return found
