"""Publishes the tables for analysts: a new file beside the old one, then an atomic rename.

The live database is never opened by others: DuckDB locks a file to one process. The published one
is read-only by mode, and a stray WAL beside it (somebody opened it read-write) is removed first,
since DuckDB would apply it to the new file.

What is published is a copy of a working file, in which only what changed is rewritten. The live
database remembers which publication the working file is; another one, or none, is made anew.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from importlib.metadata import version
from pathlib import Path

import duckdb

from meetlat.kpis.catalogue import catalogue
from meetlat.plan.models import Plan
from meetlat_aggregator.archive import sync
from meetlat_aggregator.database import is_damaged
from meetlat_aggregator.dictionary import TABLES
from meetlat_aggregator.kpi.company import Result, own_kpis
from meetlat_aggregator.kpi.engine import Changed, Engine
from meetlat_aggregator.kpi.plan_shown import PlanShown, read_shown
from meetlat_aggregator.kpi.plan_tables import head_counts
from meetlat_aggregator.kpi.prices import PriceBook
from meetlat_aggregator.local_day import make_local_day
from meetlat_aggregator.rewriting import Before, Rewriting
from meetlat_aggregator.sqlfiles import sql

PUBLISHED = "kpi.duckdb"
WORKING = "kpi.working.duckdb"
# Files of this format open in every DuckDB from 1.0 on.
STORAGE_VERSION = "v1.0.0"
LAYOUT = 5  # of the published tables; another one makes the working file anew
_log = logging.getLogger("meetlat.aggregator")
AtOnce = Callable[[Callable[[], None]], None]


@dataclass(slots=True)
class Publisher:
    """Writes `kpi.duckdb` in `directory`. `con` is a connection of its own to the live database,
    `topic` the one whose offsets are told, `prices` what calls cost whose events do not say it,
    `results` what the company's own SQL gave last.
    """

    con: duckdb.DuckDBPyConnection
    directory: Path
    timezone: str = "UTC"
    privacy_limit: int = 5
    topic: str = "meetlat.events.v1"
    prices: PriceBook | None = None
    results: Mapping[str, Result] = field(default_factory=dict)
    _engine: tuple[str, Engine] | None = field(default=None, init=False, repr=False)
    # Which results the tables hold, and will hold when the publication under way is committed.
    _taken: Mapping[str, Result] | None = field(default=None, init=False, repr=False)
    _taking: Mapping[str, Result] | None = field(default=None, init=False, repr=False)

    @property
    def path(self) -> Path:
        """The published file."""
        return self.directory / PUBLISHED

    @property
    def working(self) -> Path:
        """The file that is brought up to date and then copied."""
        return self.directory / WORKING

    @property
    def due(self) -> bool:
        """Whether KPIs were put off that may be made by now, also when nothing new came in."""
        return self._engine is not None and self._engine[1].due

    def hurry(self) -> None:
        """Put no KPI off in the next publication."""
        if self._engine is not None:
            self._engine[1].hurry()

    def publish(self, at_once: AtOnce = lambda begin: begin()) -> None:
        """Show one moment: bring the working file up to date, and swap a copy of it in.

        `at_once` runs what it is given, which takes the snapshot, when everything that was
        committed is folded in. Raises OSError or duckdb.Error.
        """
        try:
            self._publish(at_once)
        except duckdb.Error as error:
            if not is_damaged(error):
                raise
            self._discard_working(error)
            self._publish(at_once)  # damage that is still met is the live database's

    def _publish(self, at_once: AtOnce) -> None:
        con = self.con
        con.execute(sql("macros"))
        con.execute(sql("prices/macros"))
        make_local_day(con, self.timezone)
        con.execute(f"SET VARIABLE privacy_limit = {self.privacy_limit}")
        token, known = self._new_token()
        self._attach()
        try:
            try:
                at_once(self._begin)
                batch, watermark = con.execute(
                    "SELECT batches, watermark FROM progress"
                ).fetchall()[0]
                plan = read_shown(con, watermark, self._local_day)
                self._write(known, watermark, plan)
                con.execute(sql("kpi/current"))
                con.execute("COMMIT")
                self._taken = self._taking
            except BaseException:
                with suppress(duckdb.TransactionException):  # none was begun, or it has ended
                    con.execute("ROLLBACK")
                self._engine = None  # what it thinks is in the tables is not
                raise
            con.execute("CHECKPOINT published")
        finally:
            con.execute("DETACH published")
        self._remember(token, batch, watermark, plan)
        self._swap_in()

    def _new_token(self) -> tuple[str, list[str | None]]:
        """The token of this publication, noted before the working file has it; and those that the
        working file may have: the last one's, and that of one that a crash interrupted.
        """
        con = self.con
        token = uuid.uuid4().hex
        known = con.execute("SELECT token, next_token FROM publication").fetchall()
        if known:
            con.execute("UPDATE publication SET next_token = ?", [token])
        else:
            con.execute("INSERT INTO publication (next_token) VALUES (?)", [token])
        con.execute(f"SET VARIABLE publication = {_quoted(token)}")
        return token, list(known[0]) if known else [None, None]

    def _attach(self) -> None:
        how = f"(STORAGE_VERSION '{STORAGE_VERSION}')"
        attach = f"ATTACH {_quoted(str(self.working))} AS published {how}"
        try:
            self.con.execute(attach)
        except duckdb.Error as error:
            self._discard_working(error)
            self.con.execute(attach)
        self.working.chmod(0o600)

    def _discard_working(self, error: duckdb.Error) -> None:
        why = str(error).splitlines()[0]
        _log.warning("cannot read %s: %s; making it anew", self.working, why)
        self.working.unlink(missing_ok=True)
        self.working.with_name(WORKING + ".wal").unlink(missing_ok=True)

    def _begin(self) -> None:
        """Take the snapshot: a transaction sees the database as it is at its first look."""
        self.con.execute("BEGIN")
        self.con.execute("SELECT batches FROM progress").fetchall()

    def _write(self, known: list[str | None], watermark: datetime | None, plan: PlanShown) -> None:
        how = self._how(plan.plan)
        before = self._before(known, how)
        same_plan = before is not None and before.plan == plan.name and not before.interrupted
        if not same_plan:
            plan.make_tables(self.con)
        basis = _basis(plan.plan)
        self.con.execute(f"SET VARIABLE basis = {_quoted(basis)}")
        currency = plan.plan.company.currency if plan.plan else ""
        self.con.execute(f"SET VARIABLE currency = {_quoted(currency)}")
        same_basis = before is not None and self._shown_basis() == basis
        rewriting = Rewriting(
            self.con,
            self.privacy_limit,
            self.topic,
            self.prices,
            with_plan=not same_plan,
            head_counts=head_counts(plan.plan),
        )
        if before is None or watermark is None:
            rewriting.everything()
        else:
            rewriting.what_changed(before, watermark)
        engine = self._engine_of(basis, plan.plan)
        if watermark is None:
            engine.create()
            return
        changed = rewriting.changed() if same_basis else Changed(everything=True)
        engine.update(changed, watermark, before.watermark if before else None)
        results = self.results
        if changed.everything or results is not self._taken:
            engine.take(results, watermark)
        self._taking = results

    def _shown_basis(self) -> str:
        ((basis,),) = self.con.execute("SELECT basis FROM published.meta").fetchall()
        return str(basis)

    def _engine_of(self, basis: str, plan: Plan | None) -> Engine:
        if self._engine is None or self._engine[0] != basis:
            self._engine = (
                basis,
                Engine(self.con, plan, self.timezone, privacy_limit=self.privacy_limit),
            )
        return self._engine[1]

    def _local_day(self, moment: datetime) -> date:
        ((day,),) = self.con.execute("SELECT local_day(?::TIMESTAMP)", [moment]).fetchall()
        assert isinstance(day, date)
        return day

    def _before(self, known: list[str | None], how: str) -> Before | None:
        """What the working file shows at least; None when it has to be made anew."""
        ((token, watermark, made, plan),) = self.con.execute(
            "SELECT token, watermark, how, plan FROM publication"
        ).fetchall()
        if token is None or watermark is None or made != how:
            return None
        tables = self.con.execute(
            "SELECT table_name FROM duckdb_tables() WHERE database_name = 'published'"
        ).fetchall()
        if not {(table.name,) for table in TABLES} <= set(tables):
            return None
        ((shown,),) = self.con.execute("SELECT publication FROM published.meta").fetchall()
        return Before(watermark, shown != token, plan) if shown in known else None

    def _how(self, plan: Plan | None) -> str:
        """What the tables depend on beside the events."""
        prices = self.prices.digest if self.prices is not None else ""
        people = [[str(value) for value in row.values()] for row in head_counts(plan)]
        program = [LAYOUT, version("meetlat"), self.topic]
        return json.dumps([*program, self.timezone, self.privacy_limit, prices, people])

    def _remember(
        self, token: str, batch: int, watermark: datetime | None, plan: PlanShown
    ) -> None:
        con = self.con
        con.execute("BEGIN")
        try:
            con.execute("DELETE FROM touched WHERE batch <= ?", [batch])
            con.execute(
                "UPDATE publication SET token = ?, batch = ?, watermark = ?, how = ?, plan = ?",
                [token, batch, watermark, self._how(plan.plan), plan.name],
            )
            con.execute("DELETE FROM team_shown WHERE week IN (SELECT week FROM team_weeks)")
            con.execute("INSERT INTO team_shown SELECT week, team, shown FROM team_new")
            con.execute("DELETE FROM kpi_current")
            con.execute("INSERT INTO kpi_current BY NAME SELECT * FROM kpi_shown_now")
            con.execute("COMMIT")
        except BaseException:
            with suppress(duckdb.TransactionException):
                con.execute("ROLLBACK")
            raise

    def _swap_in(self) -> None:
        draft = self.directory / f".{PUBLISHED}.draft"
        shutil.copyfile(self.working, draft)
        draft.chmod(0o444)
        sync(draft)
        self.remove_stray_wal()
        os.replace(draft, self.path)  # noqa: PTH105 - the atomic rename is the point
        sync(self.directory)

    def remove_stray_wal(self) -> None:
        """Remove a WAL beside the published file, and say so."""
        wal = self.path.with_name(PUBLISHED + ".wal")
        if wal.exists():
            wal.unlink()
            _log.warning(
                "removed %s: somebody opened %s for writing; open it with read_only=True",
                wal,
                PUBLISHED,
            )


def _basis(plan: Plan | None) -> str:
    """What the KPI tables depend on beside the other tables: a digest."""
    text = plan.model_dump_json() if plan else ""
    kpis = repr(sorted({**catalogue(), **own_kpis(plan)}.items()))
    return hashlib.sha256(f"{text}{kpis}".encode()).hexdigest()


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
