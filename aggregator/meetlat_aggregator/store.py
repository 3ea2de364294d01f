"""Everything that one aggregator keeps on disk, used from an event loop.

DuckDB work runs on one thread of its own, publications on a second one with its own connection:
DuckDB releases the GIL, so the next batch is decoded meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TypeVar

import duckdb

from meetlat.errors import MeetlatError
from meetlat.plan.models import Plan
from meetlat.settings import (
    DATA,
    DEDUP_DAYS,
    EVENTS_TOPIC,
    MEMORY,
    PRIVACY_LIMIT,
    TIMEZONE,
    Settings,
)
from meetlat_aggregator import gauges
from meetlat_aggregator.archive import Archive
from meetlat_aggregator.batch import Batch
from meetlat_aggregator.database import (
    BrokenDatabaseError,
    DataDirectory,
    is_damaged,
    open_database,
    unusable,
)
from meetlat_aggregator.kpi.company_runs import CompanyRuns
from meetlat_aggregator.kpi.plan_file import time_zone
from meetlat_aggregator.kpi.plan_store import PlanStore, Taken
from meetlat_aggregator.kpi.prices import PriceBook
from meetlat_aggregator.live import Key, LiveSeries
from meetlat_aggregator.publish import Publisher
from meetlat_aggregator.transaction import Outcome, Position, Transactions
from meetlat_aggregator.unpriced import BookPrices

T = TypeVar("T")
MIN_PRIVACY_LIMIT = 5
_log = logging.getLogger("meetlat.aggregator")


def utc_now() -> datetime:
    """The wall clock, naive UTC, as DuckDB's TIMESTAMP."""
    return datetime.now(UTC).replace(tzinfo=None)


class Store:
    """The data directory of one aggregator: owned from `__init__` to `close`."""

    def __init__(self, settings: Settings, clock: Callable[[], datetime] = utc_now) -> None:
        self.settings = settings
        self.clock = clock
        self.topic = settings[EVENTS_TOPIC]
        limit = settings[PRIVACY_LIMIT]
        if limit < MIN_PRIVACY_LIMIT:
            raise MeetlatError(
                f"MEETLAT_PRIVACY_LIMIT is {limit}",
                remedy=f"it may be raised, never lowered below {MIN_PRIVACY_LIMIT}",
            )
        self.directory = DataDirectory(settings[DATA])
        self.archive = Archive(settings[DATA] / "archive")
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="meetlat-database")
        self._side_thread = ThreadPoolExecutor(1, thread_name_prefix="meetlat-publisher")
        self._side_lock = asyncio.Lock()
        self.positions: dict[int, Position] = {}
        self.poison = ""
        self.accepted: dict[int, int] = {}
        self.batches = 0
        self.published_batch = -1
        self.published_at: datetime | None = None
        self.plan: Plan | None = None
        self.plan_version, self.plan_digest, self._published_plan = 0, "", -1
        self.committed_at: datetime | None = None
        self.company = CompanyRuns()
        self._published_company = self.company.results

    async def open(self) -> None:
        """Open the database, bring it up to date, and delete what a crash left. MeetlatError."""
        try:
            await self.run_bare(self._open)
        except BaseException:
            self.directory.release()
            raise

    def _open(self) -> None:
        path = self.directory.database
        if not path.exists() and self.archive.on_disk():
            raise BrokenDatabaseError(
                f"the database {path} is gone, and the archive beside it is not", "put it back"
            )
        self._con = open_database(path, self.settings[MEMORY])
        try:
            self._check_archive()
            self._read_state()
        except duckdb.Error as error:
            self._con.close()
            raise unusable(path, error) from error
        except BaseException:
            self._con.close()
            raise

    def _check_archive(self) -> None:
        orphans = self.archive.sweep(self._con)
        if orphans:
            _log.info("deleted %d archive files of batches that were not committed", len(orphans))
        missing = self.archive.missing(self._con)
        if missing:
            _log.warning(
                "%d archive files are gone, the first is %s; `meetlat rebuild` cannot restore them",
                len(missing),
                self.archive.directory / missing[0],
            )

    def _read_state(self) -> None:
        con = self._con
        live = LiveSeries(con)
        self.transactions = Transactions(
            con, self.archive, live, self.topic, timedelta(days=self.settings[DEDUP_DAYS])
        )
        self._side = con.cursor()
        self._read_plan()
        self.positions = {
            partition: Position(offset, at)
            for partition, offset, at in con.execute(
                'SELECT "partition", next_offset, append_time FROM positions WHERE topic = ?',
                [self.topic],
            ).fetchall()
        }
        self.batches, self.poison, self.committed_at = con.execute(
            "SELECT batches, poison, committed_at FROM progress"
        ).fetchall()[0]
        self.accepted = dict(
            con.execute('SELECT "partition", until_offset FROM accepted_poison').fetchall()
        )

    def _read_plan(self) -> None:
        plans = PlanStore(self._con)
        self.plan = plans.current()
        self.plan_version, self.plan_digest = plans.version(), plans.digest()
        # Where the setting and the plan differ, whoever starts the aggregator is told.
        timezone = self.settings[TIMEZONE] or time_zone(self.settings, self.plan)
        limit = self.settings[PRIVACY_LIMIT]
        prices = PriceBook(self.plan.prices if self.plan else ())
        self.transactions.live.prices = BookPrices(prices, timezone)
        self.publisher = Publisher(
            self._side, self.directory.path, timezone, limit, self.topic, prices
        )

    async def take_plan(self, plan: Plan | None, digest: str) -> Taken:
        """Put a plan in force, and publish by it from now on. Raises duckdb.Error."""

        def take(con: duckdb.DuckDBPyConnection) -> Taken:
            taken = PlanStore(con).take(plan, digest, self.clock())
            self._read_plan()
            return taken

        return await self.run(take)

    async def apply(
        self,
        batch: Batch,
        positions: Mapping[int, Position],
        poison: str,
        before_commit: Callable[[], None] = lambda: None,
    ) -> Outcome:
        """One transaction. Raises duckdb.Error or OSError after a rollback."""
        now = self.clock()
        outcome = await self.run_bare(
            lambda: self.transactions.apply(batch, positions, poison, now, before_commit)
        )
        self.positions.update(positions)
        self.poison = poison
        self.batches = outcome.batch
        self.committed_at = now
        return outcome

    async def fold_when_due(self) -> None:
        """Bring what was committed into the tables, when it is much. Raises as `fold` does."""
        await self.run_bare(self.transactions.fold_when_due)

    async def fold(self) -> None:
        """Bring what was committed into the tables. Raises duckdb.Error after a rollback."""
        await self.run_bare(self.transactions.fold)

    def why_broken(self, error: Exception) -> MeetlatError | None:
        """Why trying again cannot help: what is on the disk is damaged, or gone. None: it may."""
        if is_damaged(error):
            assert isinstance(error, duckdb.Error)
            return unusable(self.directory.database, error)
        text = str(error).splitlines()[0]
        if isinstance(error, duckdb.Error) and str(self.archive.directory) in text:
            return MeetlatError(
                f"cannot read the archive, which a withdrawal or old history needs: {text}",
                remedy="put that file back from a backup; until then nothing more is counted",
            )
        return None

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Errors of a database or archive that is broken leave this as MeetlatError."""
        try:
            yield
        except duckdb.Error as error:
            broken = self.why_broken(error)
            if broken is None:
                raise
            raise broken from error

    async def publish(self, *, whole: bool = False) -> bool:
        """Publish when something was committed since, another plan is in force, the company's own
        SQL gave something else, or KPIs that were put off are due (`whole`: all of them are); True
        when a new file was swapped in.
        """
        if whole:
            self.publisher.hurry()
        batch, plan, company = self.batches, self.plan_version, self.company.results
        same = (batch, plan) == (self.published_batch, self._published_plan)
        same = same and company is self._published_company and self.publisher.path.exists()
        if same and not self.publisher.due:
            self.published_at = self.clock()
            return False
        async with self._side_lock:
            self.publisher.results = company
            await self._beside(lambda: self.publisher.publish(self._at_once))
        self.published_batch, self._published_plan = batch, plan
        self._published_company = company
        self.published_at = self.clock()
        return True

    async def run_company_sql(self) -> None:
        """Run the SQL of the plan's own KPIs that is due, on what is published."""
        if self.published_batch < 0 or not self.publisher.path.exists():
            return
        plan, path = self.plan, self.publisher.path
        publication = (self.published_batch, self._published_plan)
        await asyncio.to_thread(lambda: self.company.look(plan, path, publication))

    def _at_once(self, begin: Callable[[], None]) -> None:
        """On the publisher's thread: let the database's thread fold, and `begin` before its next
        transaction.
        """

        def fold_and_begin() -> None:
            self.transactions.fold()
            begin()

        self._thread.submit(fold_and_begin).result()

    async def gauges(self) -> gauges.Values:
        """The gauges that are read from the tables."""
        now, limit = self.clock(), self.settings[PRIVACY_LIMIT]
        async with self._side_lock:
            return await self._beside(lambda: gauges.read_gauges(self._side, now, limit))

    def live_values(self) -> dict[Key, Decimal]:
        """A copy of the live series as last committed."""
        return self.transactions.live.committed()

    async def accept_poison(self, partition: int, until: int) -> None:
        """Bad records below `until` no longer count as poison."""

        def accept(con: duckdb.DuckDBPyConnection) -> None:
            con.execute("BEGIN")
            try:
                con.execute('DELETE FROM accepted_poison WHERE "partition" = ?', [partition])
                con.execute("INSERT INTO accepted_poison VALUES (?, ?)", [partition, until])
                con.execute("UPDATE progress SET poison = ''")
                con.execute("COMMIT")
            except BaseException:
                with suppress(duckdb.TransactionException):  # it may have ended by the failure
                    con.execute("ROLLBACK")
                raise

        await self.run(accept)
        self.accepted[partition] = until
        self.poison = ""

    async def identity(self) -> str | None:
        """Which log the positions belong to; None before the first one."""
        rows = await self.run(
            lambda con: con.execute(
                "SELECT identity FROM log_identity WHERE topic = ?", [self.topic]
            ).fetchall()
        )
        return str(rows[0][0]) if rows else None

    async def remember_identity(self, identity: str) -> None:
        """Keep which log the positions belong to."""
        await self.run(
            lambda con: con.execute(
                "INSERT INTO log_identity VALUES (?, ?)", [self.topic, identity]
            )
        )

    async def run(self, action: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        """Run `action` with the connection on the database's thread."""
        return await self.run_bare(lambda: action(self._con))

    async def run_alone(self, action: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        """Like `run`, with no publication under way: its transaction holds on to every file that
        is attached meanwhile.
        """
        async with self._side_lock:
            return await self.run(action)

    async def run_bare(self, action: Callable[[], T]) -> T:
        """Run `action` on the database's thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, action)

    async def _beside(self, action: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._side_thread, action)

    async def reopen(self, replace: Callable[[], None]) -> None:
        """Close the database, let `replace` put another file in its place, and open that one."""

        def swap() -> None:
            self._con.close()
            try:
                replace()
            finally:
                self._open()

        async with self._side_lock:
            await self._beside(self._side.close)
            await self.run_bare(swap)
        self.published_batch = -1

    async def close(self) -> None:
        """Let go of the database and the directory."""
        if hasattr(self, "_side"):
            self._side.interrupt()  # a publication of everything may take minutes
            await self._beside(self._side.close)
            await self.run_bare(self._con.close)
        self._thread.shutdown(wait=True)
        self._side_thread.shutdown(wait=True)
        self.directory.release()
