"""How long to rest after work that comes again and again: what is shown may cost a share of the
time, and no more, since counting goes first.

The rest is made of the time that the work took, not of the time that passed: a process that was
stopped for a minute in the middle of a publication (SIGSTOP, a frozen container, a machine that was
moved) would otherwise publish nothing for three more.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

# Times as long as the work took; and while full batches wait, since what is shown is old then in
# any case, and catching up is the quickest way to mend that.
REST, REST_BEHIND = 3.0, 16.0
LOOK_SECONDS = 2.0


class Pace:
    """The rests of one loop. `behind` says whether full batches wait."""

    def __init__(
        self,
        behind: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
        worked: Callable[[], float] = time.process_time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._behind = behind
        self._clock = clock
        self._worked = worked
        self._sleep = sleep
        self.begin()

    def begin(self) -> None:
        """The work begins."""
        self._began = self._clock(), self._worked()

    async def rest(self, least: float) -> None:
        """The work has ended: rest for `least` seconds or longer, shorter once the log is read."""
        since = self._clock()
        # All threads count: what others did meanwhile makes the rest longer, as if it was waited
        # for. Waiting for a disk does not: counting can go on meanwhile.
        took = min(since - self._began[0], self._worked() - self._began[1])
        while True:
            share = REST_BEHIND if self._behind() else REST
            left = since + max(least, share * took) - self._clock()
            if left <= 0:
                return
            await self._sleep(min(left, LOOK_SECONDS))
