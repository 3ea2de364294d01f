"""The fast decoder and pydantic accept the same records and read the same values."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from support.events import MINIMAL, encode, envelope, event, mutated_events, valid_events

from meetlat.contract.envelope import MAX_EVENT_BYTES, RefusedError, read_event
from meetlat.contract.events import EVENT_MODELS
from meetlat.contract.fast import UNCERTAIN, read_fast

SLOW = settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))


def agree(value: bytes) -> bool:
    """Hold both readings against each other; True when the fast one accepted."""
    fast = read_fast(value)
    if fast is None:
        return False
    slow = read_event(value)  # raises where the fast path accepted too much
    assert slow.data is not None
    assert type(fast).__struct_config__.tag == slow.attributes.type
    for name in ("specversion", "id", "source", "time", "traceparent", "meetlathistory"):
        _same(name, getattr(fast, name), getattr(slow.attributes, name))
    fields = type(slow.data).model_fields
    assert set(fast.data.__struct_fields__) == set(fields)
    for name in fields:
        _same(name, getattr(fast.data, name), getattr(slow.data, name))
    return True


def _same(name: str, fast: Any, slow: Any) -> None:
    assert type(fast) is type(slow), name
    assert fast == slow, name
    if isinstance(fast, datetime):
        assert fast.utcoffset() is not None, name


@SLOW
@given(valid_events())
def test_a_valid_event_is_read_the_same_by_both(tree: dict[str, Any]) -> None:
    value = encode(tree)
    read_event(value)
    certain = not any(byte in value for byte in UNCERTAIN)
    assert agree(value) or not certain


@SLOW
@given(mutated_events())
@example(event().replace(b'"bot"', b'"bot","tool":"twice"'))
@example(encode(envelope("feedback", data={"kind": "survey"}, time="2026-03-02T00:00:00+02:00")))
@example(event(count=1.0))
@example(event("interaction", duration=5e-324))
@example(event("interaction", duration=-0.0))
@example(event("interaction", cost="1\n", currency="EUR"))
def test_what_the_fast_decoder_accepts_is_what_pydantic_accepts(value: bytes) -> None:
    agree(value)


@SLOW
@given(mutated_events() | st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_and_nothing_else(value: bytes) -> None:
    try:
        read_event(value)
    except RefusedError as refused:
        assert refused.reason
        assert "\n" not in str(refused)


@pytest.mark.parametrize("name", MINIMAL)
def test_the_fast_path_takes_every_type(name: str) -> None:
    assert agree(event(name))


def test_every_type_has_a_minimal_event_here() -> None:
    assert {f"meetlat.{name}.v1" for name in MINIMAL} == set(EVENT_MODELS)


@pytest.mark.parametrize(
    "value",
    [
        event(shiny="new"),
        encode(envelope("brand_new")),
        event(tool="a\\b"),
        event(tool="caf\u00e9").replace("é".encode(), "\u00b5".encode()),
        b"not json",
        event(tool="x" * MAX_EVENT_BYTES),
    ],
    ids=["unknown field", "unknown type", "escape", "c2 byte", "not JSON", "too large"],
)
def test_the_fast_path_leaves_what_it_is_not_sure_of(value: bytes) -> None:
    assert read_fast(value) is None
