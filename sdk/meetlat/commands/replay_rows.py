"""Rows of a file as events: NDJSON, CSV or Parquet, each row with where it stands.

An NDJSON line is taken byte for byte. A CSV or Parquet row becomes one event: the columns of the
envelope, and the data either as one JSON column `data` or as a column per field.
"""

from __future__ import annotations

import gzip
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from types import NoneType, UnionType
from typing import IO, Annotated, Any, NamedTuple, Union, cast, get_args, get_origin

import click
import msgspec

from meetlat.commands.files import (
    Content,
    check_twice,
    csv_rows,
    kind_of,
    open_content,
    open_parquet,
    told,
)
from meetlat.contract.envelope import HISTORY, RefusedError
from meetlat.contract.events import EVENT_MODELS
from meetlat.errors import MeetlatError

ENVELOPE = ("specversion", "id", "source", "type", "time", "traceparent", HISTORY)
_NEEDED = ("id", "source", "type", "time")
_BOOLEANS = {"true": True, "false": False}
_AGAIN = "; what was sent before counts once, so replay that from the beginning"


class Row(NamedTuple):
    """One row: its line (or row) number from 1, its event's bytes or why there is none, and how
    much of the file is read, in the units of `Rows.length`.
    """

    number: int
    value: bytes | RefusedError
    position: int


class Rows(NamedTuple):
    """The rows of a file. `length` is in bytes (Parquet: rows); 0 when nobody knows. `word` is
    what a row is called.
    """

    length: int
    rows: Iterator[Row]
    word: str = "line"


@contextmanager
def open_rows(name: str) -> Iterator[Rows]:
    """Open a file by its extension; `-` is NDJSON from standard input.

    Raises click.UsageError for another extension, MeetlatError for a file that cannot be read,
    here or while its rows are.
    """
    if name == "-":
        yield Rows(0, told(name, _ndjson(sys.stdin.buffer, lambda: 0), _AGAIN))
        return
    kind, packed = kind_of(name)
    read = _READERS.get(kind)
    if read is None and (kind != "parquet" or packed):
        raise click.UsageError(
            f"{name} is none of .ndjson, .jsonl, .csv (also .gz), .parquet; rename or convert it"
        )
    with open_content(name) as content:
        if read is None:
            yield _parquet(name, content)
        else:
            rows = told(name, read(content.bytes, content.tell), _AGAIN)
            yield Rows(content.size, rows)


def _ndjson(content: IO[bytes] | gzip.GzipFile, tell: Callable[[], int]) -> Iterator[Row]:
    for number, line in enumerate(content, 1):
        value = line.strip()
        if value:
            yield Row(number, value, tell())


def _csv(content: IO[bytes] | gzip.GzipFile, tell: Callable[[], int]) -> Iterator[Row]:
    lines = csv_rows(content)
    _, names = next(lines, (1, []))
    _check_columns(names)
    for number, cells in lines:
        yield Row(number, _from_cells(names, cells), tell())


_Reader = Callable[[IO[bytes] | gzip.GzipFile, Callable[[], int]], Iterator[Row]]
_READERS: dict[str, _Reader] = {"ndjson": _ndjson, "jsonl": _ndjson, "csv": _csv}


def _from_cells(names: list[str], cells: list[str]) -> bytes | RefusedError:
    if len(cells) != len(names):
        return RefusedError("", f"has {len(cells)} cells where the heading has {len(names)}")
    return _event({name: cell for name, cell in zip(names, cells, strict=True) if cell}, _typed)


def _parquet(name: str, content: Content) -> Rows:
    table = open_parquet(name, cast(IO[bytes], content.bytes))
    columns = table.schema_arrow.names
    _check_columns(columns)

    def rows() -> Iterator[Row]:
        number = 0
        for batch in table.iter_batches(batch_size=5000):
            for cells in batch.to_pylist(maps_as_pydicts="strict"):
                number += 1
                kept = {column: cell for column, cell in cells.items() if cell is not None}
                yield Row(number, _event(kept, _plain), number)

    return Rows(table.metadata.num_rows, rows(), "row")


def _check_columns(names: list[str]) -> None:
    missing = [name for name in _NEEDED if name not in names]
    if missing:
        raise MeetlatError(
            f"the columns {', '.join(missing)} are missing",
            remedy="every event needs id, source, type and time (docs/replay.md)",
        )
    check_twice(names)


def _event(cells: Mapping[str, Any], read: Callable[[Any, str, str], Any]) -> bytes | RefusedError:
    """The event of one row; `read` gives a cell its type, from the event type and field."""
    kind = str(cells.get("type", ""))
    event: dict[str, Any] = {"specversion": "1.0"}
    fields: dict[str, Any] = {}
    try:
        for name, cell in cells.items():
            if name in ENVELOPE:
                event[name] = read(cell, "", name)
            elif name == "data" and not isinstance(cell, dict):
                event["data"] = _document(cell)
            elif name == "data":
                fields |= {key: value for key, value in cell.items() if value is not None}
            else:
                fields[name] = read(cell, kind, name)
        if "data" in event and fields:
            return RefusedError(min(fields), "stands beside a `data` column; use one of the two")
        if "data" not in event:
            event["data"] = fields
        return msgspec.json.encode(event, enc_hook=_encoded)
    except (ValueError, TypeError) as error:
        return RefusedError("", str(error))


def _document(cell: Any) -> msgspec.Raw:
    raw = cell if isinstance(cell, bytes) else str(cell).encode()
    try:
        msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(f"data: is not JSON: {error}") from None
    return msgspec.Raw(raw)


def _plain(cell: Any, kind: str, name: str) -> Any:  # noqa: ARG001 - a reader's signature
    """A typed cell as it is; a time that the file keeps without a zone is UTC."""
    if isinstance(cell, datetime):
        return cell.isoformat() if cell.tzinfo else f"{cell.isoformat()}Z"
    return cell


def _encoded(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value, "f")
    raise TypeError(f"a {type(value).__name__} is not a value of an event")


def _typed(text: str, kind: str, name: str) -> Any:
    """The text of a CSV cell as the type that its field has; what does not fit stays text, for the
    contract to refuse by name.
    """
    if not kind:
        return _BOOLEANS.get(text.lower(), text) if name == HISTORY else text
    model = EVENT_MODELS.get(kind)
    info = model.model_fields.get(name) if model is not None else None
    wanted = str if info is None else _base(info.annotation)
    try:
        if wanted is bool:
            return _BOOLEANS.get(text.lower(), text)
        if wanted in (int, float):
            return wanted(text)
        if wanted is dict:
            return msgspec.json.decode(text)
    except (ValueError, msgspec.DecodeError):
        return text
    return text


def _base(annotation: Any) -> Any:
    origin = get_origin(annotation)
    if origin is Annotated:
        return _base(get_args(annotation)[0])
    if origin in (Union, UnionType):
        return _base(next(part for part in get_args(annotation) if part is not NoneType))
    return origin or annotation
