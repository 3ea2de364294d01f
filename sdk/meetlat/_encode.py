"""From the hot path's flat tuple to the bytes of a CloudEvent that fits the contract.

Runs on the worker thread: pseudonyms, decimals, times and the contract's check happen here.
"""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from functools import lru_cache
from math import isfinite
from typing import Any, NamedTuple

import msgspec

from meetlat._context import Fields
from meetlat._money import decimal_text
from meetlat._values import numbered_uuid7, rfc3339
from meetlat.contract.envelope import RefusedError, partition_key, read_event
from meetlat.contract.events import EVENT_MODELS
from meetlat.contract.fast import read_fast
from meetlat.contract.pseudonym import is_pseudonym, pseudonym

# type, id (text, or a number to make it from), time, inherited, static, own, history, span,
# duration ns, first token ns, status, error type; an event with a `source` of its own names it
# in place of the span.
Item = tuple[Any, ...]

REPORT = "meetlat.sdk_report.v1"
_NAMES = {name: frozenset(model.model_fields) for name, model in EVENT_MODELS.items()}
_DECIMALS = frozenset(("cost", "value"))

# Why a `user` was left out, and what to do about it.
LOST_USER = {
    "user_without_key": "set MEETLAT_PSEUDONYM_KEY",
    "user_unfit": "it is blank; give a name or an address",
    "user_with_unfit_key": "MEETLAT_PSEUDONYM_KEY takes at least 16 characters, "
    "MEETLAT_PSEUDONYM_KEY_ID one to eight lower-case letters or digits",
}


class Encoded(NamedTuple):
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
        kind, ident, moment, inherited, static, own, history, span, duration = item[:9]
        data = {**self._defaults, **(inherited or {}), **(static or {}), **(own or {})}
        function = data.pop("function", None)
        if function is not None and "tool" not in data:
            data["tool"] = function
        if own:
            _put_attributes_together(data, inherited, static, own)
            self._clean(data, own)
        if duration is not None:
            data.setdefault("duration", duration // 1000 / 1e6)
            if item[9] is not None:
                data.setdefault("first_token", item[9] // 1000 / 1e6)
                data.setdefault("streamed", True)
            data.setdefault("status", item[10])
            if item[11] is not None:
                data.setdefault("error_type", item[11][:200])
        if "user" in data:
            self._protect(data)
        return self._finish(kind, ident, moment, data, history, span)

    def _finish(
        self, kind: str, ident: Any, moment: Any, data: Fields, history: Any, span: Any
    ) -> Encoded:
        source, trace = (span, None) if isinstance(span, str) else (self._source, span)
        try:
            time = rfc3339(moment)
        except (ValueError, TypeError) as error:
            raise RefusedError("time", str(error)) from None
        if isinstance(ident, int):
            ident = numbered_uuid7(moment, self._seed, ident)
        event: dict[str, Any] = {
            "specversion": "1.0",
            "id": ident,
            "source": source,
            "type": kind,
            "time": time,
        }
        if trace is not None and trace.is_valid:
            flags = int(trace.trace_flags)
            event["traceparent"] = f"00-{trace.trace_id:032x}-{trace.span_id:016x}-{flags:02x}"
        if history or (history is None and self._history):
            event["meetlathistory"] = True
        event["data"] = data
        try:
            value = msgspec.json.encode(event, enc_hook=_plain)
        except (TypeError, ValueError, RecursionError) as error:
            raise RefusedError("data", f"cannot be written as JSON ({error})") from None
        if read_fast(value) is None:
            read_event(value)
        names = _NAMES.get(kind)
        if names is not None and not names >= data.keys():
            unknown = min(map(str, data.keys() - names))
            raise RefusedError("data", f"has no field {unknown!r} in {kind}")
        key = partition_key(ident, data.get("session"), data.get("case"))
        return Encoded(key, value, kind != REPORT)

    def _clean(self, data: Fields, own: Fields) -> None:
        """Bring what the program gave into the contract's forms."""
        for name, value in own.items():
            kind = type(value)
            if kind is str or kind is int or kind is bool:
                if name in _DECIMALS:
                    data[name] = _decimal(name, value)
            elif name in _DECIMALS:
                data[name] = _decimal(name, value)
            elif kind is float:
                # JSON has no such numbers, and encoders write null, which would mean absent.
                if not isfinite(value):
                    raise RefusedError(f"data.{name}", "is not a finite number")
            elif isinstance(value, datetime):
                try:
                    data[name] = rfc3339(value)
                except ValueError as error:
                    raise RefusedError(f"data.{name}", str(error)) from None

    def _protect(self, data: Fields) -> None:
        user = data["user"]
        if isinstance(user, str) and is_pseudonym(user):
            return
        if not self._key:
            self._lose(data, "user_without_key")
            return
        try:
            data["user"] = self._pseudonym(str(user))
        except ValueError:
            self._lose(data, "user_with_unfit_key" if str(user).strip() else "user_unfit")

    def _make_pseudonym(self, identifier: str) -> str:
        return pseudonym(identifier, self._key, self._key_id)

    def _lose(self, data: Fields, reason: str) -> None:
        del data["user"]
        self.lost_fields[reason] = self.lost_fields.get(reason, 0) + 1


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
