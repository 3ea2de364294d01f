"""The worker encodes a slice of events together, and judges each as if it stood alone."""

from __future__ import annotations

import uuid
from collections import OrderedDict
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.events import encode, mutated_events, valid_events

from meetlat._encode import Encoded, Encoder
from meetlat._values import numbered_uuid7, rfc3339, uuid7
from meetlat.contract.envelope import RefusedError, read_event
from meetlat.contract.fast import fit_together, read_fast

NAIVE = datetime(2026, 3, 2, tzinfo=UTC).replace(tzinfo=None)
START = datetime(1970, 1, 1, tzinfo=UTC).replace(tzinfo=None)
NOW = 1_795_492_906_404_876_402
KIND = "meetlat.interaction.v1"


class Kind(Enum):
    CHAT = "chat"


class Level(IntEnum):
    ONE = 1


class Text(str):
    __slots__ = ()


def encoder(**given: Any) -> Encoder:
    common: dict[str, Any] = {"source": "/t", "seed": 1, "history": False, "defaults": {}}
    return Encoder(**common | {"key": "a key for tests only", "key_id": None} | given)


def call(
    own: dict[str, Any] | None = None,
    *,
    static: dict[str, Any] | None = None,
    inherited: dict[str, Any] | None = None,
    kind: str = KIND,
    ident: Any = 7,
    moment: Any = NOW,
) -> tuple[Any, ...]:
    static = {"tool": "bot"} if static is None else static
    return (kind, ident, moment, inherited, static, own, None, None, 2_000_000, None, "ok", None)


odd = st.sampled_from(
    [
        None, True, 0, -1, 1.0, 1e300, float("nan"), float("inf"), 10**30, "", "x", "x" * 201,
        "a\nb", "\x7f", "\x85", "\ud800", "a\\b", b"bytes", Kind.CHAT, Level.ONE, Text("x"),
        Decimal("0.5"), "1e-5", "0.50", ".5", "-3", [], {}, {"a": "b"}, {1: "b"}, {"a": 1},
        OrderedDict(a="b"), NAIVE, datetime(2026, 3, 2, tzinfo=UTC),
        datetime(1990, 1, 1, tzinfo=UTC), timedelta(1), object(), uuid.UUID(int=5), 1j,
        "u_" + "0" * 32, "USD", "ok", "error",
    ]
)  # fmt: skip
names = st.sampled_from(
    [
        "tool", "user", "session", "case", "attributes", "duration", "first_token", "status",
        "cost", "currency", "input_tokens", "model", "streamed", "nonsense", "environment",
    ]
)  # fmt: skip
layers = st.none() | st.dictionaries(names, odd | st.text(max_size=5), max_size=4)
moments = st.sampled_from([NOW, 0, -5, 10**30, 5, "2026-03-02T09:30:00Z", "soon", None, 1.5, NAIVE])
items = st.builds(
    call,
    layers,
    static=layers | st.just({"tool": "bot"}),
    inherited=layers,
    ident=st.sampled_from([7, "id", "", "x" * 201, None, True]),
    moment=st.just(NOW) | moments,
    kind=st.sampled_from([KIND, KIND, "meetlat.task.v1", "meetlat.new.v1", "", None]),
)


def told(found: Encoded | RefusedError) -> object:
    return str(found) if isinstance(found, RefusedError) else (found.key, found.value)


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(items, max_size=6))
def test_what_is_let_through_fits_the_contract_and_the_others_do_not_matter(
    given: list[Any],
) -> None:
    together = encoder().encode_some(given)
    assert len(together) == len(given)
    for item, found in zip(given, together, strict=True):
        assert told(found) == told(encoder().encode_some([item])[0])
        if isinstance(found, Encoded):
            read_event(found.value)
            assert b"nonsense" not in found.value or item[0] != KIND


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(valid_events().map(encode) | mutated_events(), max_size=4))
def test_events_fit_together_when_each_is_read_quickly(values: list[bytes]) -> None:
    lines = [value.replace(b"\n", b" ") for value in values]
    assert not fit_together(lines) or all(read_fast(value) is not None for value in lines)
    if all(read_fast(value) is not None and value for value in lines):
        assert fit_together(lines)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("0.50", "0.50"), ("1e-5", "0.00001"), (".5", "0.5"), (0.1, "0.1"), (3, "3"),
        (Decimal("1.0000000005"), "1.000000000"), ("1.23456789049", "1.234567890"),
    ],
)  # fmt: skip
def test_costs_come_out_as_decimals_however_they_were_given(given: object, shown: str) -> None:
    found = encoder().encode(call({"cost": given, "currency": "EUR"}))
    assert f'"cost":"{shown}"'.encode() in found.value


@pytest.mark.parametrize("given", ["much", "nan", "-1", True, 10**12])
def test_a_cost_that_is_none_is_refused_by_name(given: object) -> None:
    with pytest.raises(RefusedError, match=r"data\.cost"):
        encoder().encode(call({"cost": given, "currency": "EUR"}))


def test_attributes_of_all_layers_are_put_together() -> None:
    found = encoder().encode(
        call(static={"tool": "b", "attributes": {"s": "1"}}, inherited={"attributes": {"i": "2"}})
    )
    data = read_event(found.value).data
    assert data is not None
    assert data.attributes == {"i": "2", "s": "1"}


@given(st.integers(0, (1 << 48) * 1_000_000 - 1), st.integers(0, (1 << 42) - 1), st.integers(0))
def test_a_numbered_id_is_a_uuid7_of_its_time_seed_and_number(
    moment: int, seed: int, number: int
) -> None:
    ident = uuid.UUID(numbered_uuid7(moment, seed, number))
    assert (ident.version, ident.variant) == (7, uuid.RFC_4122)
    assert ident.int >> 80 == moment // 1_000_000
    assert ident.int & 0xFFFFFFFF == number & 0xFFFFFFFF
    random = (ident.int >> 64 & 0xFFF) << 30 | ident.int >> 32 & 0x3FFFFFFF
    assert random == seed
    assert uuid.UUID(uuid7(moment)).version == 7


def test_an_id_belongs_to_its_time_in_whatever_form_that_was_given() -> None:
    """`call.id` is asked on the caller's thread, perhaps before the worker makes it."""
    zoned = datetime(2026, 3, 2, 9, 30, tzinfo=timezone(timedelta(hours=1)))
    for moment in (zoned, zoned.isoformat(), int(zoned.timestamp()) * 10**9):
        assert uuid.UUID(numbered_uuid7(moment, 1, 2)).int >> 80 == zoned.timestamp() * 1000


@given(st.datetimes(START, START.replace(year=2199)), st.integers(0, 999))
def test_a_time_of_nanoseconds_is_cut_to_the_microsecond(when: datetime, rest: int) -> None:
    since = when - START
    nanoseconds = (since // timedelta(microseconds=1)) * 1000 + rest
    assert rfc3339(nanoseconds) == when.isoformat(timespec="microseconds") + "Z"
    zoned = when.replace(tzinfo=UTC).astimezone(timezone(timedelta(hours=5)))
    assert rfc3339(zoned) == rfc3339(nanoseconds)
