"""What a program calls: the same names on a `Client` and on the module `meetlat`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, Unpack, overload

from meetlat._call import Call, CallFields, IgnoredCall, When
from meetlat._context import Common, Context, Fields, current_scope
from meetlat._events import Events
from meetlat._track import wrap

if TYPE_CHECKING:
    from collections.abc import Callable

    from meetlat._client import Client

F = TypeVar("F", bound="Callable[..., Any]")


class InteractionGiven(CallFields, When, total=False):
    """What `interaction` takes."""


class Api(Events):
    """Calls and their context, over the event functions."""

    ready: Client | None = None  # the client, once there is one: quicker than asking for it

    @overload
    def track(self, function: F, /) -> F: ...

    @overload
    def track(self, function: None = None, /, **fields: Unpack[CallFields]) -> Callable[[F], F]: ...

    def track(self, function: Any = None, /, **fields: Any) -> Any:
        """Measure each call of a function: `@track` or `@track(tool=…, operation=…, …)`.

        For sync, async, generator and async generator functions. Without `tool` it is the
        context's tool, else the function's name. A returned answer of a known shape has its usage
        recorded. A generator's call starts with its first step, takes its context where it was
        made, and ends with exhaustion, close, an exception, or when it is collected.
        """
        given = _given(fields)

        def decorate(decorated: Any) -> Any:
            return wrap(self, decorated, given)

        return decorate if function is None else decorate(function)

    def interaction(self, **given: Unpack[InteractionGiven]) -> Call:
        """One call of an AI tool, as a block: `with interaction(tool=…) as call:`, or `async with`.

        `time`, `id` and `history` as for every event; `time` only moves it, the duration is the
        block's, or what `call.set(duration=…)` says (seconds).
        """
        client = self.client
        fields: Fields = {k: v for k, v in given.items() if v is not None}
        time = fields.pop("time", None)
        ident = fields.pop("id", None)
        history = fields.pop("history", None)
        if client.off:
            return IgnoredCall(client, fields)
        call = Call(client, _given(fields))
        call.place(time, ident, history)
        return call

    def context(self, **fields: Unpack[Common]) -> Context:
        """Fields for every event inside a block: `with context(use_case=…, user=…, session=…):`.

        Also `async with`. Nested blocks add up, the inner one wins.
        """
        return Context(_given(dict(fields)))

    def current(self) -> Call:
        """The innermost call under way here; outside any, one that ignores what it is told.

        In a generator take it before the first yield: between chunks the code of whoever
        consumes runs, which is not part of the call.
        """
        scope = current_scope.get()
        call = None if scope is None else scope.call
        return IgnoredCall(self.client, {}) if call is None else call


def _given(fields: Fields) -> Fields:
    """Fields that were given, with a copy of the one that a caller may change afterwards."""
    found = {k: v for k, v in fields.items() if v is not None}
    if isinstance(found.get("attributes"), dict):
        found["attributes"] = dict(found["attributes"])
    return found
