"""An export from beginning to end: which files there are, and in which order they are made."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date
from functools import partial
from importlib.metadata import version
from pathlib import Path

import duckdb

from meetlat.errors import MeetlatError
from meetlat_aggregator.exporting import dictionary, flat
from meetlat_aggregator.exporting.folder import draft_of
from meetlat_aggregator.reader.choose import Wish, check, window
from meetlat_aggregator.reader.published import rows
from meetlat_aggregator.reader.words import Language
from meetlat_aggregator.sqlfiles import sql

FORMATS = ("xlsx", "csv", "parquet")
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be exported. `bounded`: only what lies in the period of `wish`, else all."""

    wish: Wish
    bounded: bool
    formats: Collection[str]
    language: Language = "en"


def export(
    con: duckdb.DuckDBPyConnection,
    target: Path,
    order: Order,
    *,
    force: bool = False,
    progress: Progress = lambda _done, _total: None,
) -> list[str]:
    """Write the files, and say which. Raises MeetlatError; then `target` is as it was."""
    check(con, order.wish, with_period=order.bounded)
    ((as_of, timezone),) = con.execute("SELECT as_of, timezone FROM meta").fetchall()
    days = _days(con, order) if order.bounded else None
    about = {
        "written_by": f"meetlat {version('meetlat')}",
        "as_of": f"{as_of:%Y-%m-%dT%H:%M:%SZ}" if as_of else None,
        "period": [f"{day}" for day in days] if days else "all",
        "use_case": order.wish.use_case or "all",
    }
    tables = flat.published(con)
    lines = dictionary.lines(con, tables, order.language)
    with draft_of(target, force=force, about=about) as (draft, spill):
        flat.prepare(con, spill, order.wish.use_case, days, timezone)
        steps = _steps(con, draft, order, days, tables, lines)
        for done, step in enumerate(steps):
            progress(done, len(steps))
            try:
                step()
            except duckdb.Error as error:
                raise MeetlatError(
                    f"the export failed: {str(error).splitlines()[0]}",
                    remedy="look at the disk's free space",
                ) from None
        progress(len(steps), len(steps))
        return sorted(p.relative_to(draft).as_posix() for p in draft.rglob("*") if p.is_file())


def _steps(
    con: duckdb.DuckDBPyConnection,
    draft: Path,
    order: Order,
    days: tuple[date, date] | None,
    tables: list[flat.Table],
    lines: list[dictionary.Line],
) -> list[Callable[[], None]]:
    steps: list[Callable[[], None]] = [
        partial(dictionary.write_csv, lines, draft / "dictionary.csv"),
        partial(dictionary.write_markdown, lines, draft / "dictionary.md"),
    ]
    if "xlsx" in order.formats:
        # XlsxWriter takes a tenth of a second to load, and who wants Parquet does without.
        from meetlat_aggregator.exporting.workbook import NAME, write_workbook

        path = draft / NAME
        steps.append(partial(write_workbook, con, path, order.wish, days, lines, order.language))
    for form, write in (("csv", flat.write_csv), ("parquet", flat.write_parquet)):
        if form in order.formats:
            (draft / form).mkdir()
            for table in tables:
                path = draft / form / f"{table.name}.{form}"
                steps.append(partial(write, con, table, path))
    return steps


def _days(con: duckdb.DuckDBPyConnection, order: Order) -> tuple[date, date]:
    """First day, and day after the last one, of the period."""
    wish = order.wish
    ((as_of,),) = con.execute("SELECT as_of FROM meta").fetchall()
    found = rows(con, sql("reader/values"), {**wish.given(), "everything": True})
    return window([row for row in found if row["as_of"] is not None], wish, as_of)
