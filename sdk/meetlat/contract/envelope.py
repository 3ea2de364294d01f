"""The CloudEvents 1.0 envelope, and the one slow but complete reading of an event.

`read_event` is the owner of what is accepted. `fast.py` reads most events quicker and never
accepts one that `read_event` refuses.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from meetlat.contract.events import EVENT_MODELS, EventData
from meetlat.contract.fields import CONTROL, Text, Timestamp

MAX_EVENT_BYTES = 256 * 1024
STRUCTURED = "application/cloudevents+json"
BATCHED = "application/cloudevents-batch+json"
HISTORY = "meetlathistory"
_BINARY_PREFIX = "ce_"
_MAX_KEY_CHARACTERS = 60
_BOOLEANS = {"true": True, "false": False}


class RefusedError(Exception):
    """An event does not fit the contract. `field` names where, as `data.tool`. Do not retry."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}" if field else reason)
        self.field = field
        self.reason = reason


class Attributes(BaseModel):
    """The context attributes of one event."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)

    specversion: Literal["1.0"] = Field(description="The version of CloudEvents")
    id: Text = Field(description="Made once, where the event happens, before any retry")
    source: Text = Field(description="Which program instance sent it, as /shop/chat-backend")
    type: Text = Field(description="meetlat.NAME.v1, the names below")
    time: Timestamp = Field(description="When it happened; of an interaction: when it started")
    traceparent: Text | None = Field(None, description="W3C trace context of the call")
    meetlathistory: bool | None = Field(None, description="True on history, which takes any age")


@dataclass(frozen=True, slots=True)
class Event:
    """One event that was read. `data` is None for a type this version does not know."""

    attributes: Attributes
    data: EventData | None


class _Split(msgspec.Struct):
    """An event cut into its envelope and its raw data, each to be checked by pydantic."""

    data: msgspec.Raw = msgspec.Raw(b"")


_split = msgspec.json.Decoder(_Split)


def read_event(value: bytes) -> Event:
    """Read and check one structured CloudEvent (JSON, UTF-8).

    Raises RefusedError, which names the field, when it does not fit. An unknown type is read with
    `data` None: it is stored raw, not refused.
    """
    if len(value) > MAX_EVENT_BYTES:
        raise RefusedError("", f"is {len(value)} bytes; the limit is {MAX_EVENT_BYTES}")
    try:
        value.decode()
    except UnicodeDecodeError as error:
        raise RefusedError("", f"is not UTF-8 (byte {error.start})") from None
    try:
        attributes = Attributes.model_validate_json(value)
    except ValidationError as error:
        raise _refused(error, "") from None
    try:  # pydantic lets NaN and Infinity pass in what it does not read; they are not JSON
        raw = bytes(_split.decode(value).data)
    except (msgspec.DecodeError, RecursionError) as error:
        raise RefusedError("", f"is not JSON: {error}") from None
    model = EVENT_MODELS.get(attributes.type)
    if model is None:
        return Event(attributes, None)
    if not raw:
        raise RefusedError("data", "is missing")
    try:
        data = model.model_validate_json(raw)
        model.rule(data, attributes.time)
    except ValidationError as error:
        raise _refused(error, "data") from None
    except ValueError as error:
        field, _, reason = str(error).partition(": ")
        raise RefusedError(field, reason) from None
    return Event(attributes, data)


def is_binary(headers: Mapping[str, str]) -> bool:
    """True when the headers say CloudEvents binary mode (`ce_specversion` or `ce-specversion`)."""
    return f"{_BINARY_PREFIX}specversion" in headers


def from_binary(headers: Mapping[str, str], body: bytes) -> bytes:
    """Turn a binary-mode message into structured bytes, so that there is one reading of events.

    `headers` are the `ce_` headers, lower case, text. Raises RefusedError when `body` is not JSON.
    """
    envelope: dict[str, Any] = {}
    for name, text in headers.items():
        if not name.startswith(_BINARY_PREFIX):
            continue
        attribute = name.removeprefix(_BINARY_PREFIX)
        envelope[attribute] = _BOOLEANS.get(text, text) if attribute == HISTORY else text
    try:
        body.decode()
        msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RefusedError("data", f"is not JSON: {error}") from None
    envelope["data"] = msgspec.Raw(body)
    return msgspec.json.encode(envelope)


def partition_key(event_id: str, session: str | None, case: str | None) -> bytes:
    """The log's key: session, else case, else id, so that one conversation stays in order."""
    return (session or case or event_id).encode()


def _refused(error: ValidationError, prefix: str) -> RefusedError:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    field = _path(([prefix] if prefix else []) + [str(part) for part in first["loc"]])
    reason = first["msg"].removeprefix("Value error, ")
    return RefusedError(field, reason[:1].lower() + reason[1:])


def _path(parts: Iterable[str]) -> str:
    """The field's name. A map's key is the sender's own text: one line of it, and not all."""
    return ".".join(CONTROL.sub("\ufffd", part)[:_MAX_KEY_CHARACTERS] for part in parts)
