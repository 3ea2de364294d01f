"""Reads the rows of an event log from CSV, Parquet or Excel, all in the same shape.

Cells are text, stripped, or a date or time where the file itself has such a type.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from typing import IO, Any, NamedTuple, cast

import click

from meetlat.commands.files import (
    Content,
    check_twice,
    csv_rows,
    kind_of,
    open_content,
    open_parquet,
    told,
)
from meetlat.errors import MeetlatError
from meetlat.imports.mapping import File

Cell = str | date
_EXCEL = ("xlsx", "xlsm", "xlsb", "xls", "ods")
_EXTENSIONS = ".csv (also .csv.gz), .parquet, " + ", ".join(f".{kind}" for kind in _EXCEL)


class Line(NamedTuple):
    """One row: its line (or row) number from 1, its cells, and how much of the file is read."""

    number: int
    cells: Sequence[Cell]
    position: int


class Log(NamedTuple):
    """An event log: its columns and rows. `length` is in the units of `Line.position`; `word` is
    what a row is called.
    """

    columns: list[str]
    lines: Iterator[Line]
    length: int
    word: str


@contextmanager
def open_log(name: str, how: File) -> Iterator[Log]:
    """Open an event log by its extension.

    Raises click.UsageError for another extension, MeetlatError for a file that cannot be read,
    here or while its rows are.
    """
    kind, packed = kind_of(name)
    if (kind not in ("csv", "parquet", *_EXCEL)) or (packed and kind != "csv"):
        raise click.UsageError(f"{name} is none of {_EXTENSIONS}; rename or convert it")
    with open_content(name) as content:
        if kind == "csv":
            log = _csv(name, content, how)
        elif kind == "parquet":
            log = _parquet(name, content)
        else:
            log = _excel(name, how)
        if not any(log.columns):
            raise MeetlatError(f"{name} is empty", remedy="its first row names the columns")
        check_twice([column for column in log.columns if column])
        yield log


def _csv(name: str, content: Content, how: File) -> Log:
    rows = told(
        name,
        csv_rows(content.bytes, delimiter=how.delimiter, encoding=how.encoding),
        encoding=how.encoding,
        letters='say in the map how its letters are kept, as [file] encoding = "cp1252", which '
        "many programs on Windows write; or save it as UTF-8",
    )
    _, columns = next(rows, (1, []))

    def lines() -> Iterator[Line]:
        for number, cells in rows:
            yield Line(number, [cell.strip() for cell in cells], content.tell())

    return Log([column.strip() for column in columns], lines(), content.size, "line")


def _parquet(name: str, content: Content) -> Log:
    file = open_parquet(name, cast(IO[bytes], content.bytes))
    import pyarrow as pa

    def lines() -> Iterator[Line]:
        number = 0
        for batch in file.iter_batches(batch_size=5000):
            columns = [_plain_times(column, pa).to_pylist() for column in batch.columns]
            for cells in zip(*columns, strict=True):
                number += 1
                yield Line(number, [_cell(cell) for cell in cells], number)

    names = [str(column) for column in file.schema_arrow.names]
    return Log(names, told(name, lines()), file.metadata.num_rows, "row")


def _plain_times(column: Any, pa: Any) -> Any:
    """Nanoseconds become microseconds: what an event keeps."""
    kind = column.type
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        return column.cast(pa.timestamp("us", kind.tz), safe=False)
    return column


def _excel(name: str, how: File) -> Log:
    try:
        import python_calamine as calamine
    except ModuleNotFoundError:
        raise MeetlatError(
            "reading Excel needs python-calamine, which is not installed",
            remedy="install meetlat[server]",
        ) from None
    try:
        book = calamine.CalamineWorkbook.from_path(name)
        sheets = book.sheet_names
        if how.sheet is not None and how.sheet not in sheets:
            raise MeetlatError(
                f"{name} has no sheet {how.sheet!r}",
                remedy=f"it has {', '.join(map(repr, sheets))}; say which: [file] sheet in the map",
            )
        sheet = book.get_sheet_by_name(how.sheet or sheets[0])
        rows = sheet.to_python(skip_empty_area=False)
    except (calamine.CalamineError, IndexError) as error:
        raise MeetlatError(
            f"{name} is no Excel file that can be read: {error}", remedy="save it again, or as CSV"
        ) from None

    def lines() -> Iterator[Line]:
        for number, cells in enumerate(rows[1:], 2):
            read = [_cell(cell) for cell in cells]
            if any(cell != "" for cell in read):
                yield Line(number, read, number)

    heading = [str(_cell(cell)) for cell in rows[0]] if rows else []
    return Log(heading, lines(), len(rows), "row")


def _cell(value: Any) -> Cell:
    """A typed cell as text, as a person sees it: 5.0 of a sheet is 5."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime | date):
        return value
    return str(value)
