"""What decoding makes of log records: columns, ready for one transaction.

The Arrow columns of each event type are derived from the contract's models, so a field that is
added there arrives here by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import numpy as np
import pyarrow as pa

from meetlat.contract.events import EVENT_MODELS
from meetlat.contract.fast import struct_of

MICROSECONDS = pa.timestamp("us")

EVENT_COLUMNS = pa.schema(
    [
        ("seq", pa.int32()),
        ("partition", pa.int32()),
        ("offset", pa.int64()),
        ("append_time", MICROSECONDS),
        ("type", pa.string()),
        ("source", pa.string()),
        ("id", pa.string()),
        ("time", MICROSECONDS),
        ("history", pa.bool_()),
        ("error", pa.string()),  # not NULL: a dead letter, and why
        ("value", pa.binary()),
    ]
)


@dataclass(frozen=True, slots=True)
class Batch:
    """Decoded records. `events` has one row per record (EVENT_COLUMNS); `data` one table per known
    event type with `seq` and the type's fields.
    """

    events: pa.Table
    data: dict[str, pa.Table] = field(default_factory=dict)

    def __len__(self) -> int:
        return int(self.events.num_rows)


def short_name(type_name: str) -> str:
    """`meetlat.interaction.v1` → `interaction`, as staging views are called."""
    return type_name.removeprefix("meetlat.").removesuffix(".v1")


@cache
def data_columns(type_name: str) -> pa.Schema:
    """The Arrow columns of one event type's data, in the order of the fast decoder's fields."""
    model = EVENT_MODELS[type_name]
    data = struct_of(type_name).__annotations__["data"]
    return pa.schema(
        [
            (name, _arrow_type(model.model_fields[name].annotation))
            for name in data.__struct_fields__
        ]
    )


def data_table(type_name: str, seqs: Sequence[int], rows: Iterable[tuple[Any, ...]]) -> pa.Table:
    """A table of `seq` and the data's fields from rows in the order of `data_columns`."""
    schema = data_columns(type_name)
    arrays = [pa.array(seqs, pa.int32())]
    for column, values in zip(schema, zip(*rows, strict=True), strict=True):
        arrays.append(pa.array(_as_pairs(values, column.type), column.type))
    return pa.Table.from_arrays(arrays, ["seq", *schema.names])


def in_order(parts: Sequence[pa.Table]) -> pa.Table:
    """One table of one type's parts, by `seq`."""
    table = pa.concat_tables(parts)
    seqs = np.asarray(table["seq"])
    if (np.diff(seqs) < 0).any():
        table = table.take(pa.array(np.argsort(seqs)))
    return table.combine_chunks()


def _as_pairs(values: Sequence[Any], kind: pa.DataType) -> Sequence[Any]:
    if not pa.types.is_map(kind):
        return values
    return [None if value is None else sorted(value.items()) for value in values]


def _arrow_type(annotation: Any) -> pa.DataType:
    origin = get_origin(annotation)
    if origin is Annotated:
        return _arrow_type(get_args(annotation)[0])
    if origin in (Union, UnionType):
        return _arrow_type(next(p for p in get_args(annotation) if p is not NoneType))
    if origin is dict:
        key, value = get_args(annotation)
        return pa.map_(_arrow_type(key), _arrow_type(value))
    if origin is Literal:
        return pa.string()
    return {
        str: pa.string(),
        float: pa.float64(),
        int: pa.int64(),
        bool: pa.bool_(),
        datetime: MICROSECONDS,
    }[annotation]
