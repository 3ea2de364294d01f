"""The verdict on each event of a request: a message for the log, or the reason why not.

The contract decides (`meetlat.contract`); what is added here is what only a receiver can know:
the time now, and that an event of an unknown type names no person either.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote_to_bytes

import msgspec

from meetlat.contract.envelope import RefusedError, from_binary, partition_key, read_event
from meetlat.contract.fast import UNCERTAIN, read_certain
from meetlat.contract.pseudonym import is_pseudonym
from meetlat.logs.base import Message
from meetlat_collector.counters import FUTURE, SCHEMA, UNREADABLE
from meetlat_collector.http import HttpError
from meetlat_collector.person import Pseudonyms

Headers = tuple[tuple[str, bytes], ...]
FUTURE_LIMIT = timedelta(minutes=5)
MAX_BATCH_EVENTS = 50_000
# No batch of real events has as many; one made of `0,0,0,…` would fill the memory when split.
_MAX_BATCH_COMMAS = 1_000_000
_MAX_ERROR_CHARACTERS = 300

_split = msgspec.json.Decoder(list[msgspec.Raw])
_encoder = msgspec.json.Encoder()


class _Id(msgspec.Struct):
    id: Any = None


class _Person(msgspec.Struct):
    user: Any = None
    session: Any = None
    case: Any = None


class _OfUnknownType(msgspec.Struct):
    data: Any = None


_read_id = msgspec.json.Decoder(_Id)
_read_unknown = msgspec.json.Decoder(_OfUnknownType)


class Verdicts:
    """What became of the events of one request, in order."""

    __slots__ = (
        "_headers", "_latest", "_number", "_pseudonyms", "messages", "reasons", "rejected",
    )  # fmt: skip

    def __init__(
        self, now: float, headers: Headers = (), pseudonyms: Pseudonyms | None = None
    ) -> None:
        """`now`: seconds since 1970; `headers`: of every message; `pseudonyms`: of plain users."""
        self._headers = headers
        self._pseudonyms = pseudonyms
        self._latest = datetime.fromtimestamp(now, UTC) + FUTURE_LIMIT
        self._number = 0
        self.messages: list[Message] = []
        self.rejected: list[dict[str, Any]] = []
        self.reasons: Counter[str] = Counter()

    def judge(self, value: bytes, *, certain: bool) -> None:
        """Judge the next event. `certain`: it holds no byte that the fast reading is unsure of."""
        index = self._number
        self._number += 1
        try:
            event = read_certain(value) if certain else None
            if event is not None:
                time, data = event.time, event.data
                key = partition_key(event.id, data.session, data.case)
            else:
                time, key = _read_slowly(value)
            if time > self._latest:
                self._reject(
                    index, value, FUTURE, "time: lies over 5 minutes ahead; set the sender's clock"
                )
            else:
                self.messages.append(Message(key, value, self._headers))
        except RefusedError as error:
            if error.field == "data.user" and self._pseudonyms is not None:
                named = self._pseudonyms.replace(value)
                if named is not None:
                    self._number = index
                    self.judge(named, certain=False)
                    return
            self._reject(index, value, SCHEMA if error.field else UNREADABLE, _words(error))

    def judge_binary(self, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> None:
        """Judge one event in binary mode; `headers` are those that begin with `ce-`."""
        attributes: dict[str, str] = {}
        try:
            for name, value in headers:
                attribute = name.decode("latin-1").replace("-", "_", 1)
                if attribute in attributes:
                    raise RefusedError(attribute.removeprefix("ce_"), "is given twice")
                attributes[attribute] = _header_text(attribute, value)
            structured = from_binary(attributes, body)
        except RefusedError as error:
            self._reject_binary(attributes, error)
            return
        self.judge(structured, certain=is_certain(structured))

    def answer_body(self, error: str | None = None) -> bytes:
        """The JSON that the sender gets; `error` is about the request as a whole."""
        body: dict[str, object] = {"accepted": len(self.messages), "rejected": self.rejected}
        if error is not None:
            body["error"] = error
        return _encoder.encode(body)

    def _reject(self, index: int, value: bytes, reason: str, error: str) -> None:
        self._add(index, _find_id(value), reason, error)

    def _reject_binary(self, attributes: Mapping[str, str], error: RefusedError) -> None:
        self._number += 1
        reason = UNREADABLE if error.field == "data" else SCHEMA
        self._add(0, attributes.get("ce_id"), reason, _words(error))

    def _add(self, index: int, event_id: str | None, reason: str, error: str) -> None:
        self.reasons[reason] += 1
        self.rejected.append(
            {"index": index, "id": event_id, "error": error[:_MAX_ERROR_CHARACTERS]}
        )


def is_certain(body: bytes) -> bool:
    """True when the fast reading may judge every event in `body`."""
    return len(body.translate(None, UNCERTAIN)) == len(body)


def split_batch(body: bytes) -> list[msgspec.Raw]:
    """Cut a JSON batch into its events, each byte for byte as it came.

    Raises HttpError 400 when it is no JSON array, 413 when it holds too many events.
    """
    if body.count(b",") > _MAX_BATCH_COMMAS:
        raise _too_many()
    try:
        events = _split.decode(body)
    except msgspec.ValidationError:
        raise HttpError(400, "body: a batch is a JSON array of events") from None
    except RecursionError:
        raise HttpError(400, "body: is nested too deeply") from None
    except msgspec.DecodeError as error:
        raise HttpError(400, f"body: is not JSON: {error}") from None
    if len(events) > MAX_BATCH_EVENTS:
        raise _too_many()
    return events


def _too_many() -> HttpError:
    return HttpError(413, f"body: holds over {MAX_BATCH_EVENTS} events; split the batch")


def _read_slowly(value: bytes) -> tuple[datetime, bytes]:
    event = read_event(value)
    attributes = event.attributes
    if event.data is not None:
        return attributes.time, partition_key(attributes.id, event.data.session, event.data.case)
    data = _read_unknown.decode(value).data
    if not isinstance(data, dict):
        return attributes.time, partition_key(attributes.id, None, None)
    person = msgspec.convert(data, _Person)
    if person.user is not None and not (isinstance(person.user, str) and is_pseudonym(person.user)):
        raise RefusedError("data.user", "is not a pseudonym; a plain name or address is not taken")
    session, case = (
        text if isinstance(text, str) else None for text in (person.session, person.case)
    )
    return attributes.time, partition_key(attributes.id, session, case)


def _find_id(value: bytes) -> str | None:
    try:
        found = _read_id.decode(value).id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return found[:200] if isinstance(found, str) else None


def _words(error: RefusedError) -> str:
    return f"{error.field or 'event'}: {error.reason}"


def _header_text(attribute: str, value: bytes) -> str:
    try:
        return unquote_to_bytes(value).decode()
    except UnicodeDecodeError:
        raise RefusedError(
            attribute.removeprefix("ce_"), "is not percent-encoded UTF-8 (CloudEvents, HTTP)"
        ) from None
