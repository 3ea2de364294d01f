"""The envelope, as docs/events.md has it: each test names the rule that it holds."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from support.events import MINIMAL, encode, envelope, event, headers_of, valid_events

from meetlat.contract.envelope import (
    MAX_EVENT_BYTES,
    RefusedError,
    from_binary,
    is_binary,
    partition_key,
    read_event,
)

ATTRIBUTES = ("specversion", "id", "source", "type", "time")


def refusal(value: bytes) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        read_event(value)
    return caught.value


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_each_required_attribute_is_named_when_it_is_missing(name: str) -> None:
    assert refusal(encode(envelope(**{name: None}))).field == name


@pytest.mark.parametrize("version", ["0.3", "1.1", "2.0", 1.0, ""])
def test_specversion_is_1_0(version: Any) -> None:
    assert refusal(encode(envelope(specversion=version))).field == "specversion"


@pytest.mark.parametrize("name", ["id", "source", "type"])
def test_identifiers_are_1_to_200_characters_without_control_characters(name: str) -> None:
    for good in ("x", "x" * 200, "ü" * 200):
        read_event(encode(envelope(**{name: good})))
    for bad in ("", "x" * 201, "a\nb", "a\x00b", "a\x7fb", "a\x85b", 5, True):
        assert refusal(encode(envelope(**{name: bad}))).field == name


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-03-02T09:30:00Z", datetime(2026, 3, 2, 9, 30, tzinfo=UTC)),
        ("2026-03-02T09:30:00.123456Z", datetime(2026, 3, 2, 9, 30, 0, 123456, tzinfo=UTC)),
        ("2026-03-02T11:30:00+02:00", datetime(2026, 3, 2, 9, 30, tzinfo=UTC)),
        ("2026-03-01T23:30:00-10:00", datetime(2026, 3, 2, 9, 30, tzinfo=UTC)),
    ],
)
def test_time_is_rfc_3339_and_read_as_utc_to_the_microsecond(text: str, utc: datetime) -> None:
    time = read_event(encode(envelope(time=text))).attributes.time
    assert time == utc
    assert time.utcoffset() == utc.utcoffset()


@pytest.mark.parametrize(
    "bad",
    [
        "2026-03-02",
        "2026-03-02T09:30:00",
        "2026-02-30T09:30:00Z",
        "2026-03-02T09:30:60Z",
        "yesterday",
        "",
        1772443800,
        "1999-12-31T23:59:59Z",
        "2200-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
    ],
)
def test_a_time_that_is_no_rfc_3339_time_with_a_zone_is_refused(bad: Any) -> None:
    assert refusal(encode(envelope(time=bad))).field == "time"


def test_traceparent_is_optional_and_kept() -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    assert read_event(event()).attributes.traceparent is None
    assert read_event(encode(envelope(traceparent=trace))).attributes.traceparent == trace


def test_meetlathistory_is_a_boolean_extension() -> None:
    assert read_event(event()).attributes.meetlathistory is None
    assert read_event(encode(envelope(meetlathistory=True))).attributes.meetlathistory is True
    assert refusal(encode(envelope(meetlathistory="true"))).field == "meetlathistory"


def test_unknown_attributes_and_fields_are_ignored() -> None:
    tree = envelope(data={"tool": "bot", "new_field": [1, {"deep": True}]}, newattribute="x")
    read = read_event(encode(tree))
    assert read.data == read_event(event()).data


def test_an_unknown_type_is_read_without_data_rather_than_refused() -> None:
    for name in ("meetlat.interaction.v2", "meetlat.brand_new.v1", "com.example.other"):
        read = read_event(encode(envelope(type=name, data={"anything": 1})))
        assert read.attributes.type == name
        assert read.data is None


def test_an_unknown_type_still_needs_an_envelope() -> None:
    assert refusal(encode(envelope("brand_new", id=""))).field == "id"


@pytest.mark.parametrize("name", ["usage", "brand_new"])
@pytest.mark.parametrize("literal", [b"NaN", b"Infinity", b"-Infinity"])
def test_nan_and_infinity_are_not_json_even_where_nobody_reads_them(
    name: str, literal: bytes
) -> None:
    tree = envelope(name, data={**MINIMAL["usage"], "unread": "HERE"})
    value = encode(tree).replace(b'"HERE"', literal)
    assert "JSON" in refusal(value).reason


@pytest.mark.parametrize("missing", ["absent", "null", "list", "text"])
def test_data_is_an_object(missing: str) -> None:
    tree = envelope()
    if missing == "absent":
        del tree["data"]
    else:
        tree["data"] = {"null": None, "list": [], "text": "x"}[missing]
    assert refusal(encode(tree)).field == "data"


@pytest.mark.parametrize(
    "value",
    [b"", b"\x00", b"null", b"[]", b"{", b"{}x", b"\xff\xfe", b'{"a":1,}', b"\xef\xbb\xbf{}"],
)
def test_what_is_not_a_json_object_is_refused(value: bytes) -> None:
    assert refusal(value).reason


def test_invalid_utf_8_is_refused_and_the_byte_named() -> None:
    value = event().replace(b"bot", b"b\xff\xfet")
    assert str(refusal(value)) == f"is not UTF-8 (byte {value.index(0xFF)})"


def test_an_escaped_control_character_is_one() -> None:
    assert refusal(event(tool="HERE").replace(b"HERE", b"a\\u0000b")).field == "data.tool"
    assert refusal(event(tool="HERE").replace(b"HERE", b"a\\u0085b")).field == "data.tool"


def test_a_lone_surrogate_is_refused() -> None:
    refusal(event(tool="HERE").replace(b"HERE", b"\\ud800"))


@pytest.mark.parametrize("depth", [1_000, 100_000])
def test_deep_nesting_is_refused_without_harm(depth: int) -> None:
    nested = b"[" * depth + b"]" * depth
    value = event(unread="HERE").replace(b'"HERE"', nested)
    assert refusal(value).reason


def test_an_event_is_at_most_256_kib() -> None:
    room = MAX_EVENT_BYTES - len(event(unread=""))
    assert MAX_EVENT_BYTES == 256 * 1024
    assert read_event(event(unread="x" * room)).data is not None
    assert "262144" in refusal(event(unread="x" * (room + 1))).reason


@settings(max_examples=100, deadline=None)
@given(valid_events())
def test_binary_mode_says_the_same_as_structured_mode(tree: dict[str, Any]) -> None:
    headers = {**headers_of(tree), "content-type": "application/json"}
    assert is_binary(headers)
    structured = from_binary(headers, encode(tree["data"]))
    assert read_event(structured) == read_event(encode(tree))


def test_a_message_without_specversion_header_is_not_binary_mode() -> None:
    assert not is_binary({"content-type": "application/cloudevents+json"})


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"tool":NaN}', b"[" * 100_000])
def test_a_binary_body_that_is_not_json_is_refused(body: bytes) -> None:
    with pytest.raises(RefusedError) as caught:
        from_binary(headers_of(envelope()), body)
    assert caught.value.field == "data"


def test_a_binary_history_mark_that_is_no_boolean_is_refused() -> None:
    headers = {**headers_of(envelope()), "ce_meetlathistory": "yes"}
    assert refusal(from_binary(headers, b'{"tool":"bot"}')).field == "meetlathistory"


def test_binary_data_cannot_be_replaced_by_a_header() -> None:
    headers = {**headers_of(envelope()), "ce_data": "forged"}
    assert json.loads(from_binary(headers, b'{"tool":"bot"}'))["data"] == {"tool": "bot"}


def test_the_key_is_session_else_case_else_id() -> None:
    assert partition_key("id", "session", "case") == b"session"
    assert partition_key("id", None, "case") == b"case"
    assert partition_key("id", None, None) == b"id"
