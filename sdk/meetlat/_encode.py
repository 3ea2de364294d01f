"""From the hot path's flat tuples to the bytes of CloudEvents that fit the contract.

Runs on the worker thread: pseudonyms, decimals, times and the contract's check happen here, a few
events at a time, so that what several can share is done once.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from functools import lru_cache
from math import isfinite
from typing import Any

import msgspec

from meetlat._context import Fields
from meetlat._money import decimal_text
from meetlat._values import numbered_uuid7, rfc3339
from meetlat.contract.envelope import RefusedError, partition_key, read_event
from meetlat.contract.events import EVENT_MODELS
from meetlat.contract.fast import fit_together, read_fast
from meetlat.contract.pseudonym import is_pseudonym, pseudonym

# type, id (text, or a number to make it from), time, inherited, static, own, history, span,
# duration ns, first token ns, status, error type; an event with a `source` of its own names it
# in place of the span.
Item = tuple[Any, ...]

REPORT = "meetlat.sdk_report.v1"
_NAMES = {name: frozenset(model.model_fields) for name, model in EVENT_MODELS.items()}
_DECIMALS = ("cost", "value")
_AS_THEY_ARE = frozenset((str, int, bool))
_NONE: Fields = {}

# Why a `user` was left out, and what to do about it.
LOST_USER = {
    "user_without_key": "set MEETLAT_PSEUDONYM_KEY",
    "user_unfit": "it is blank; give a name or an address",
    "user_with_unfit_key": "MEETLAT_PSEUDONYM_KEY takes at least 16 characters, "
    "MEETLAT_PSEUDONYM_KEY_ID one to eight lower-case letters or digits",
}


class Encoded(msgspec.Struct, frozen=True, gc=False):
    """One event ready to send. `counted` is False for the SDK's own reports."""

    key: bytes
    value: bytes
    counted: bool = True


class Encoder:
    """Encodes for one source, with that program's defaults and pseudonym key."""

    def __init__(
        self,
        *,
        source: str,
        seed: int,
        history: bool,
        defaults: Fields,
        key: str,
        key_id: str | None,
    ) -> None:
        self._source = source
        self._seed = seed
        self._history = history
        self._defaults = defaults
        self._key = key
        self._key_id = key_id
        self.lost_fields: dict[str, int] = {}
        # The same few people come again and again; an HMAC costs more than all the rest.
        self._pseudonym = lru_cache(maxsize=4096)(self._make_pseudonym)

    def encode(self, item: Item) -> Encoded:
        """Raises RefusedError, which names the field, when the event does not fit the contract."""
        found = self.encode_some((item,))[0]
        if isinstance(found, RefusedError):
            raise found
        return found

    def encode_some(self, items: Sequence[Item]) -> list[Encoded | RefusedError]:
        """For each event its bytes, or why it does not fit the contract. Never raises."""
        found: list[Encoded | RefusedError] = []
        for item in items:
            try:
                found.append(self._written(item))
            except RefusedError as error:
                found.append(error)
            except Exception as error:  # noqa: BLE001 - one strange value must not stop the rest
                found.append(RefusedError("data", f"cannot be encoded ({type(error).__name__})"))
        if not fit_together([event.value for event in found if isinstance(event, Encoded)]):
            for index, event in enumerate(found):
                if isinstance(event, Encoded) and read_fast(event.value) is None:
                    found[index] = _second_look(items[index], event)
        return found

    def _written(self, item: Item) -> Encoded:
        """The event as bytes, yet to be held against the contract."""
        kind, ident, moment, inherited, static, own, history, span, duration = item[:9]
        data = {**self._defaults, **(inherited or _NONE), **(static or _NONE), **(own or _NONE)}
        if "function" in data:
            function = data.pop("function")
            if "tool" not in data:
                data["tool"] = function
        if "attributes" in data:
            _put_attributes_together(data, inherited, static, own)
        if own:
            for value in own.values():
                if type(value) not in _AS_THEY_ARE:
                    _clean(data, own)
                    break
            for name in _DECIMALS:
                if name in own and type(own[name]) is not str:
                    data[name] = _decimal(name, own[name])
        if duration is not None:
            _end_of_call(data, item)
        user = data.get("user")
        if user is not None:
            shown, reason = self._pseudonym(user if type(user) is str else str(user))
            if reason:
                del data["user"]
                self.lost_fields[reason] = self.lost_fields.get(reason, 0) + 1
            else:
                data["user"] = shown
        try:
            time = rfc3339(moment)
        except (ValueError, TypeError) as error:
            raise RefusedError("time", str(error)) from None
        if type(ident) is int:
            ident = numbered_uuid7(moment, self._seed, ident)
        event: dict[str, Any] = {
            "specversion": "1.0",
            "id": ident,
            "source": self._source,
            "type": kind,
            "time": time,
        }
        if span is not None:
            if isinstance(span, str):
                event["source"] = span
            elif span.is_valid:
                event["traceparent"] = _traceparent(span)
        if history or (history is None and self._history):
            event["meetlathistory"] = True
        event["data"] = data
        try:
            value = _json(event)
        except (TypeError, ValueError, RecursionError) as error:
            raise RefusedError("data", f"cannot be written as JSON ({error})") from None
        key = partition_key(ident, data.get("session"), data.get("case"))
        return Encoded(key, value, kind != REPORT)

    def _make_pseudonym(self, identifier: str) -> tuple[str, str]:
        """The pseudonym, or why there is none."""
        if is_pseudonym(identifier):
            return identifier, ""
        if not self._key:
            return "", "user_without_key"
        try:
            return pseudonym(identifier, self._key, self._key_id), ""
        except ValueError:
            return "", "user_with_unfit_key" if identifier.strip() else "user_unfit"


def _clean(data: Fields, own: Fields) -> None:
    """Bring what the program gave into the contract's forms."""
    for name, value in own.items():
        if isinstance(value, datetime):
            try:
                data[name] = rfc3339(value)
            except ValueError as error:
                raise RefusedError(f"data.{name}", str(error)) from None
        # JSON has no such numbers, and encoders write null, which would mean absent.
        elif type(value) is float and not isfinite(value):
            raise RefusedError(f"data.{name}", "is not a finite number")


def _end_of_call(data: Fields, item: Item) -> None:
    """What a call measured itself, where the program did not say otherwise."""
    duration, first, status, error_type = item[8:]
    data.setdefault("duration", duration // 1000 / 1e6)
    if first is not None:
        data.setdefault("first_token", first // 1000 / 1e6)
        data.setdefault("streamed", True)
    data.setdefault("status", status)
    if error_type is not None:
        data.setdefault("error_type", error_type[:200])


def _second_look(item: Item, event: Encoded) -> Encoded | RefusedError:
    """The contract's own verdict; on a decimal that was given as other text, in its usual form."""
    refusal = _refusal(event.value, item[0])
    name = "" if refusal is None else refusal.field.removeprefix("data.")
    if name in _DECIMALS:
        tree = msgspec.json.decode(event.value)
        try:
            tree["data"][name] = _decimal(name, tree["data"][name])
        except RefusedError as error:
            return error
        event = Encoded(event.key, _json(tree), event.counted)
        refusal = _refusal(event.value, item[0])
    return event if refusal is None else refusal


def _refusal(value: bytes, kind: str) -> RefusedError | None:
    """Why the contract does not take these bytes; None when it does."""
    try:
        read_event(value)
    except RefusedError as error:
        return error
    # The contract ignores a field it does not know; from a program here it is a mistake.
    names = _NAMES.get(kind)
    given = {} if names is None else msgspec.json.decode(value)["data"]
    if names is not None and not names >= given.keys():
        return RefusedError("data", f"has no field {min(given.keys() - names)!r} in {kind}")
    return None


def _traceparent(span: Any) -> str:
    return f"00-{span.trace_id:032x}-{span.span_id:016x}-{int(span.trace_flags):02x}"


def _decimal(name: str, value: object) -> str:
    try:
        return decimal_text(value)
    except ValueError as error:
        raise RefusedError(f"data.{name}", str(error)) from None


def _put_attributes_together(data: Fields, *layers: Fields | None) -> None:
    maps = [layer["attributes"] for layer in layers if layer and "attributes" in layer]
    if len(maps) > 1 and all(isinstance(map_, dict) for map_ in maps):
        data["attributes"] = {k: v for map_ in maps for k, v in map_.items()}


def _plain(value: object) -> object:
    """Numbers of other libraries (a numpy scalar) as Python's; anything else is refused."""
    if isinstance(value, Enum):
        return value.value
    item = getattr(value, "item", None)
    if callable(item):
        number = item()
        if isinstance(number, int | float) and isfinite(number):
            return number
    raise TypeError(f"a {type(value).__name__} is not a value of an event")


_json = msgspec.json.Encoder(enc_hook=_plain).encode
