"""The fast reading of events: msgspec decoders made from the pydantic models.

Three times quicker than pydantic, and never the owner of a rule: what it refuses, and what it is
not sure of (unknown fields, escapes, rare characters), goes to `envelope.read_event` for the
verdict and the message. A property test holds that both read the same values.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import cache, reduce
from operator import or_
from threading import RLock
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

import msgspec
from annotated_types import Ge, Le, MaxLen, MinLen
from pydantic.fields import FieldInfo
from pydantic.types import StringConstraints

from meetlat.contract.envelope import MAX_EVENT_BYTES
from meetlat.contract.events import EVENT_MODELS, EventData
from meetlat.contract.fields import EARLIEST, LATEST

# Bytes that make a record uncertain: a backslash may hide a control character or a lone
# surrogate; 0x7f is one; 0xc2 begins U+0080 to U+00BF, among which the C1 controls stand.
UNCERTAIN = b"\\\x7f\xc2"
_TIME = Annotated[datetime, msgspec.Meta(tz=True)]
_KNOWN_TEXTS = 10_000


class FastEvent(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, gc=False):
    """An event as the fast path reads it: the envelope's attributes and the data's struct."""

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    source: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    time: _TIME
    data: Any
    specversion: Literal["1.0"]
    traceparent: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None = None
    meetlathistory: bool | None = None
    datacontenttype: Literal["application/json"] | None = None


def read_fast(value: bytes) -> FastEvent | None:
    """Read one structured event, or None when `read_event` has to decide."""
    if len(value) > MAX_EVENT_BYTES or len(value.translate(None, UNCERTAIN)) != len(value):
        return None
    return read_certain(value)


def read_certain(value: bytes) -> FastEvent | None:
    """Like `read_fast`, for a value already known to hold no byte of `UNCERTAIN`.

    A caller with many values checks them all at once, which costs a tenth.
    """
    ready = _ready or _prepare()
    try:
        event: FastEvent = ready.decode(value.decode())
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return event if _fits_rules(event, ready.checks[type(event)]) else None


def fit_together(values: Sequence[bytes]) -> bool:
    """True when `read_fast` reads every one of these, which is quicker to say of all than of each.

    Only for few values without line breaks, each within the limit of one event.
    """
    lines = b"\n".join(values)
    if len(lines) > MAX_EVENT_BYTES or len(lines.translate(None, UNCERTAIN)) != len(lines):
        return False
    ready = _ready or _prepare()
    try:
        events = ready.decode_lines(lines.decode())
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    checks = ready.checks
    return len(events) == len(values) and all(
        _fits_rules(event, checks[type(event)]) for event in events
    )


def _fits_rules(event: FastEvent, checks: _Checks) -> bool:
    """What msgspec leaves to check."""
    if not EARLIEST <= event.time < LATEST:
        return False
    data = event.data
    for name, fits in checks.fields:
        field = getattr(data, name)
        if field is not None and not fits(field):
            return False
    if checks.rule is not None:
        try:
            checks.rule(data, event.time)
        except ValueError:
            return False
    return True


class _Checks(NamedTuple):
    """What msgspec does not check, or not as quickly: times and patterns by field, and the rule."""

    fields: tuple[tuple[str, Callable[[Any], bool]], ...]
    rule: Callable[[Any, datetime], None] | None


def _in_bounds(time: datetime) -> bool:
    return EARLIEST <= time < LATEST


@cache
def _fits(pattern: str) -> Callable[[str], bool]:
    """A check of a pattern that knows the texts it saw: users and currencies come back often."""
    match = re.compile(pattern).fullmatch
    known: set[str] = set()

    def fits(text: str) -> bool:
        if text in known:
            return True
        if match(text) is None:
            return False
        if len(known) < _KNOWN_TEXTS:
            known.add(text)
        return True

    return fits


class _Ready(NamedTuple):
    """Everything that reading needs, complete."""

    structs: dict[str, type[FastEvent]]
    decode: Callable[[str], FastEvent]
    decode_lines: Callable[[str], list[FastEvent]]
    checks: dict[type, _Checks]


_ready: _Ready | None = None
_preparing = RLock()


def _after_fork() -> None:
    """The child of a fork in the middle makes its own: nothing half made is in `_ready`, but the
    lock would stay held for ever. Only in the child: a hook before the fork, imported while
    another thread forks, would release what it never took.
    """
    global _preparing  # noqa: PLW0603 - the child's own
    _preparing = RLock()


os.register_at_fork(after_in_child=_after_fork)


def _prepare() -> _Ready:
    """Make everything once, by one thread: a second one that decodes with types that msgspec is
    still making crashes the process.
    """
    global _ready  # noqa: PLW0603 - made once per process
    with _preparing:
        if _ready is None:
            structs = {name: _made_struct(name) for name in EVENT_MODELS}
            decoder = msgspec.json.Decoder(_union(structs.values()))
            checks = {struct: _checks(EVENT_MODELS[name]) for name, struct in structs.items()}
            _ready = _Ready(structs, decoder.decode, decoder.decode_lines, checks)
        return _ready


def struct_of(type_name: str) -> type[FastEvent]:
    """The envelope struct of one event type; its `data` field's type has the model's fields."""
    return (_ready or _prepare()).structs[type_name]


def patterns_of(type_name: str) -> dict[str, str]:
    """The pattern of each text field that has one: what the struct's own bounds do not say."""
    found = {
        name: _pattern(info.annotation, info.metadata)
        for name, info in EVENT_MODELS[type_name].model_fields.items()
    }
    return {name: pattern for name, pattern in found.items() if pattern is not None}


def _made_struct(type_name: str) -> type[FastEvent]:
    model = EVENT_MODELS[type_name]
    data = msgspec.defstruct(
        f"{model.__name__}Data",
        [_field(name, info) for name, info in model.model_fields.items()],
        frozen=True,
        forbid_unknown_fields=True,
        kw_only=True,
        gc=False,
    )
    return msgspec.defstruct(  # type: ignore[return-value] # the base makes it a FastEvent
        model.__name__,
        [("data", data)],
        bases=(FastEvent,),
        frozen=True,
        forbid_unknown_fields=True,
        kw_only=True,
        gc=False,
        tag_field="type",
        tag=type_name,
    )


def _checks(model: type[EventData]) -> _Checks:
    fields: list[tuple[str, Callable[[Any], bool]]] = []
    for name, info in model.model_fields.items():
        pattern = _pattern(info.annotation, info.metadata)
        if _base(info.annotation) is datetime:
            fields.append((name, _in_bounds))
        elif pattern is not None:
            fields.append((name, _fits(pattern)))
    return _Checks(tuple(fields), model.rule if model.rule is not EventData.rule else None)


def _pattern(annotation: Any, metadata: Iterable[Any]) -> str | None:
    """The pattern of a text field, wherever its annotation keeps it."""
    for item in metadata:
        if isinstance(item, StringConstraints) and isinstance(item.pattern, str):
            return item.pattern
        if isinstance(item, FieldInfo) and (nested := _pattern(None, item.metadata)):
            return nested
        if isinstance(nested := getattr(item, "pattern", None), str):
            return nested
    if get_origin(annotation) is Annotated:
        inner, *more = get_args(annotation)
        return _pattern(inner, more)
    if get_origin(annotation) in (Union, UnionType):
        return next((p for part in get_args(annotation) if (p := _pattern(part, ()))), None)
    return None


def _base(annotation: Any) -> Any:
    if get_origin(annotation) is Annotated:
        return _base(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return _base(next(part for part in get_args(annotation) if part is not NoneType))
    return annotation


def _union(parts: Iterable[Any]) -> Any:
    return reduce(or_, parts)


def _field(name: str, info: FieldInfo) -> tuple[Any, ...]:
    annotation = _carry_over(info.annotation, info.metadata)
    if info.is_required():
        return (name, annotation)
    return (name, annotation, info.default)


def _carry_over(annotation: Any, metadata: list[Any], inside: bool = False) -> Any:
    """The msgspec annotation with the same bounds as a pydantic one; `inside` a map's."""
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *more = get_args(annotation)
        return _carry_over(inner, [*more, *metadata], inside)
    if origin in (Union, UnionType):
        return _union(_carry_over(part, metadata, inside) for part in get_args(annotation))
    if annotation is NoneType or origin is Literal or annotation is bool:
        return annotation
    if annotation is datetime:
        return _TIME
    meta: dict[str, Any] = {}
    for item in metadata:
        match item:
            case Ge(bound):
                meta["ge"] = bound
            case Le(bound):
                meta["le"] = bound
            case MinLen(length):
                meta["min_length"] = length
            case MaxLen(length):
                meta["max_length"] = length
            case StringConstraints(pattern=str(pattern)) if inside:
                meta["pattern"] = pattern  # of a field itself: `_Checks` does it quicker
            case FieldInfo(metadata=list(nested)) if nested:
                rest = [m for m in metadata if m is not item]
                return _carry_over(annotation, [*nested, *rest], inside)
            case _:
                pass
    if origin is dict:
        key, value = get_args(annotation)
        annotation = dict[_carry_over(key, [], True), _carry_over(value, [], True)]  # type: ignore[misc]
    elif annotation not in (str, int, float):
        raise TypeError(f"no fast reading for a field of type {annotation!r}; add one here")
    return Annotated[annotation, msgspec.Meta(**meta)] if meta else annotation
