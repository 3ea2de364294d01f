"""Publishes the tables for analysts: a new file beside the old one, then an atomic rename.

The live database is never opened by others: DuckDB locks a file to one process. The published one
is read-only by mode, and a stray WAL beside it (somebody opened it read-write) is removed first,
since DuckDB would apply it to the new file.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import duckdb

from meetlat_aggregator.archive import sync
from meetlat_aggregator.dictionary import TABLES, column_meaning
from meetlat_aggregator.sqlfiles import sql
from meetlat_aggregator.tables import CELLS, Cell

PUBLISHED = "kpi.duckdb"
# Files of this format open in every DuckDB from 1.0 on.
STORAGE_VERSION = "v1.0.0"
_log = logging.getLogger("meetlat.aggregator")
AtOnce = Callable[[Callable[[], None]], None]


@dataclass(frozen=True, slots=True)
class Publisher:
    """Writes `kpi.duckdb` in `directory`. `con` is a connection of its own to the live database,
    `topic` the one whose offsets are told.
    """

    con: duckdb.DuckDBPyConnection
    directory: Path
    timezone: str = "UTC"
    privacy_limit: int = 5
    topic: str = "meetlat.events.v1"

    @property
    def path(self) -> Path:
        """The published file."""
        return self.directory / PUBLISHED

    def publish(self, at_once: AtOnce = lambda begin: begin()) -> None:
        """Write everything from one snapshot and swap it in. Raises OSError or duckdb.Error.

        `at_once` runs what it is given, which takes the snapshot, when everything that was
        committed is folded in.
        """
        draft = self.directory / f".{PUBLISHED}.draft"
        for leftover in (draft, draft.with_name(draft.name + ".wal")):
            leftover.unlink(missing_ok=True)
        con = self.con
        con.execute(sql("macros"))
        con.execute(sql("publish_macros"))
        con.execute("SET VARIABLE timezone = '" + self.timezone.replace("'", "''") + "'")
        con.execute(
            "ATTACH '" + str(draft).replace("'", "''") + f"' AS published "
            f"(STORAGE_VERSION '{STORAGE_VERSION}')"
        )
        try:
            try:
                at_once(self._begin)
                self._write()
                con.execute("COMMIT")
            except BaseException:
                with suppress(duckdb.TransactionException):  # none was begun, or it has ended
                    con.execute("ROLLBACK")
                raise
            con.execute("CHECKPOINT published")
        finally:
            con.execute("DETACH published")
        draft.chmod(0o444)
        sync(draft)
        self.remove_stray_wal()
        os.replace(draft, self.path)  # noqa: PTH105 - the atomic rename is the point
        sync(self.directory)

    def _begin(self) -> None:
        """Take the snapshot: a transaction sees the database as it is at its first look."""
        self.con.execute("BEGIN")
        self.con.execute("SELECT batches FROM progress").fetchall()

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

    def _write(self) -> None:
        con = self.con
        con.execute(sql("team_shown"), {"privacy_limit": self.privacy_limit})
        for table in TABLES:
            query = self._query(table.name, table.cell)
            parameters = {
                key: value
                for key, value in (
                    ("privacy_limit", self.privacy_limit),
                    ("version", version("meetlat")),
                    ("topic", self.topic),
                )
                if f"${key}" in query
            }
            con.execute(f"CREATE TABLE published.{table.name} AS {query}", parameters)
            con.execute(f"COMMENT ON TABLE published.{table.name} IS {_quoted(table.meaning)}")
            for (column,) in con.execute(
                "SELECT column_name FROM duckdb_columns() "
                "WHERE database_name = 'published' AND table_name = ?",
                [table.name],
            ).fetchall():
                meaning = _quoted(column_meaning(table, column))
                con.execute(f'COMMENT ON COLUMN published.{table.name}."{column}" IS {meaning}')

    def _query(self, name: str, cell_name: str) -> str:
        if not cell_name:
            return sql(f"publish/{name}")
        cell = next(cell for cell in CELLS if cell.name == cell_name)
        return cell_query(cell, daily=name != cell_name, columns=self._columns(cell_name))

    def _columns(self, table: str) -> list[tuple[str, str]]:
        return [(row[0], row[1]) for row in self.con.execute(f"DESCRIBE {table}").fetchall()]


def cell_query(cell: Cell, *, daily: bool, columns: list[tuple[str, str]]) -> str:
    """A cell table as it is shown: by hour or local day, small teams folded, measures added up."""
    shown = []
    for name, kind in columns:
        if name == "hour":
            shown.append("local_day(c.hour) AS day" if daily else "c.hour AS hour")
        elif name == "team":
            shown.append(
                "CASE WHEN c.team = '' THEN '' ELSE coalesce(s.shown, '(small)') END AS team"
            )
        elif name in cell.key:
            shown.append(f'c."{name}" AS "{name}"')
        else:
            shown.append(f'sum(c."{name}")::{kind} AS "{name}"')
    teams = ""
    if "team" in cell.key:
        teams = (
            "LEFT JOIN team_shown AS s ON s.team = c.team AND s.week = week_of(local_day(c.hour))"
        )
    return f"SELECT {', '.join(shown)} FROM {cell.name} AS c {teams} GROUP BY ALL"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
