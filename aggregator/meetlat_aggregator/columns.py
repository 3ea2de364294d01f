"""Plain events straight into columns, thousands at a time, by Arrow's JSON reader.

It makes no Python object per value and lets other threads run meanwhile. Like `contract.fast` it
never owns a rule: the bounds are those of the fast decoder's structs, and what it is not sure of
(a rare byte, an unknown or doubled field, a map, a rule over several fields) it leaves to be read
one by one. A property test holds that it reads the same values.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj
from msgspec import inspect

from meetlat.contract.envelope import MAX_EVENT_BYTES
from meetlat.contract.events import EVENT_MODELS, EventData, NeedsCurrency
from meetlat.contract.fast import FastEvent, patterns_of, read_certain, struct_of
from meetlat_aggregator.batch import data_columns
from meetlat_aggregator.sure import Column, Mask, column_of, repeated, valid

LEAST_ROWS = 100  # fewer of a type are quicker one by one
MOST_ROWS = 8_000
MOST_BYTES = 8 * 1024 * 1024
PIECE_ROWS = 250  # what one that Arrow alone refuses sends to be read one by one
_NAMED = ('"type":"meetlat.', '"type": "meetlat.')
_GUESS = 4  # so many letters behind it tell the types apart

# Escapes that hide no control character, no lone surrogate, and no letter of a field's name.
_HARMLESS = re.compile(
    rb"""(?:[^\\]+|\\["\\/]|\\u(?!00[0-9]|d[89a-f])[0-9a-f]{4}"""
    rb"""|\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2})*+""",
    re.IGNORECASE,
).fullmatch

Places = npt.NDArray[np.int64]
Met = dict[int, FastEvent | None]


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
            odd += start
            row = np.searchsorted(ends, odd, side="right") - 1
            after = raw[np.minimum(odd + 1, raw.size - 1)]
            certain[row[(byte == 0x7F) | ((byte == 0xC2) & (after < 0xA0))]] = False
            plain[row[byte < 0x20]] = False
            for place in np.unique(row[byte == 0x5C]).tolist():
                if not _HARMLESS(raw[ends[place] : ends[place + 1]].tobytes()):
                    certain[place] = False
    return Looked(certain, plain & certain)


def read_plain(values: Sequence[bytes], array: pa.Array, plain: Mask, met: Met) -> Iterator[Plain]:
    """Read what can be read so; the others' places are in none of the answers.

    `array` holds the values too; `plain` is what `look` says of them. `met` gets what the fast
    decoder said, by place, of some of the others.
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
            yield from reader.read(values, part, met)


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
    """By the place of the type in EVENT_MODELS; None for one that is better read one by one."""
    return [_Reader(name) if _in_columns(name) else None for name in EVENT_MODELS]


def _in_columns(type_name: str) -> bool:
    """False when a rule has to see each event, and when it needs a map, which Arrow's reader does
    not make.
    """
    model = EVENT_MODELS[type_name]
    needs_map = any(
        pa.types.is_map(field.type) and model.model_fields[field.name].is_required()
        for field in data_columns(type_name)
    )
    known_rule = model.rule is EventData.rule or isinstance(model.rule, NeedsCurrency)
    return known_rule and not needs_map


@dataclass(frozen=True, slots=True)
class _Asked:
    """The fields that Arrow's reader is asked for. Each costs time in every row, said or not."""

    head: Sequence[Column]
    data: Sequence[Column]
    options: pj.ParseOptions

    @classmethod
    def of(cls, head: Sequence[Column], data: Sequence[Column]) -> _Asked:
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

        def used(column: Column, values: pa.Array) -> bool:
            return column.required or column.name in names or values.null_count < len(values)

        return _Asked.of(
            [c for c in self.head if used(c, table[c.name])],
            [c for c in self.data if used(c, data.field(c.name))] or self.data[:1],
        )


class _Reader:
    """Reads events of one type. Remembers which fields are in use, and asks for no others."""

    def __init__(self, type_name: str) -> None:
        self._type_name = type_name
        model = EVENT_MODELS[type_name]
        self._amount = model.rule.amount if isinstance(model.rule, NeedsCurrency) else ""
        self._schema = data_columns(type_name)
        info = inspect.type_info(struct_of(type_name))
        assert isinstance(info, inspect.StructType)
        head = [column_of(field, None) for field in info.fields if field.name != "data"]
        data = next(field.type for field in info.fields if field.name == "data")
        assert isinstance(data, inspect.StructType)
        patterns = patterns_of(type_name)
        columns = [column_of(field, patterns.get(field.name)) for field in data.fields]
        self._absent = {column.name: column.default for column in columns}
        self._maps = [field.name for field in self._schema if pa.types.is_map(field.type)]
        plain = [column for column in columns if column.name not in self._maps]
        self._everything = _Asked.of(head, plain)
        self._usual: _Asked | None = None

    def read(self, values: Sequence[bytes], places: Places, met: Met) -> Iterator[Plain]:
        """The sure ones at these places. When Arrow cannot read one of them, the fast decoder
        tells which: `met` gets what it says of those that are left out.
        """
        found = self._read(values, places)
        pieces: list[Places] = []
        if found is None:
            places = self._sifted(values, places, met)
            found = self._read(values, places)
        if found is None and places.size:  # a field that is said twice, say
            pieces = np.array_split(places, -(-places.size // PIECE_ROWS))
        for one in (found, *(self._read(values, piece) for piece in pieces)):
            if one is not None and one.places.size:
                yield one

    def _sifted(self, values: Sequence[bytes], places: Places, met: Met) -> Places:
        kept = []
        for place in places.tolist():
            event = read_certain(values[place])
            if event is None or any(getattr(event.data, name) is not None for name in self._maps):
                met[place] = event
            else:
                kept.append(place)
        return np.array(kept, np.int64)

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
        sure = valid(data)
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
            sure &= ~valid(read[self._amount]) | valid(currency)
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
                else repeated(self._absent[field.name], field.type, count)
                for field in self._schema
            ],
        )
        return found if sure.all() else _only(found, sure)


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
