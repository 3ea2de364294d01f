"""Plain events straight into columns, thousands at a time, by Arrow's JSON reader.

It makes no Python object per value and lets other threads run meanwhile. Like `contract.fast` it
never owns a rule: the bounds are those of the fast decoder's structs, and what it is not sure of
(any rare byte, an unknown or doubled field, a rule over several fields) it leaves to be read one
by one. A property test holds that it reads the same values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj
from msgspec import inspect

from meetlat.contract.envelope import MAX_EVENT_BYTES
from meetlat.contract.events import EVENT_MODELS, EventData, NeedsCurrency
from meetlat.contract.fast import patterns_of, struct_of
from meetlat.contract.fields import EARLIEST, LATEST
from meetlat_aggregator.batch import MICROSECONDS, data_columns

LEAST_ROWS = 100  # fewer of a type are quicker one by one
MOST_ROWS = 8_000
MOST_BYTES = 8 * 1024 * 1024
PIECE_ROWS = 250  # what one record that cannot be read so sends to be read one by one
_EARLIEST, _LATEST = (round(t.timestamp()) * 1_000_000 for t in (EARLIEST, LATEST))
_NAMED = ('"type":"meetlat.', '"type": "meetlat.')
_GUESS = 4  # so many letters behind it tell the types apart

Mask = npt.NDArray[np.bool_]
Places = npt.NDArray[np.int64]


class Plain(NamedTuple):
    """Events of one type, in the order of their places in the batch."""

    type_name: str
    places: Places
    id: pa.Array
    source: pa.Array
    time: pa.Array
    history: pa.Array
    data: list[pa.Array]


class Looked(NamedTuple):
    """What one pass over the bytes says of each value."""

    certain: Mask  # `contract.fast` may read it
    plain: Mask  # so may Arrow's reader


def look(values: pa.Array) -> Looked:
    """Which values are short enough, hold no byte that a reader is unsure of, and are an object.

    Without control characters, an object that is whole to the last byte cannot run into the next
    one behind a line's end: as many rows as values means one row each.
    """
    ends = np.frombuffer(values.buffers()[1], np.int32)
    size = np.diff(ends)
    certain = size <= MAX_EVENT_BYTES
    plain = certain & (size >= 2)
    if values.buffers()[2] is None or not plain.any():
        return Looked(certain, plain & False)
    raw = np.frombuffer(values.buffers()[2], np.uint8)
    plain &= raw[ends[:-1] * plain] == ord("{")
    plain &= raw[(ends[1:] - 1) * plain] == ord("}")
    for start in range(0, int(ends[-1]), 1 << 18):
        block = raw[start : min(start + (1 << 18), int(ends[-1]))]
        odd = np.flatnonzero(((block - np.uint8(0x20)) >= 0x5F) | (block == 0x5C))
        if odd.size:
            byte = block[odd]
            row = np.searchsorted(ends, odd + start, side="right") - 1
            certain[row[(byte == 0x5C) | (byte == 0x7F) | (byte == 0xC2)]] = False
            plain[row[byte < 0x20]] = False
    return Looked(certain, plain & certain)


def read_plain(values: Sequence[bytes], array: pa.Array, plain: Mask) -> Iterator[Plain]:
    """Read what can be read so; the others' places are in none of the answers.

    `array` holds the values too; `plain` is what `look` says of them.
    """
    if np.count_nonzero(plain) < LEAST_ROWS:
        return
    guessed = np.where(plain, _guessed(array), -1)
    size = np.diff(np.frombuffer(array.buffers()[1], np.int32))
    for number, reader in enumerate(_readers()):
        places = np.flatnonzero(guessed == number)
        if reader is None or places.size < LEAST_ROWS:
            continue
        parts = np.maximum(
            np.arange(places.size) // MOST_ROWS, np.cumsum(size[places]) // MOST_BYTES
        )
        for part in np.split(places, np.flatnonzero(np.diff(parts)) + 1):
            yield from reader.read(values, part)


def plain_table(found: Plain) -> pa.Table:
    """A table of `seq` and the data's fields, as `data_table` makes it."""
    seq = pa.array(found.places.astype(np.int32))
    return pa.Table.from_arrays([seq, *found.data], ["seq", *data_columns(found.type_name).names])


def _guessed(array: pa.Array) -> npt.NDArray[np.int64]:
    """Each value's type as a number, or -1: a guess, which the reader makes sure of."""
    ends = np.frombuffer(array.buffers()[1], np.int32).astype(np.int64)
    raw = np.frombuffer(array.buffers()[2], np.uint8)
    found = np.full(len(array), -1, np.int64)
    for name in _NAMED:
        left = np.flatnonzero(found < 0)
        some = array if left.size == len(array) else array.take(pa.array(left))
        at = np.asarray(pc.find_substring(some, name)).astype(np.int64)
        found[left] = np.where(at < 0, -1, at + len(name))
        if (found >= 0).all():
            break
    at = ends[:-1] + found
    fits = (found >= 0) & (at + _GUESS <= ends[1:])
    at = np.where(fits, at, 0)
    key = np.zeros(len(array), np.int64)
    for letter in range(_GUESS):
        key = key * 256 + raw[np.minimum(at + letter, raw.size - 1)]
    guess = np.full(len(array), -1, np.int64)
    for number, type_name in enumerate(EVENT_MODELS):
        letters = type_name.removeprefix("meetlat.").encode()[:_GUESS]
        guess[fits & (key == int.from_bytes(letters, "big"))] = number
    return guess


@cache
def _readers() -> list[_Reader | None]:
    """By the place of the type in EVENT_MODELS; None where a rule has to see each event."""
    return [
        _Reader(name) if _rule_is_known(model) else None for name, model in EVENT_MODELS.items()
    ]


def _rule_is_known(model: type[EventData]) -> bool:
    return model.rule is EventData.rule or isinstance(model.rule, NeedsCurrency)


@dataclass(frozen=True, slots=True)
class _Asked:
    """The fields that Arrow's reader is asked for. Each costs time in every row, said or not."""

    head: Sequence[_Column]
    data: Sequence[_Column]
    options: pj.ParseOptions

    @classmethod
    def of(cls, head: Sequence[_Column], data: Sequence[_Column]) -> _Asked:
        """Ask for these; any other field ends the reading."""
        schema = pa.schema(
            [
                ("type", pa.string()),
                *((column.name, column.kind) for column in head),
                ("data", pa.struct([(column.name, column.kind) for column in data])),
            ]
        )
        options = pj.ParseOptions(explicit_schema=schema, unexpected_field_behavior="error")
        return cls(head, data, options)

    def parse(self, lines: bytes) -> pa.Table:
        """The rows that these bytes hold. Raises pa.ArrowInvalid."""
        return pj.read_json(
            pa.BufferReader(lines),
            read_options=pj.ReadOptions(use_threads=False, block_size=len(lines) + 1),
            parse_options=self.options,
        ).combine_chunks()

    def in_use(self, table: pa.Table, before: _Asked | None) -> _Asked:
        """Those that must be there, that the table has values of, or that were in use `before`."""
        names = set() if before is None else {c.name for c in (*before.head, *before.data)}
        data = table["data"].combine_chunks()

        def used(column: _Column, values: pa.Array) -> bool:
            return column.required or column.name in names or values.null_count < len(values)

        return _Asked.of(
            [c for c in self.head if used(c, table[c.name])],
            [c for c in self.data if used(c, data.field(c.name))] or self.data[:1],
        )


class _Reader:
    """Reads events of one type. Remembers which fields are in use, and asks for no others."""

    def __init__(self, type_name: str) -> None:
        self._type_name = type_name
        rule = EVENT_MODELS[type_name].rule
        self._amount = rule.amount if isinstance(rule, NeedsCurrency) else ""
        self._schema = data_columns(type_name)
        info = inspect.type_info(struct_of(type_name))
        assert isinstance(info, inspect.StructType)
        head = [_column(field, None) for field in info.fields if field.name != "data"]
        data = next(field.type for field in info.fields if field.name == "data")
        assert isinstance(data, inspect.StructType)
        patterns = patterns_of(type_name)
        columns = [_column(field, patterns.get(field.name)) for field in data.fields]
        self._absent = {column.name: column.default for column in columns}
        plain = [c for c in columns if not pa.types.is_map(self._schema.field(c.name).type)]
        self._everything = _Asked.of(head, plain)
        self._usual: _Asked | None = None

    def read(self, values: Sequence[bytes], places: Places) -> Iterator[Plain]:
        """The sure ones at these places. One that cannot be parsed takes few others with it."""
        found = self._read(values, places)
        pieces = [] if found is not None else _pieces(places)
        for one in (found, *(self._read(values, piece) for piece in pieces)):
            if one is not None and one.places.size:
                yield one

    def _read(self, values: Sequence[bytes], places: Places) -> Plain | None:
        lines = b"\n".join([values[place] for place in places.tolist()])
        try:
            lines.decode()
            asked, table = self._parsed(lines)
            return self._judged(lines, places, asked, table)
        except (UnicodeDecodeError, pa.ArrowInvalid):
            return None

    def _parsed(self, lines: bytes) -> tuple[_Asked, pa.Table]:
        usual = self._usual
        if usual is not None:
            try:
                return usual, usual.parse(lines)
            except pa.ArrowInvalid:
                pass  # most likely a field that was in no event so far
        table = self._everything.parse(lines)
        self._usual = self._everything.in_use(table, usual)
        return self._everything, table

    def _judged(self, lines: bytes, places: Places, asked: _Asked, table: pa.Table) -> Plain | None:
        count = places.size
        if table.num_rows != count:
            return None
        data = table["data"].chunk(0)
        sure = _valid(data)
        sure &= np.asarray(pc.fill_null(pc.equal(table["type"], self._type_name), False))
        head = {c.name: c.judge(table[c.name].chunk(0), sure) for c in asked.head}
        read: dict[str, pa.Array] = {}
        for column in asked.data:
            array = data.field(column.name)
            if column.default is not None:
                # NULL, said in so many letters, is no value of it. Said or absent look alike here.
                said = lines.count(b'"%s"' % column.name.encode())
                if said != count - array.null_count:
                    return None
            read[column.name] = column.judge(array, sure)
        if self._amount in read:
            currency = read.get("currency", pa.nulls(count))
            sure &= ~_valid(read[self._amount]) | _valid(currency)
        history = head.get("meetlathistory", pa.nulls(count, pa.bool_()))
        found = Plain(
            self._type_name,
            places,
            head["id"],
            head["source"],
            head["time"],
            pc.fill_null(history, False),
            [
                read[field.name]
                if field.name in read
                else _repeated(self._absent[field.name], field.type, count)
                for field in self._schema
            ],
        )
        return found if sure.all() else _only(found, sure)


def _repeated(value: Any, kind: pa.DataType, count: int) -> pa.Array:
    return pa.nulls(count, kind) if value is None else pa.repeat(pa.scalar(value, kind), count)


def _pieces(places: Places) -> list[Places]:
    if places.size <= PIECE_ROWS:
        return []
    return np.array_split(places, -(-places.size // PIECE_ROWS))


def _only(found: Plain, sure: Mask) -> Plain:
    keep = pa.array(sure)
    return Plain(
        found.type_name,
        found.places[sure],
        found.id.filter(keep),
        found.source.filter(keep),
        found.time.filter(keep),
        found.history.filter(keep),
        [array.filter(keep) for array in found.data],
    )


@dataclass(frozen=True, slots=True)
class _Column:
    """One field: what the reader is asked for, and what makes sure of it."""

    name: str
    kind: pa.DataType
    required: bool
    default: Any
    sure: Callable[[pa.Array, Mask], pa.Array]

    def judge(self, array: pa.Array, sure: Mask) -> pa.Array:
        """The field's values; takes from `sure` the rows where it is not."""
        if array.null_count:
            if self.required:
                sure &= _valid(array)
            if array.null_count == len(array):
                kind = self.sure(array.slice(0, 0), sure[:0]).type
                return _repeated(self.default, kind, len(sure))
        array = self.sure(array, sure)
        return array if self.default is None else pc.fill_null(array, self.default)


def _column(field: inspect.Field, pattern: str | None) -> _Column:
    default = None if field.default is msgspec.NODEFAULT else field.default
    kind, sure = _kind(field.type, pattern)
    return _Column(field.name, kind, field.required, default, sure)


def _kind(
    info: inspect.Type, pattern: str | None
) -> tuple[pa.DataType, Callable[[pa.Array, Mask], pa.Array]]:
    match info:
        case inspect.UnionType(types=types):
            return _kind(next(t for t in types if not isinstance(t, inspect.NoneType)), pattern)
        case inspect.StrType(pattern=None):
            least, most = info.min_length, info.max_length
            return pa.string(), lambda array, sure: _text(array, sure, least, most, pattern)
        case inspect.LiteralType(values=values):
            known = pa.array(values, pa.string())
            return pa.string(), lambda array, sure: _one_of(array, sure, known)
        case inspect.FloatType(
            ge=(float() | int()) as low,
            le=(float() | int()) as high,
            gt=None,
            lt=None,
            multiple_of=None,
        ):
            return pa.float64(), lambda array, sure: _number(array, sure, low, high)
        case inspect.IntType(ge=int(low), le=int(high), gt=None, lt=None, multiple_of=None):
            return pa.int64(), lambda array, sure: _number(array, sure, low, high)
        case inspect.BoolType():
            return pa.bool_(), lambda array, sure: array  # noqa: ARG005 - any will do
        case inspect.DateTimeType(tz=True):
            return pa.string(), _times
        case inspect.DictType():  # never asked for: a record that has one is read by itself
            return pa.null(), lambda array, sure: array  # noqa: ARG005
        case _:
            raise TypeError(f"no reading in columns for {info!r}; add one here")


def _valid(array: pa.Array) -> Mask:
    return np.array(array.is_valid())


def _lengths(array: pa.Array) -> npt.NDArray[np.int32]:
    ends = np.frombuffer(array.buffers()[1], np.int32)
    return np.diff(ends[array.offset : array.offset + len(array) + 1])


def _text(
    array: pa.Array, sure: Mask, least: int | None, most: int | None, pattern: str | None
) -> pa.Array:
    if not len(array):
        return array
    length = _lengths(array)  # in bytes: never fewer than characters
    if least and np.count_nonzero(length < least) != array.null_count:
        sure &= (length >= least) | ~_valid(array)
    if most is not None and length.max() > most:
        sure &= length <= most
    if pattern is not None:
        fits = pc.match_substring_regex(array, pattern)
        if not pc.all(fits).as_py():
            sure &= np.asarray(fits.fill_null(True))
    return array


def _one_of(array: pa.Array, sure: Mask, known: pa.Array) -> pa.Array:
    fits = pc.is_in(array, known)
    if fits.true_count + array.null_count < len(array):
        sure &= np.asarray(fits) | ~_valid(array)
    return array


def _number(array: pa.Array, sure: Mask, least: float, most: float) -> pa.Array:
    if len(array):
        numbers = np.frombuffer(array.buffers()[1], array.type.to_pandas_dtype())
        numbers = numbers[array.offset : array.offset + len(array)]
        fits = (numbers >= least) & (numbers <= most)  # NaN does neither
        if not fits.all():
            sure &= fits | ~_valid(array)
    return array


def _times(array: pa.Array, sure: Mask) -> pa.Array:
    """RFC 3339 to the second at least and the microsecond at most, `Z` or an offset as +02:00."""
    if not len(array):
        return array.cast(MICROSECONDS)
    ends = np.frombuffer(array.buffers()[1], np.int32)[array.offset :][: len(array) + 1]
    raw = np.frombuffer(array.buffers()[2], np.uint8)
    length = np.diff(ends)
    fits = (length >= 20) & (length <= 32)
    start = ends[:-1] * fits
    end = np.where(fits, ends[1:], 32)
    if raw.size < 32:
        raw = np.resize(raw, 32)
    zulu = raw[end - 1] == ord("Z")
    zone = raw[end - 6]
    offset = ((zone == ord("+")) | (zone == ord("-"))) & (raw[end - 3] == ord(":"))
    fits &= raw[start + 16] == ord(":")
    fits &= np.where(zulu, length <= 27, offset & (length >= 25))
    sure &= fits | ~_valid(array)
    if np.count_nonzero(fits) + array.null_count < len(array):
        array = pc.if_else(pa.array(fits), array, None)
    times = _cast(array)
    at = np.frombuffer(times.buffers()[1], np.int64)[times.offset :][: len(times)]
    within = (at >= _EARLIEST) & (at < _LATEST)
    if not within.all():
        sure &= within | ~_valid(times)
    return times


def _cast(array: pa.Array) -> pa.Array:
    return array.cast(pa.timestamp("us", "UTC")).cast(MICROSECONDS)
