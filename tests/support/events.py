"""Events for tests: a plain one to vary, and hypothesis strategies made from the models."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Le, MaxLen
from hypothesis import strategies as st
from pydantic.fields import FieldInfo
from pydantic.types import StringConstraints

from meetlat.contract.events import EVENT_MODELS, EventData, start_of_week

MONDAY = "2026-03-02T00:00:00Z"
# The least that each type needs, by the name between `meetlat.` and `.v1`.
MINIMAL: dict[str, dict[str, Any]] = {
    "interaction": {"tool": "bot", "status": "ok"},
    "escalation": {"tool": "bot"},
    "resolution": {"outcome": "resolved"},
    "usage": {"tool": "bot"},
    "feedback": {"kind": "csat"},
    "review": {},
    "task": {"process": "quote"},
    "selection_counts": {"dimension": "gender", "stage": "applied", "counts": {"f": 3, "m": 4}},
    "support_request": {},
    "probe": {"tool": "bot", "success": True},
    "measurement": {"name": "orders", "value": "12"},
    "void": {"target_source": "/shop", "target_id": "1", "target_time": MONDAY},
    "sdk_report": {"started": MONDAY, "emitted": 5},
    "collector_report": {"started": MONDAY, "emitted": 5},
}


def envelope(name: str = "usage", /, **attributes: Any) -> dict[str, Any]:
    """A valid structured event of type `meetlat.<name>.v1`, with attributes replaced or added.

    An attribute given as None is left out.
    """
    event = {
        "specversion": "1.0",
        "id": "1",
        "source": "/shop/bot",
        "type": f"meetlat.{name}.v1",
        "time": MONDAY,
        "data": dict(MINIMAL.get(name, {})),
        **attributes,
    }
    return {key: value for key, value in event.items() if value is not None}


def encode(event: Any) -> bytes:
    """JSON as the wire has it: UTF-8, no needless escapes. NaN stays NaN, for tests of it."""
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


def event(name: str = "usage", /, **data: Any) -> bytes:
    """The bytes of a valid event with `data`'s fields replaced or added."""
    return encode(envelope(name, data={**MINIMAL.get(name, {}), **data}))


# --- strategies

texts = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=200)
times = st.builds(
    lambda moment, hours: moment.replace(tzinfo=UTC).astimezone(timezone(timedelta(hours=hours))),
    st.datetimes(datetime(2000, 1, 2), datetime(2199, 12, 30)),  # noqa: DTZ001 - naive by need
    st.integers(-12, 14),
)


@cache
def data_of(model: type[EventData]) -> st.SearchStrategy[dict[str, Any]]:
    """Data that fits the fields of `model` one by one; rules over several fields are not minded."""
    required: dict[str, st.SearchStrategy[Any]] = {}
    optional: dict[str, st.SearchStrategy[Any]] = {}
    for name, info in model.model_fields.items():
        values = _values(info.annotation, list(info.metadata))
        (required if info.is_required() else optional)[name] = values
    return st.fixed_dictionaries(required, optional=optional)


@st.composite
def valid_events(draw: st.DrawFn) -> dict[str, Any]:
    """A structured event that fits the contract, of any type, with a few or many fields."""
    type_name = draw(st.sampled_from(sorted(EVENT_MODELS)))
    data = draw(data_of(EVENT_MODELS[type_name]))
    time = draw(times)
    if data.get("kind") == "survey":
        data.pop("user", None)
        time = start_of_week(time) + timedelta(days=7)
        time = min(time, datetime(2199, 12, 23, tzinfo=UTC))
    _mend(data)
    optional = {"traceparent": texts, "meetlathistory": st.booleans()}
    extra = draw(st.fixed_dictionaries({}, optional=optional))
    return {
        "specversion": "1.0",
        "id": draw(texts),
        "source": draw(texts),
        "type": type_name,
        "time": time.isoformat(),
        "data": data,
        **extra,
    }


def _mend(data: dict[str, Any]) -> None:
    """Make the fields agree, as the rules over several fields want it."""
    priced = data.get("cost") is not None or ("process" in data and data.get("value") is not None)
    if priced and data.get("currency") is None:
        data["currency"] = "EUR"
    if data.get("score") is not None:
        low = min(data["score"], 999_999)
        data["scale_min"], data["scale_max"] = low, max(low + 1, data["score"])
    if data.get("sampling_rate") == 0:
        data["sampling_rate"] = 0.5
    if "dimension" in data:
        for name in ("user", "session", "case"):
            data.pop(name, None)
        data["counts"] = data["counts"] or {"f": 1}


def _values(annotation: Any, metadata: list[Any]) -> st.SearchStrategy[Any]:
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *more = get_args(annotation)
        return _values(inner, [*more, *metadata])
    if origin in (Union, UnionType):
        parts = [_values(part, metadata) for part in get_args(annotation) if part is not NoneType]
        return st.one_of(*parts, *([st.none()] if NoneType in get_args(annotation) else []))
    if origin is Literal:
        return st.sampled_from(get_args(annotation))
    if annotation is bool:
        return st.booleans()
    if annotation is datetime:
        return times.map(datetime.isoformat)
    if origin is dict:
        key, value = get_args(annotation)
        most = next(item.max_length for item in metadata if isinstance(item, MaxLen))
        return st.dictionaries(_values(key, []), _values(value, []), max_size=min(most, 4))
    for item in metadata:
        if isinstance(item, FieldInfo) and item.metadata:
            metadata = [*item.metadata, *metadata]
    if annotation is str:
        for item in metadata:
            if isinstance(item, StringConstraints) and item.pattern is not None:
                return st.from_regex(str(item.pattern), fullmatch=True)
        return texts
    low = next(item.ge for item in metadata if isinstance(item, Ge))
    high = next(item.le for item in metadata if isinstance(item, Le))
    if annotation is int:
        return st.integers(low, high)
    return st.floats(low, high) | st.integers(low, high)


# --- mutations

junk = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats()
    | st.sampled_from(["", "\x00", "\x7f", "\x85", "é", "1", "true", "x" * 201, "u_" + "0" * 32])
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@st.composite
def mutated_events(draw: st.DrawFn) -> bytes:
    """Bytes of a valid event after a few changes to its tree, and a few to its bytes."""
    tree = draw(valid_events())
    for _ in range(draw(st.integers(0, 3))):
        place: dict[str, Any] = tree
        if isinstance(tree.get("data"), dict) and draw(st.booleans()):
            place = tree["data"]
        change = draw(st.sampled_from(["replace", "remove", "add"]))
        if change == "add" or not place:
            place[draw(st.text(max_size=8))] = draw(junk)
        elif change == "remove":
            del place[draw(st.sampled_from(sorted(place)))]
        else:
            place[draw(st.sampled_from(sorted(place)))] = draw(junk)
    value = json.dumps(tree, ensure_ascii=draw(st.booleans()), allow_nan=True)
    raw = value.encode("utf-8", "surrogatepass")
    for _ in range(draw(st.integers(0, 2))):
        raw = draw(_byte_changes(raw))
    return raw


@st.composite
def _byte_changes(draw: st.DrawFn, raw: bytes) -> bytes:
    if not raw:
        return raw
    at = draw(st.integers(0, len(raw) - 1))
    snippet = draw(
        st.sampled_from(
            [
                b"",
                b'"',
                b"\\",
                b"\x00",
                b"\x7f",
                b"\xc2\x85",
                b"\xff",
                b"\xed\xa0\x80",
                b"[" * 300,
                b',"tool":"twice"',
                b',"id":"twice"',
                b"1e999",
                b"-0",
                b"01",
                b"NaN",
                b"\\u0000",
            ]
        )
        | st.binary(max_size=3)
    )
    change = draw(st.sampled_from(["cut", "insert", "flip", "truncate"]))
    if change == "cut":
        return raw[:at] + raw[at + 1 :]
    if change == "insert":
        return raw[:at] + snippet + raw[at:]
    if change == "flip":
        return raw[:at] + bytes([raw[at] ^ (1 << draw(st.integers(0, 7)))]) + raw[at + 1 :]
    return raw[:at]


def headers_of(attributes: Mapping[str, Any]) -> dict[str, str]:
    """The attributes of an event as headers of the Kafka binary mode (`ce_`)."""
    shown = {True: "true", False: "false"}
    return {
        f"ce_{name}": shown[value] if isinstance(value, bool) else str(value)
        for name, value in attributes.items()
        if name != "data"
    }
