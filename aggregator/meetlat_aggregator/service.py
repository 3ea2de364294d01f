"""The aggregator as a service: the log's reader, the store, the addresses and the socket in one
event loop.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import duckdb

from meetlat.errors import LogError, MeetlatError
from meetlat.logs.address import open_reader, open_writer
from meetlat.logs.base import LogReader
from meetlat.metrics import (
    COMMITTED,
    COMPANY_SQL_FAILING,
    LAG_EVENTS,
    LAG_SECONDS,
    PLAN_VALID,
    PUBLISHED,
)
from meetlat.settings import (
    AGGREGATOR_LISTEN,
    DEAD_TOPIC,
    KAFKA_GROUP,
    PUBLISH_SECONDS,
    Settings,
)
from meetlat_aggregator.control import ControlServer, Say
from meetlat_aggregator.database import MAY_HEAL, is_damaged
from meetlat_aggregator.exposition import Exposition, Observed
from meetlat_aggregator.ingest import Ingest
from meetlat_aggregator.kpi.plans import Plans
from meetlat_aggregator.lag import Lag
from meetlat_aggregator.outbox import Outbox
from meetlat_aggregator.pace import Pace
from meetlat_aggregator.poison import must_be_in_log
from meetlat_aggregator.rebuild import rebuild_running
from meetlat_aggregator.store import Store, utc_now
from meetlat_aggregator.transaction import Outcome
from meetlat_aggregator.web import Server, bind, make_app

HOUSEKEEPING_SECONDS = 2.0
REFRESH_SECONDS = 0.25
GAUGES_SECONDS = 10.0
COMPANY_SQL_SECONDS = 0.5
_log = logging.getLogger("meetlat.aggregator")


class Aggregator:
    """One aggregator. `say` prints to the person who started it."""

    def __init__(
        self,
        settings: Settings,
        say: Callable[[str], None] = lambda _: None,
        clock: Callable[[], datetime] = utc_now,
        reader: LogReader | None = None,
    ) -> None:
        self._settings = settings
        self._say = say
        self._clock = clock
        self.store = Store(settings, clock)
        self.plans = Plans(settings, self.store)
        self._reader = reader or open_reader(settings, self.store.topic, settings[KAFKA_GROUP])
        self._exposition = Exposition()
        self.ingest = Ingest(settings, self.store, self._reader, self._committed)
        dead_topic = settings[DEAD_TOPIC]
        self._outbox = Outbox(open_writer(settings, dead_topic), self.store.topic, self.store.run)
        self._lag = Lag(clock)
        self._metrics = b""
        self._observed = Observed()
        self._gauges_of, self._gauges_at = -2, -math.inf  # of which publication, and when
        self._dead_waiting = True
        self._fresh = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._serving: asyncio.Task[None] | None = None
        self._control = ControlServer(
            self.store.directory.path,
            {
                "status": self._status,
                "accept": self._accept,
                "rebuild": self._rebuild,
            },
            MAY_HEAL,
        )
        self.address = ""

    async def startup(self) -> None:
        """Take the data directory, open the database, listen. Raises MeetlatError."""
        host, port = self._settings[AGGREGATOR_LISTEN]
        listening = bind(host, port)
        try:
            await self.store.open()
            with self.store.explained():
                await self.plans.start()
        except BaseException:
            listening.close()
            raise
        self._server = Server(make_app(lambda: self._metrics, self._unready))
        self._serving = asyncio.create_task(self._server.serve(sockets=[listening]))
        self.address = "http://{}:{}".format(*listening.getsockname()[:2])
        await self._control.start()
        with self.store.explained():
            await self._refresh()
        self._tasks = [
            asyncio.create_task(self._housekeeping()),
            asyncio.create_task(self._publishing()),
            asyncio.create_task(self._running_company_sql()),
        ]
        self._say(f"aggregator on {self.address}, tables in {self.store.publisher.path}")

    async def run(self, stop: asyncio.Event) -> None:
        """Read until told to stop. Raises MeetlatError when it cannot go on."""
        assert self._serving is not None, "startup comes first"
        ingest = asyncio.create_task(self.ingest.run(stop))
        try:
            done, _ = await asyncio.wait(
                [ingest, self._serving, *self._tasks], return_when=asyncio.FIRST_COMPLETED
            )
            with self.store.explained():
                for task in done:
                    task.result()
            if ingest not in done:
                raise MeetlatError("a part of the aggregator stopped", remedy="see its log")
        finally:
            ingest.cancel()
            await asyncio.gather(ingest, return_exceptions=True)

    async def shutdown(self, deadline: float) -> None:
        """Publish what was committed, relay dead letters, release everything."""
        self.store.company.stopping.set()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._tasks:
            await self._finish(deadline / 2)
        await self._control.close()
        if self._serving is not None:
            self._server.should_exit = True
            await self._serving
        await self._outbox.close(deadline / 4)
        await self._reader.close(deadline / 4)
        await self.store.close()

    async def _finish(self, deadline: float) -> None:
        try:
            async with asyncio.timeout(deadline):
                await self._outbox.try_relay()
                await self.store.publish(whole=True)
                await self.ingest.tell_progress()
        except TimeoutError:
            _log.warning("not everything was published within %g s; the next start does", deadline)
        except (OSError, duckdb.Error) as error:
            _log.warning("could not publish at the end: %s; the next start does", error)

    def _committed(self, outcome: Outcome, seconds: float, records: int) -> None:
        self._exposition.committed(seconds, records)
        self._dead_waiting = self._dead_waiting or outcome.dead > 0
        self._fresh.set()

    def _unready(self) -> str | None:
        if self.ingest.fault:
            return self.ingest.fault
        if not self.ingest.partitions:
            return "no partition of the log is assigned yet"
        return None

    async def _housekeeping(self) -> None:
        """After commits and now and then: dead letters, progress, the plan's file, lag, the text of
        /metrics.
        """
        said = None
        pace = Pace(lambda: self.ingest.behind)
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._fresh.wait(), HOUSEKEEPING_SECONDS)
            pace.begin()
            fresh = self._fresh.is_set()
            self._fresh.clear()
            try:
                if self._dead_waiting:
                    await self._outbox.try_relay()
                    self._dead_waiting = await self.store.run(_has_waiting)
                if fresh:
                    await self.ingest.tell_progress()
                await self.plans.look()
                await self._refresh()
                said = None
            except (OSError, duckdb.Error) as error:
                if is_damaged(error):
                    raise
                if str(error) != said:
                    _log.warning("cannot refresh /metrics: %s; trying again", error)
                said = str(error)
            await pace.rest(REFRESH_SECONDS)

    async def _refresh(self) -> None:
        # Gauges are read from the tables, which change when they are folded, and with the clock.
        age = time.monotonic() - self._gauges_at
        if self.store.published_batch != self._gauges_of or age > GAUGES_SECONDS:
            self._gauges_of, self._gauges_at = self.store.published_batch, time.monotonic()
            self._observed.gauges = await self.store.gauges()
        self._observed.live = self.store.live_values()
        ends: dict[int, int] = {}
        if self.ingest.partitions:
            try:
                ends = await self._reader.end_offsets()
            except LogError as error:
                _log.debug("lag is unknown: %s", error)
        topic = self.store.topic
        lags = self._lag.read(ends, self.store.positions)
        self._observed.own = [
            (LAG_EVENTS, [((topic, str(p)), float(n)) for p, (n, _) in lags.items()]),
            (LAG_SECONDS, [((topic, str(p)), age) for p, (_, age) in lags.items()]),
            (PUBLISHED, _stamp(self.store.published_at)),
            (COMMITTED, _stamp(self.store.committed_at)),
            (PLAN_VALID, [((), float(self.plans.problem is None))]),
            (COMPANY_SQL_FAILING, [((), float(self.store.company.failing))]),
        ]
        self._metrics = await asyncio.to_thread(self._exposition.text, self._observed)

    async def _publishing(self) -> None:
        """Every few seconds, when something was committed; a quarter of the time at most."""
        said = None
        pace = Pace(lambda: self.ingest.behind)
        while True:
            pace.begin()
            try:
                await self.store.publish()
                said = None
            except (OSError, duckdb.Error) as error:
                if is_damaged(error):
                    raise
                if str(error) != said:
                    _log.warning("cannot publish: %s; trying again", error)
                said = str(error)
            await pace.rest(self._settings[PUBLISH_SECONDS])

    async def _running_company_sql(self) -> None:
        """Beside everything else, by the rests that it keeps itself."""
        while True:
            await self.store.run_company_sql()
            await asyncio.sleep(COMPANY_SQL_SECONDS)

    async def _status(self, _: dict[str, Any], __: Say) -> dict[str, Any]:
        store = self.store
        lags = self._lag.read(await self._reader.end_offsets(), store.positions)
        await store.fold()
        counts = await store.run(_counts)
        return {
            "log": self._settings.log,
            "topic": store.topic,
            "address": self.address,
            "lag": {
                str(p): {"events": n, "seconds": round(age, 1)} for p, (n, age) in lags.items()
            },
            "committed_at": _iso(store.committed_at),
            "published_at": _iso(store.published_at),
            "fault": self.ingest.fault,
            "plan": self.plans.state(),
            **counts,
        }

    async def _accept(self, request: dict[str, Any], _: Say) -> None:
        partition, until = int(request["partition"]), int(request["until"])
        must_be_in_log(await self._reader.end_offsets(), partition, until)
        await self.ingest.paused(lambda: self.store.accept_poison(partition, until))

    async def _rebuild(self, request: dict[str, Any], say: Say) -> dict[str, Any]:
        return await rebuild_running(
            self.store, self.ingest, accept=bool(request.get("accept")), say=say
        )


def _has_waiting(con: duckdb.DuckDBPyConnection) -> bool:
    return bool(con.execute("SELECT count(*) FROM outbox WHERE NOT sent").fetchall()[0][0])


def _counts(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    from meetlat_aggregator.sqlfiles import sql

    cursor = con.execute(sql("status"))
    names = [column[0] for column in cursor.description or ()]
    return dict(zip(names, cursor.fetchall()[0], strict=True))


def _stamp(moment: datetime | None) -> list[tuple[tuple[str, ...], float]]:
    return [] if moment is None else [((), moment.replace(tzinfo=UTC).timestamp())]


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.replace(tzinfo=UTC).isoformat(timespec="seconds")
