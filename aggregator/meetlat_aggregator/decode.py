"""Log records into a Batch: every record gets its columns, or the reason why it is dead.

No database and no clock here: the same records give the same batch, live or in a rebuild.
"""

from __future__ import annotations

import gc
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from operator import attrgetter
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from msgspec.structs import astuple

from meetlat.contract.envelope import (
    Attributes,
    RefusedError,
    from_binary,
    is_binary,
    read_event,
)
from meetlat.contract.events import EVENT_MODELS
from meetlat.contract.fast import FastEvent, read_certain
from meetlat.logs.base import Record
from meetlat_aggregator.batch import (
    EVENT_COLUMNS,
    MICROSECONDS,
    Batch,
    data_columns,
    data_table,
    in_order,
)
from meetlat_aggregator.columns import Met, Plain, look, plain_table, read_plain

MAX_AHEAD_MICROSECONDS = 5 * 60 * 1_000_000
_AHEAD = "time: lies more than 5 minutes ahead of the log's clock; check the sender's clock"


def decode(records: Sequence[Record]) -> Batch:
    """Read and check every record against the contract. Never raises for what a record holds."""
    with _collector_paused():
        return _decode(records)


def _decode(records: Sequence[Record]) -> Batch:
    values = [record.value if not record.headers else _structured(record) for record in records]
    array = pa.array(values, pa.binary())
    met: Met = {}
    if isinstance(array, pa.ChunkedArray):  # more than 2 GB
        read: list[Plain] = []
        certain = np.zeros(len(values), np.bool_)
    else:
        certain, plain = look(array)
        read = list(read_plain(values, array, plain, met))
    left = np.ones(len(values), np.bool_)
    for found in read:
        left[found.places] = False
    places = np.flatnonzero(left)
    heads: list[_Head] = []
    seqs: defaultdict[str, list[int]] = defaultdict(list)
    rows: defaultdict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for seq, sure in zip(places.tolist(), certain[places].tolist(), strict=True):
        event = met[seq] if seq in met else read_certain(values[seq]) if sure else None
        if event is not None:
            heads.append(event)
            type_name = _TYPE_OF[type(event)]
            seqs[type_name].append(seq)
            rows[type_name].append(astuple(event.data))
            continue
        try:
            slow = read_event(values[seq])
        except RefusedError as error:
            heads.append(_Refused(str(error)))
            continue
        heads.append(slow.attributes)
        if slow.data is not None:
            type_name = slow.attributes.type
            seqs[type_name].append(seq)
            rows[type_name].append(_FIELDS[type_name](slow.data))
    tables: defaultdict[str, list[pa.Table]] = defaultdict(list)
    for found in read:
        tables[found.type_name].append(plain_table(found))
    for name in seqs:
        tables[name].append(data_table(name, seqs[name], rows[name]))
    return Batch(
        _events(records, array, read, places, heads),
        {name: in_order(parts) for name, parts in tables.items()},
    )


class _Refused:
    """Stands where an event's head would, and says why there is none."""

    __slots__ = ("error",)
    id = source = time = type = None
    meetlathistory = None

    def __init__(self, error: str) -> None:
        self.error = error


_Head = FastEvent | Attributes | _Refused


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Decoding makes many objects that all live until its end: walking them again and again is a
    third of the time.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _structured(record: Record) -> bytes:
    """The record's event in structured mode; a binary one that cannot be read stays as it is."""
    try:
        headers = {
            name.lower(): value.decode()
            for name, value in record.headers
            if value and name.lower().startswith("ce_")
        }
        if not is_binary(headers):
            return record.value
        return from_binary(headers, record.value)
    except (RefusedError, UnicodeDecodeError):
        return record.value


def _events(
    records: Sequence[Record],
    values: pa.Array,
    read: Sequence[Plain],
    places: npt.NDArray[np.int64],
    heads: Sequence[_Head],
) -> pa.Table:
    """The envelopes: of what was read in columns, and of the `heads` at `places`."""
    count = len(records)
    order = np.concatenate([*(found.places for found in read), places])
    back = np.empty(count, np.int64)
    back[order] = np.arange(count)
    back = pa.array(back)

    def joined(kind: pa.DataType, plain: Iterable[pa.Array], others: Iterable[Any]) -> pa.Array:
        return pa.concat_arrays([*plain, pa.array(list(others), kind)]).take(back)

    types = [_TYPE_OF.get(type(head)) or head.type for head in heads]  # type: ignore[union-attr]
    time = joined(MICROSECONDS, (p.time for p in read), (head.time for head in heads))
    error = joined(
        pa.string(),
        (pa.nulls(len(p.places), pa.string()) for p in read),
        (head.error if type(head) is _Refused else None for head in heads),
    )
    partitions, offsets, appended, *_ = zip(*records, strict=True) if records else ((),) * 3
    append_times = pa.array(appended, pa.int64())
    ahead = pc.greater(pc.subtract(time.cast(pa.int64()), append_times), MAX_AHEAD_MICROSECONDS)
    ahead = pc.and_(pc.fill_null(ahead, False), error.is_null())
    if ahead.true_count:
        error = pc.if_else(ahead, _AHEAD, error)
    return pa.Table.from_arrays(
        [
            pa.array(np.arange(count, dtype=np.int32)),
            pa.array(partitions, pa.int32()),
            pa.array(offsets, pa.int64()),
            append_times.cast(MICROSECONDS),
            joined(pa.string(), (pa.repeat(p.type_name, len(p.places)) for p in read), types),
            joined(pa.string(), (p.source for p in read), (head.source for head in heads)),
            joined(pa.string(), (p.id for p in read), (head.id for head in heads)),
            time,
            joined(
                pa.bool_(),
                (p.history for p in read),
                (head.meetlathistory is True for head in heads),
            ),
            error,
            values,
        ],
        schema=EVENT_COLUMNS,
    )


def _type_table() -> dict[type, str]:
    from meetlat.contract.fast import struct_of

    return {struct_of(name): name for name in EVENT_MODELS}


_TYPE_OF: dict[type, str] = _type_table()
_FIELDS = {name: attrgetter(*data_columns(name).names) for name in EVENT_MODELS}
