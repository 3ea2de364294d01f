"""What both services share: `startup → run → shutdown(deadline)`, and signals that end it in order.

The first SIGINT or SIGTERM stops in order; a second one forces (exit status 130).
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Callable
from typing import Protocol

_log = logging.getLogger("meetlat.service")


class Service(Protocol):
    """A program that runs until told to stop."""

    async def startup(self) -> None:
        """Take what is needed; after this the service is ready. Raises MeetlatError."""

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set. Raises MeetlatError when it cannot go on."""

    async def shutdown(self, deadline: float) -> None:
        """Finish what is under way within `deadline` seconds and release everything."""


async def serve(
    service: Service, *, deadline: float = 20.0, force: Callable[[], None] | None = None
) -> None:
    """Run a service's whole life in the running loop; returns after an orderly stop.

    `force` is called at the second signal, just before the process ends.
    """
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()

    def on_signal() -> None:
        if stop.is_set():
            if force is not None:
                force()
            _log.warning("stopped by force; what was not finished is done again at the next start")
            os._exit(130)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal)
    try:
        await service.startup()
        await service.run(stop)
    finally:
        await service.shutdown(deadline)
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
