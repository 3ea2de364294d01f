"""Records into batches: what is dead and why, what is kept, and both modes of CloudEvents."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from support.aggregating import MINUTE, NOON, Sent, event, micros
from support.events import envelope, headers_of

from meetlat.contract.envelope import MAX_EVENT_BYTES, read_event
from meetlat.logs.base import Record
from meetlat_aggregator.batch import Batch
from meetlat_aggregator.decode import decode


def decoded(*sent: Sent) -> Batch:
    return decode(
        [
            Record(one.partition, offset, micros(one.appended), None, one.value, one.headers)
            for offset, one in enumerate(sent)
        ]
    )


def errors(*sent: Sent) -> list[str | None]:
    found: list[str | None] = decoded(*sent).events["error"].to_pylist()
    return found


def raw(value: bytes | str) -> Sent:
    return Sent(value if isinstance(value, bytes) else value.encode(), NOON)


VALID = event().value.decode()


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (b"", "invalid JSON"),
        (b"not json", "invalid JSON"),
        (b"[]", "object"),
        (VALID.replace("/shop/bot", "/shop\x00bot"), "invalid JSON"),
        (VALID.replace("/shop/bot", "/shop\\u0000bot"), "source: "),
        (VALID.encode().replace(b"/shop/bot", b"/shop/\xff"), "is not UTF-8"),
        (VALID.replace('"ok"', '"fine"'), "data.status: "),
        (VALID.replace('"status": "ok"', '"x": 1'), "data.status: "),
        (VALID.replace('"status"', '"duration": NaN, "status"'), "is not JSON"),
        (VALID.replace('"status"', '"duration": -1, "status"'), "data.duration: "),
        (VALID.replace('"status"', '"duration": 1e999, "status"'), "data.duration: "),
        (VALID.replace('"status"', '"input_tokens": 1.5, "status"'), "data.input_tokens: "),
        (VALID.replace('"status"', '"input_tokens": "5", "status"'), "data.input_tokens: "),
        (VALID.replace('"status"', '"streamed": 1, "status"'), "data.streamed: "),
        (VALID.replace('"status"', '"cost": "1", "status"'), "data.currency: "),
        (VALID.replace('"specversion": "1.0"', '"specversion": "0.3"'), "specversion: "),
        (VALID.replace('"1.0"', '"1.0", "x": ' + "[" * 5000 + "]" * 5000), "recursion"),
        (VALID.replace("2026-03-04T", "4026-03-04T"), "time: "),
    ],
    ids=lambda text: text[:24] if isinstance(text, str) else None,
)
def test_a_record_that_does_not_fit_is_dead_and_the_field_is_named(
    value: bytes | str, said: str
) -> None:
    good = event()
    (before, error, after) = errors(good, raw(value), good)
    assert error is not None
    assert said in error
    assert (before, after) == (None, None), "a bad record harms no other"


def test_an_event_of_more_than_256_kib_is_dead_also_when_it_is_only_spaces() -> None:
    at_limit = VALID + " " * (MAX_EVENT_BYTES - len(VALID))
    (fits, too_long) = errors(raw(at_limit), raw(at_limit + " "))
    assert fits is None
    assert too_long == f"is {MAX_EVENT_BYTES + 1} bytes; the limit is {MAX_EVENT_BYTES}"


def test_five_minutes_ahead_is_taken_and_a_microsecond_more_is_dead() -> None:
    ahead = event(late=-5 * MINUTE)
    beyond = event(late=-5 * MINUTE - timedelta(microseconds=1))
    (taken, dead) = errors(ahead, beyond)
    assert taken is None
    assert dead is not None
    assert dead.startswith("time: lies more than 5 minutes ahead")


def test_history_from_the_future_is_dead_too() -> None:
    (dead,) = errors(event(late=-6 * MINUTE, history=True))
    assert dead is not None
    assert dead.startswith("time: ")


def test_an_unknown_type_is_no_dead_letter_and_has_no_columns() -> None:
    batch = decoded(event("walk", steps=4000))
    assert batch.events["error"].to_pylist() == [None]
    assert batch.events["type"].to_pylist() == ["meetlat.walk.v1"]
    assert batch.data == {}


def test_unknown_fields_are_ignored_and_kept_in_the_bytes() -> None:
    sent = event(mood="sunny")
    batch = decoded(sent)
    assert batch.events["error"].to_pylist() == [None]
    assert "mood" not in batch.data["meetlat.interaction.v1"].column_names
    assert batch.events["value"].to_pylist() == [sent.value]


def binary(headers: dict[str, str], body: bytes) -> Sent:
    return Sent(body, NOON, headers=tuple((k, v.encode()) for k, v in headers.items()))


@pytest.mark.parametrize("history", [True, False])
def test_a_binary_record_is_the_same_event_as_its_structured_form(history: bool) -> None:
    tree: dict[str, Any] = envelope(
        "interaction", time="2026-03-04T11:00:00Z", meetlathistory=True if history else None
    )
    headers = headers_of(tree)
    headers["content-type"] = "application/json"
    structured = raw(json.dumps(tree))
    both = decoded(binary(headers, json.dumps(tree["data"]).encode()), structured)
    first, second = both.events.drop_columns(["seq", "offset", "value"]).to_pylist()
    assert first == second
    assert first["history"] is history
    assert (
        both.data["meetlat.interaction.v1"].drop_columns(["seq"]).to_pylist()[0]
        == (both.data["meetlat.interaction.v1"].drop_columns(["seq"]).to_pylist()[1])
    )
    assert read_event(both.events["value"].to_pylist()[0]).attributes.id == tree["id"]


def test_header_names_of_a_binary_record_may_be_written_in_any_case() -> None:
    tree = envelope("usage")
    headers = {name.title(): value for name, value in headers_of(tree).items()}
    assert errors(binary(headers, b'{"tool": "bot"}')) == [None]


def test_a_binary_record_that_is_not_json_is_dead_with_its_own_bytes() -> None:
    batch = decoded(binary(headers_of(envelope("usage")), b"\xffnot json"))
    (error,) = batch.events["error"].to_pylist()
    assert error is not None
    assert batch.events["value"].to_pylist() == [b"\xffnot json"]


def test_headers_of_a_structured_record_change_nothing() -> None:
    sent = Sent(
        event().value,
        NOON,
        headers=(("content-type", b"application/cloudevents+json"), ("x", b"\xff"), ("empty", b"")),
    )
    assert errors(sent) == [None]


def test_no_records_make_an_empty_batch() -> None:
    batch = decoded()
    assert len(batch) == 0
    assert batch.data == {}
