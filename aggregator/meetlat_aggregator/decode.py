"""Log records into a Batch: every record gets its columns, or the reason why it is dead.

No database and no clock here: the same records give the same batch, live or in a rebuild.
"""

from __future__ import annotations

import gc
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate
from operator import attrgetter
from typing import Any

import numpy as np
import pyarrow as pa
from msgspec.structs import astuple

from meetlat.contract.envelope import (
    MAX_EVENT_BYTES,
    Attributes,
    RefusedError,
    from_binary,
    is_binary,
    read_event,
)
from meetlat.contract.events import EVENT_MODELS
from meetlat.contract.fast import FastEvent, read_certain
from meetlat.logs.base import Record
from meetlat_aggregator.batch import EVENT_COLUMNS, MICROSECONDS, Batch, data_columns, data_table

MAX_AHEAD_MICROSECONDS = 5 * 60 * 1_000_000


def decode(records: Sequence[Record]) -> Batch:
    """Read and check every record against the contract. Never raises for what a record holds."""
    with _collector_paused():
        return _decode(records)


def _decode(records: Sequence[Record]) -> Batch:
    values = [_structured(record) for record in records]
    heads: list[_Head] = []
    seqs: defaultdict[str, list[int]] = defaultdict(list)
    rows: defaultdict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for seq, (value, certain) in enumerate(zip(values, _certain(values), strict=True)):
        event = read_certain(value) if certain else None
        if event is not None:
            heads.append(event)
            type_name = _TYPE_OF[type(event)]
            seqs[type_name].append(seq)
            rows[type_name].append(astuple(event.data))
            continue
        try:
            slow = read_event(value)
        except RefusedError as error:
            heads.append(_Refused(str(error)))
            continue
        heads.append(slow.attributes)
        if slow.data is not None:
            type_name = slow.attributes.type
            seqs[type_name].append(seq)
            rows[type_name].append(_FIELDS[type_name](slow.data))
    events = _events(records, values, heads)
    return Batch(events, {name: data_table(name, seqs[name], rows[name]) for name in seqs})


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
    if not record.headers:
        return record.value
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


def _certain(values: Sequence[bytes]) -> list[bool]:
    """Which values are short enough and hold no byte that the fast path is unsure of, all looked
    at in one pass.
    """
    joined = np.frombuffer(b"".join(values), dtype=np.uint8)
    unsure = np.flatnonzero((joined == 0x5C) | (joined == 0x7F) | (joined == 0xC2))
    ends = np.fromiter(accumulate(map(len, values)), dtype=np.int64, count=len(values))
    certain = np.diff(ends, prepend=0) <= MAX_EVENT_BYTES
    if unsure.size:
        certain[np.searchsorted(ends, unsure, side="right")] = False
    found: list[bool] = certain.tolist()
    return found


def _events(records: Sequence[Record], values: Sequence[bytes], heads: Sequence[_Head]) -> pa.Table:
    errors = [head.error if type(head) is _Refused else None for head in heads]
    types = [_TYPE_OF.get(type(head)) or head.type for head in heads]  # type: ignore[union-attr]
    append_times = np.fromiter((r.append_time for r in records), np.int64, len(records))
    time = pa.array([head.time for head in heads], MICROSECONDS)
    error = pa.array(errors, pa.string())
    at = np.asarray(time.cast(pa.int64()).fill_null(0))
    ahead = at - append_times > MAX_AHEAD_MICROSECONDS
    if ahead.any():
        error = pa.array(
            [
                "time: lies more than 5 minutes ahead of the log's clock; check the sender's clock"
                if is_ahead and reason is None
                else reason
                for is_ahead, reason in zip(ahead.tolist(), errors, strict=True)
            ],
            pa.string(),
        )
    return pa.Table.from_arrays(
        [
            pa.array(range(len(records)), pa.int32()),
            pa.array([r.partition for r in records], pa.int32()),
            pa.array([r.offset for r in records], pa.int64()),
            pa.array(append_times).cast(MICROSECONDS),
            pa.array(types, pa.string()),
            pa.array([head.source for head in heads], pa.string()),
            pa.array([head.id for head in heads], pa.string()),
            time,
            pa.array([head.meetlathistory is True for head in heads], pa.bool_()),
            error,
            pa.array(values, pa.binary()),
        ],
        schema=EVENT_COLUMNS,
    )


def _type_table() -> dict[type, str]:
    from meetlat.contract.fast import struct_of

    return {struct_of(name): name for name in EVENT_MODELS}


_TYPE_OF: dict[type, str] = _type_table()
_FIELDS = {name: attrgetter(*data_columns(name).names) for name in EVENT_MODELS}
