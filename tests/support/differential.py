"""All readings of an event held against each other: whatever the bytes, they agree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from meetlat.contract.envelope import Event, RefusedError, from_binary, is_binary, read_event
from meetlat.contract.fast import fit_together, read_fast
from meetlat.logs.base import Record
from meetlat_aggregator import columns, decode
from meetlat_aggregator.batch import Batch

_HEAD = ("specversion", "id", "source", "time", "traceparent", "meetlathistory")
APPENDED = 1_772_625_600_000_000


def slowly(value: bytes) -> Event | None:
    """By pydantic, the owner of the rules. A refusal is one line that says why."""
    try:
        return read_event(value)
    except RefusedError as refused:
        assert refused.reason, value
        assert "\n" not in str(refused), value
        return None


def one(value: bytes) -> bool:
    """The fast reading accepts only what pydantic does, with equal values. True: it accepted."""
    slow, fast = slowly(value), read_fast(value)
    if b"\n" not in value:
        assert fit_together([value]) == (fast is not None), value
    if fast is None:
        return False
    assert slow is not None, value
    assert slow.data is not None, value
    for name in _HEAD:
        _same(getattr(fast, name), getattr(slow.attributes, name), value)
    assert type(fast).__struct_config__.tag == slow.attributes.type, value
    for name in type(slow.data).model_fields:
        _same(getattr(fast.data, name), getattr(slow.data, name), value)
    return True


def _same(fast: Any, slow: Any, value: bytes) -> None:
    assert type(fast) is type(slow), value
    assert fast == slow, value
    if isinstance(fast, datetime):
        assert fast.utcoffset() is not None, value


def batch(values: Sequence[bytes], headers: tuple[tuple[str, bytes], ...] = ()) -> None:
    """A batch in columns is what pydantic reads of each record, and as many rows."""
    records = [Record(0, n, APPENDED, None, value, headers) for n, value in enumerate(values)]
    with _reading(least_rows=1):
        found = decode.decode(records)
    with _reading(least_rows=10**9, only_pydantic=True):
        expected = decode.decode(records)
    assert found.events.equals(expected.events), values
    assert set(found.data) == set(expected.data), values
    for name, table in expected.data.items():
        assert found.data[name].equals(table), values
    _each(values if not headers else found.events["value"].to_pylist(), expected)


def _each(values: Sequence[bytes], found: Batch) -> None:
    """What the batch says of each record is what a reading of it alone says."""
    heads = found.events.select(["id", "source", "type", "error"]).to_pylist()
    for value, head in zip(values, heads, strict=True):
        event = slowly(value)
        if event is None:
            assert head["error"], value
        else:
            said = event.attributes
            assert (head["id"], head["source"], head["type"]) == (said.id, said.source, said.type)
            assert head["error"] is None or head["error"].startswith("time: "), value


def binary(headers: Mapping[str, bytes], body: bytes) -> None:
    """A message in binary mode is read as the structured one that it stands for."""
    batch([body], tuple(headers.items()))
    try:
        texts = {name: text.decode() for name, text in headers.items()}
    except UnicodeDecodeError:
        return
    if not is_binary(texts):
        return
    try:
        structured = from_binary(texts, body)
    except RefusedError as refused:
        assert refused.reason, body
        return
    one(structured)


@contextmanager
def _reading(*, least_rows: int, only_pydantic: bool = False) -> Iterator[None]:
    before = columns.LEAST_ROWS, columns.PIECE_ROWS, decode.read_certain
    columns.LEAST_ROWS, columns.PIECE_ROWS = least_rows, 2
    if only_pydantic:
        decode.read_certain = lambda _: None  # type: ignore[assignment]
    try:
        yield
    finally:
        columns.LEAST_ROWS, columns.PIECE_ROWS, decode.read_certain = before
