"""The company goes on: new events at a gentle pace, as they happen, until somebody stops it."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from meetlat_aggregator.demo.hr import Recruitment
from meetlat_aggregator.demo.quotes import Quotes
from meetlat_aggregator.demo.service import Service
from meetlat_aggregator.demo.story import Happening

_PROBE_EVERY = timedelta(minutes=1)


class Live:
    """What happens from `start` on. Ids are of this start, so that no two demos share one."""

    def __init__(self, seed: int, start: datetime) -> None:
        names = f"live-{start:%Y%m%dT%H%M%S}-"
        self._service = Service(seed, names)
        self._quotes = Quotes(seed, names)
        self._hr = Recruitment(seed, names)
        self._stories = (self._service, self._quotes, self._hr)
        self._waiting: list[tuple[datetime, str, Happening]] = []
        self._next = {self._talk: start, self._write: start, self._screen: start}
        self._next[self._check] = start

    def due(self, now: datetime) -> list[Happening]:
        """What has happened up to `now` and was not told yet, by time."""
        for begin in self._next:
            while self._next[begin] <= now:
                self._next[begin] += begin(self._next[begin])
        for story in self._stories:
            for happening in story.take():
                heapq.heappush(self._waiting, (happening.time, happening.id, happening))
        found = []
        while self._waiting and self._ended(self._waiting[0][2]) <= now:
            found.append(heapq.heappop(self._waiting)[2])
        return found

    @staticmethod
    def _ended(happening: Happening) -> datetime:
        """A call is told when it is over."""
        lasted: int = happening.fields.get("duration", 0) if happening.kind == "interaction" else 0
        return happening.time + timedelta(microseconds=lasted)

    def _talk(self, time: datetime) -> timedelta:
        self._service.conversation(time)
        return timedelta(seconds=self._service.around(5))

    def _write(self, time: datetime) -> timedelta:
        self._quotes.quote(time, assisted=True)
        return timedelta(seconds=self._quotes.around(25))

    def _screen(self, time: datetime) -> timedelta:
        self._hr.screen(time, self._hr.new("vacancy"), 3)
        return timedelta(seconds=self._hr.around(40))

    def _check(self, time: datetime) -> timedelta:
        for story in self._stories:
            story.probe(time, _PROBE_EVERY, works=not story.yes(0.002))
        return _PROBE_EVERY


def go_on(
    live: Live,
    tell: Callable[[Happening], None],
    now: Callable[[], datetime],
    stopping: threading.Event,
) -> None:
    """Tell what happens, once a second, until `stopping`."""
    while not stopping.wait(1.0):
        for happening in live.due(now()):
            tell(happening)
