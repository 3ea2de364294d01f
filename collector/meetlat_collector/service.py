"""The collector as a service: `startup → run → shutdown(deadline)`.

`meetlat collect` runs it alone, `meetlat up` beside the aggregator.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Callable

from meetlat.contract.envelope import STRUCTURED
from meetlat.errors import LogError, SettingError
from meetlat.logs.address import open_writer
from meetlat.logs.base import LogWriter
from meetlat.settings import (
    COLLECTOR_EXPOSE,
    COLLECTOR_LISTEN,
    EVENTS_TOPIC,
    LOG_RETENTION_DAYS,
    MAX_BODY_BYTES,
    MAX_WAITING_BYTES,
    Settings,
)
from meetlat_collector.app import App
from meetlat_collector.counters import Counters
from meetlat_collector.events import Events
from meetlat_collector.listen import allow_open_files, is_loopback, listen, url
from meetlat_collector.person import Pseudonyms
from meetlat_collector.report import Account
from meetlat_collector.server import Limits, Server

_log = logging.getLogger("meetlat.collector")
_KAFKA_HEADERS = (("content-type", STRUCTURED.encode()),)
CHORES_SECONDS = 60.0
_DAY_MICROSECONDS = 86_400_000_000


class Collector:
    """HTTP in, log out.

    `say` is told in one line where it listens; `clock` gives seconds since 1970; `writer` replaces
    the log of the settings.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        say: Callable[[str], None] = _log.info,
        clock: Callable[[], float] = time.time,
        limits: Limits | None = None,
        chores_seconds: float = CHORES_SECONDS,
        writer: LogWriter | None = None,
    ) -> None:
        self._settings = settings
        self._say = say
        self._clock = clock
        self._limits = limits
        self._chores_seconds = chores_seconds
        self._given_writer = writer
        self.counters = Counters()
        self._writer: LogWriter | None = None
        self._socket: socket.socket | None = None
        self._events: Events | None = None
        self._account: Account | None = None
        self._server: Server | None = None
        self._chores: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Where it listens, as `http://127.0.0.1:4318`; after `startup`."""
        assert self._socket is not None
        return url(self._socket)

    async def startup(self) -> None:
        """Listen, open the log, take requests. Raises MeetlatError when one of them fails."""
        settings = self._settings
        if settings[MAX_WAITING_BYTES] < 2 * settings[MAX_BODY_BYTES]:
            raise SettingError(
                f"MEETLAT_MAX_WAITING_BYTES: {settings[MAX_WAITING_BYTES]} has no room for a body",
                remedy="make it at least twice MEETLAT_MAX_BODY_BYTES, since a body may be gzipped",
            )
        host, port = settings[COLLECTOR_LISTEN]
        self._socket = listen(host, port, expose=settings[COLLECTOR_EXPOSE])
        allow_open_files()
        writer = self._given_writer or open_writer(settings, settings[EVENTS_TOPIC])
        await writer.start()
        self._writer = writer
        # Kafka's CloudEvents binding wants the media type beside the record; in the embedded log
        # it would only be bytes.
        headers = _KAFKA_HEADERS if settings.log.startswith("kafka:") else ()
        self._account = Account(self.counters, self._clock(), headers)
        self._events = Events(
            writer,
            self.counters,
            max_body=settings[MAX_BODY_BYTES],
            max_waiting=settings[MAX_WAITING_BYTES],
            clock=self._clock,
            headers=headers,
            pseudonyms=Pseudonyms.of(settings),
        )
        app = App(self._events, writer, self.counters)
        self._server = Server(app, self.counters, self._limits)
        await self._server.start(self._socket)
        reach = "this machine only" if is_loopback(self._socket) else "open to other machines"
        self._say(f"collecting at {self.url} ({reach}) into {settings.log}")

    async def run(self, stop: asyncio.Event) -> None:
        """Answer requests until `stop`; about once a minute report and trim the log."""
        stopped = asyncio.create_task(stop.wait())
        try:
            while not stopped.done():
                await asyncio.wait({stopped}, timeout=self._chores_seconds)
                if self._chores is not None and self._chores.done():
                    self._chores.result()
                    self._chores = None
                if self._chores is None and not stopped.done():
                    self._chores = asyncio.create_task(self._do_chores())
        finally:
            stopped.cancel()

    async def shutdown(self, deadline: float) -> None:
        """Finish the requests under way, report, close the log, within `deadline` seconds."""
        loop = asyncio.get_running_loop()
        end = loop.time() + deadline
        if self._events is not None:
            self._events.stopping = True
        if self._server is not None:
            await self._server.finish(deadline * 0.75)
        if self._socket is not None:
            self._socket.close()
        if self._chores is not None:
            self._chores.cancel()
            await asyncio.wait({self._chores})
        if self._writer is not None:
            try:
                async with asyncio.timeout_at(end - deadline * 0.1):
                    await self._report()
            except TimeoutError:
                _log.warning("the last report was not kept: the log does not answer")
            await self._writer.close(max(0.1, end - loop.time()))

    async def _do_chores(self) -> None:
        await self._report()
        assert self._writer is not None
        age = self._settings[LOG_RETENTION_DAYS] * _DAY_MICROSECONDS
        try:
            removed = await self._writer.trim(int(self._clock() * 1_000_000 - age))
        except LogError as error:
            _log.warning("the log was not trimmed: %s", error)
        else:
            if removed:
                _log.info("%d events beyond retention were removed from the log", removed)

    async def _report(self) -> None:
        assert self._writer is not None
        assert self._account is not None
        made = self._account.report(self._clock())
        if made is None:
            return
        message, counts = made
        try:
            await self._writer.append([message])
        except LogError as error:
            _log.warning("the collector's report was not kept: %s", error)
        else:
            self._account.kept(counts)
