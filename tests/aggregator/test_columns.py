"""Events read in columns are what pydantic reads of them, one row for each record."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.events import MINIMAL, encode, envelope, event, mutated_events, valid_events

from meetlat.contract.events import EVENT_MODELS
from meetlat.logs.base import Record
from meetlat_aggregator import columns
from meetlat_aggregator import decode as decode_module
from meetlat_aggregator.batch import Batch
from meetlat_aggregator.columns import look, read_plain
from meetlat_aggregator.decode import decode

SLOW = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
# A rule over several fields, or a map that is required, wants to be read one by one.
ONE_BY_ONE = {"feedback", "review", "selection_counts"}
MANY = 3 * columns.LEAST_ROWS


@contextmanager
def rows_at_least(least: int) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(columns, "LEAST_ROWS", least)
        patch.setattr(columns, "PIECE_ROWS", 2)
        yield


def batch_of(values: Sequence[bytes]) -> Batch:
    return decode([Record(0, n, 1_772_625_600_000_000, None, v) for n, v in enumerate(values)])


def by_pydantic(values: Sequence[bytes]) -> Batch:
    """Every record by `read_event` alone."""
    with rows_at_least(10**9), pytest.MonkeyPatch.context() as patch:
        patch.setattr(decode_module, "read_certain", lambda _: None)
        return batch_of(values)


def same(values: Sequence[bytes]) -> None:
    with rows_at_least(1):
        found = batch_of(values)
    expected = by_pydantic(values)
    assert found.events.to_pylist() == expected.events.to_pylist()
    assert found.events.schema == expected.events.schema
    assert set(found.data) == set(expected.data)
    for name, table in expected.data.items():
        assert found.data[name].schema == table.schema, name
        assert found.data[name].to_pylist() == table.to_pylist(), name


def in_columns(values: Sequence[bytes]) -> list[int]:
    """The places of those that are read in columns."""
    array = pa.array(values, pa.binary())
    with rows_at_least(1):
        found = list(read_plain(values, array, look(array).plain, {}))
    return sorted(int(place) for one in found for place in one.places)


valid = valid_events().map(encode)
batches = st.lists(valid | mutated_events(), max_size=6)
few_events = st.lists(valid, min_size=1, max_size=5)


@SLOW
@given(batches)
def test_a_batch_in_columns_is_what_pydantic_reads(values: list[bytes]) -> None:
    same(values)


@SLOW
@given(few_events, st.data())
def test_records_cut_and_joined_anywhere_keep_to_themselves(
    events: list[bytes], data: st.DataObject
) -> None:
    """As many objects as records, but not one in each: no row may slip to its neighbour."""
    between = st.sampled_from([b"", b"\n", b" ", b"\x00", b"{}", b"5", b",", b"\xef\xbb\xbf"])
    whole = b"".join(part for one in events for part in (one, data.draw(between)))
    marks = [n for n, byte in enumerate(whole) if byte in b"{}\n\x00"] + [len(whole)]
    cuts = sorted(data.draw(st.lists(st.sampled_from(marks), max_size=5)))
    starts, ends = [0, *cuts], [*cuts, len(whole)]
    same(
        [whole[a + data.draw(st.integers(0, 1)) : b + 1] for a, b in zip(starts, ends, strict=True)]
    )
    same([whole[a:b] for a, b in zip(starts, ends, strict=True)])


@pytest.mark.parametrize(
    "values",
    [
        [event(tool="a") + event(tool="b"), event(tool="c") + b"\x00{", event(tool="d")],
        [event(tool="a") + event(tool="b"), event(tool="c") + b"\x00{}", event(tool="d")],
        [event(tool="a") + event(tool="b"), b"", event(tool="c")],
        [event(tool="a") + event(tool="b"), b"{}", event(tool="c")],
        [event(tool="a") + event(tool="b"), b"\n", event(tool="c")],
        [event(tool="a")[:-1], event(tool="b")],
        [b"\xef\xbb\xbf" + event(tool="a"), event(tool="b")],
        [event(tool="\u00e9").replace(b"\xc3\xa9", b"\xc3"), event(tool="\u00e9")[1:]],
    ],
)
def test_two_objects_in_one_record_do_not_move_the_next(values: list[bytes]) -> None:
    same(values)
    same([*values, *values[::-1], event(tool="last")])


@pytest.mark.parametrize(
    "text",
    [
        '"tool":"bot","tool":"twice"',
        '"tool":"bot","environment":null',
        '"tool":"bot","count":null',
        '"tool":"bot","count":1.0',
        '"tool":"bot","count":1e2',
        '"tool":"bot","count":-0',
        '"tool":"bot","count":1000000000001',
        '"tool":"bot","count":9223372036854775808',
        '"tool":"bot","count":"5"',
        '"tool":"bot","count":true',
        '"tool":"bot","count":NaN',
        '"tool":""',
        '"tool":null',
        '"tool":"bot","feature":""',
        '"tool":"bot","feature":null,"team":"environment","user":null',
        '"tool":"bot","user":"u_0"',
        '"tool":"bot","user":"U_' + "0" * 32 + '"',
        '"tool":"bot","feature":"' + "x" * 201 + '"',
        '"tool":"bot","feature":"' + "\u00e9" * 200 + '"',
        '"tool":"bot","feature":"' + "\U0001f600" * 201 + '"',
        '"tool":"bot","attributes":{"a":"b"}',
        '"tool":"bot","attributes":{}',
        '"tool":"bot","unknown":[1,{"a":NaN}]',
        r'"tool":"bot","feature":"\u00e9"',
        r'"tool":"bot","feature":"\u0085"',
        r'"tool":"bot","feature":"\u0000"',
        r'"tool":"bot","feature":"\u001F"',
        r'"tool":"bot","feature":"\u007f"',
        r'"tool":"bot","feature":"\n"',
        r'"tool":"bot","feature":"\u00A0\/\"\\"',
        r'"tool":"bot","feature":"\ud83d\ude00"',
        r'"tool":"bot","feature":"\ud83d"',
        r'"tool":"bot","feature":"\ude00"',
        r'"tool":"bot","feature":"\ud83d\u00e9"',
        r'"tool":"bot","feature":"\U00e9"',
        r'"tool":"bot","feature":"\u00e"',
        r'"tool":"bot","feature":"\x41"',
        r'"tool":"bot","feature":"\"',
        r'"tool":"bot","\u0065nvironment":null',
        r'"tool":"bot","environment":"\u00e9","\u00e9":null',
        r'"tool":"bot","feature":"\"environment\":null"',
        '"tool":"bot","feature":"\u00a3 \u00b0"',
        '"tool":"bot","feature":"\u0085"',
        '"tool":"bot","feature":"\u009f"',
        "",
    ],
)
def test_an_odd_field_in_a_batch_is_read_as_pydantic_reads_it(text: str) -> None:
    plain = event(tool="plain", environment="test")
    odd = plain.replace(b'"tool":"plain","environment":"test"', text.encode())
    assert odd != plain
    same([plain, odd, plain, event("usage"), odd])


@pytest.mark.parametrize(
    "odd",
    [
        event("interaction", cost="1"),
        event("interaction", cost="01", currency="EUR"),
        event("interaction", status="fine"),
        event("interaction", duration=-0.5),
        event("task", value="1"),
        event("review", sampling_rate=0),
        event("review", sampling_rate=1, attributes={"a": "b"}),
        event("feedback", score=3),
        event("feedback", score=6, scale_min=1, scale_max=5),
        event("feedback", score=5, scale_min=1, scale_max=5),
        event("feedback", score=5, scale_min=5, scale_max=1),
        event("feedback", kind="survey", score=4, scale_min=1, scale_max=5),
        event("feedback", kind="survey", user="u_" + "0" * 32),
        encode(envelope("feedback", data={"kind": "survey"}, time="2026-03-02T00:00:00+02:00")),
        encode(envelope("feedback", data={"kind": "survey"}, time="2026-03-02T02:00:00+02:00")),
        encode(envelope("feedback", data={"kind": "survey"}, time="2200-03-02T02:00:00+02:00")),
        event("probe", duration=float("nan")),
        encode(envelope("support_request", data=5)),
        encode(envelope("support_request")).replace(b'"data":{}', b'"data":null'),
        encode(envelope("support_request")).replace(b',"data":{}', b""),
        encode(envelope("support_request", specversion="0.3")),
        encode(envelope("support_request", datacontenttype="text/plain")),
        encode(envelope("support_request", datacontenttype="application/json")),
        encode(envelope("support_request", meetlathistory=True, traceparent="00-1-2-01")),
        encode(envelope("support_request", meetlathistory=False, source="")),
        encode(envelope("support_request", time="soon")),
        encode(envelope("support_request", type="meetlat.supported.v1")),
        encode(envelope("support_request", type="meetlat.task.v1")),
    ],
)
def test_an_odd_event_in_a_batch_is_read_as_pydantic_reads_it(odd: bytes) -> None:
    names = ("interaction", "task", "probe", "support_request", "feedback", "review")
    plain = [event(name) for name in names]
    same([*plain, odd, *plain, odd])


@pytest.mark.parametrize(
    "time",
    [
        "2026-03-02T09:30:00Z",
        "2026-03-02T09:30:00.1Z",
        "2026-03-02T09:30:00.123456Z",
        "2026-03-02T09:30:00.1234567Z",
        "2026-03-02T09:30:00.123456789Z",
        "2026-03-02T09:30:00+02:00",
        "2026-03-02T09:30:00.123456-11:30",
        "2026-03-02T09:30:00.123456-00:00",
        "2026-03-02T09:30:00+23:59",
        "2026-03-02T09:30:00+24:00",
        "2026-03-02T09:30:00+0200",
        "2026-03-02T09:30:00+02",
        "2026-03-02T09:30:00z",
        "2026-03-02t09:30:00Z",
        "2026-03-02 09:30:00Z",
        "2026-03-02T09:30:00",
        "2026-03-02T09:30Z",
        "2026-03-02T0930:00.00Z",
        "2026-03-02T24:00:00Z",
        "2026-03-02T23:59:60Z",
        "2026-02-29T00:00:00Z",
        "2024-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-3-02T009:30:00Z",
        "2026-03-02T09:30:00.Z",
        "2026-03-02T09:30:00,5Z",
        "1999-12-31T23:59:59.999999Z",
        "1999-12-31T23:30:00-00:30",
        "2199-12-31T23:59:59.999999Z",
        "2200-01-01T00:00:00+00:01",
        "2200-01-01T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "9999-12-31T23:59:59-23:59",
        "+026-03-02T09:30:00Z",
        "",
    ],
)
def test_a_time_in_any_writing_is_read_as_pydantic_reads_it(time: str) -> None:
    values = [encode(envelope("task", time=time)), event("task", started=time)]
    same([event("task"), *values, event("task", started="2026-03-02T09:30:00Z")])


@SLOW
@given(valid_events())
def test_a_plain_event_is_read_in_columns(tree: dict[str, object]) -> None:
    """Or else the property above would hold for nothing."""
    data = tree["data"]
    assert isinstance(data, dict)
    for name in [n for n, v in data.items() if v is None or isinstance(v, dict)]:
        del data[name]
    value = encode(tree)
    name = str(tree["type"]).removeprefix("meetlat.").removesuffix(".v1")
    simple = value.isascii() and not any(byte in value for byte in b"\\\x7f")
    texts = [v for v in (*data.values(), *tree.values()) if isinstance(v, str)]
    simple &= not any("environment" in text or "count" in text for text in texts)
    if simple and name not in ONE_BY_ONE:
        assert in_columns([value]) == [0]


@pytest.mark.parametrize("name", MINIMAL)
def test_every_type_without_a_rule_of_its_own_is_read_in_columns(name: str) -> None:
    spaced = event(name).replace(b'"type":', b'"type": ')
    found = in_columns([event(name), spaced, event(name)])
    assert found == ([] if name in ONE_BY_ONE else [0, 1, 2])


def test_letters_and_signs_of_any_language_are_read_in_columns_escaped_or_not() -> None:
    written = event(tool='caf\u00e9 \u00a3 \u00b0 \U0001f600 "/')
    escaped = json.dumps(json.loads(written), separators=(",", ":")).encode()
    assert b"\\ud83d" in escaped
    assert in_columns([written, escaped]) == [0, 1]
    same([written, escaped])


def left_out_of(values: list[bytes]) -> list[int]:
    array = pa.array(values, pa.binary())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(columns, "PIECE_ROWS", 10)
        (*parts,) = read_plain(values, array, look(array).plain, {})
    read = np.concatenate([part.places for part in parts])
    return sorted(set(range(len(values))) - set(read.tolist()))


def test_a_bad_record_leaves_the_others_in_columns() -> None:
    values = [event(tool=f"t{n}") for n in range(MANY)]
    values[7] = values[7].replace(b'"t7"', b"7")
    values[9] = values[9].replace(b'"t9"', b'"t9","attributes":{"a":"b"}')
    values[50] = values[50].replace(b'"t50"', b'"t50","new":1')
    assert left_out_of(values) == [7, 9, 50]
    same(values)


def test_a_field_said_twice_sends_few_others_to_be_read_one_by_one() -> None:
    values = [event(tool=f"t{n}") for n in range(MANY)]
    values[7] = values[7].replace(b'"t7"', b'"t7","tool":"t8"')
    assert left_out_of(values) == list(range(10))
    same(values)


def test_what_is_asked_for_follows_what_is_in_use_and_forgets_no_rule() -> None:
    """Fields that were absent so far are read when they come, and a missing one is missed."""
    columns._readers.cache_clear()
    bad = event(feature="new").replace(b'"tool":"bot",', b"")
    same([bad, bad])
    same([bad, bad])
    same([event(), event()])
    same([bad, event(), bad])
    same([event(feature="new", count=3), event()])
    same([event(), bad])
    (reader,) = [r for r in columns._readers() if r and r._type_name == "meetlat.usage.v1"]
    assert reader._usual is not None
    assert {c.name for c in reader._usual.data} == {"tool", "feature", "count"}
    nameless = event().replace(b'"id":"1",', b"")
    same([nameless, nameless])
    same([encode(envelope("usage", traceparent="00-1", meetlathistory=True)), nameless])


def test_a_large_batch_of_all_types_is_read_the_same_and_in_order() -> None:
    names = [name for name in MINIMAL for _ in range(MANY // 2)]
    random.Random(7).shuffle(names)
    values = [event(name, feature=f"f{n}") for n, name in enumerate(names)]
    values += [b"bad", event(shiny="new"), encode(envelope("walk"))] * 5
    found, expected = batch_of(values), by_pydantic(values)
    assert found.events.equals(expected.events)
    assert set(found.data) == set(expected.data) == set(EVENT_MODELS)
    for name, table in found.data.items():
        assert table.equals(expected.data[name]), name


@pytest.mark.soak
@pytest.mark.parametrize(
    ("law", "given_by"),
    [
        (test_a_batch_in_columns_is_what_pydantic_reads, [batches]),
        (test_records_cut_and_joined_anywhere_keep_to_themselves, [few_events, st.data()]),
        (test_a_plain_event_is_read_in_columns, [valid_events()]),
    ],
)
def test_thousands_of_batches_in_columns_are_what_pydantic_reads(
    law: Any, given_by: list[st.SearchStrategy[Any]]
) -> None:
    many = settings(SLOW, max_examples=5_000)
    many(given(*given_by)(law.hypothesis.inner_test))()
