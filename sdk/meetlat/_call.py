"""One call of an AI tool while it is under way: clocks, what was recorded, and one end.

This is the hot path. A call that nobody records anything on costs its clocks, one ContextVar and
one tuple.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar, Unpack, cast

from meetlat import _responses
from meetlat._context import COMMON, Common, Fields, Scope, current_scope, leave, merged
from meetlat._streams import Recorded, is_stream
from meetlat._values import numbered_uuid7, uuid7

if TYPE_CHECKING:
    from contextvars import Token
    from datetime import datetime
    from decimal import Decimal
    from types import TracebackType

    from meetlat._client import Client

Thing = TypeVar("Thing")
INTERACTION = "meetlat.interaction.v1"
_NOTHING: Fields = {}
_modules = sys.modules
_TOKENS = (
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
)


class CallFields(Common, total=False):
    """What may be said about a call beside its usage."""

    status: str | None
    error_type: str | None
    operation: str | None
    provider: str | None
    model: str | None
    prompt_version: str | None
    output_pages: int | None
    streamed: bool | None
    duration: float | None
    first_token: float | None
    cost_source: str | None
    price_version: str | None


class When(TypedDict, total=False):
    """The identity of an event, where it is not made here and now."""

    time: datetime | str | None
    id: str | None
    history: bool | None


CALL_FIELDS = frozenset(CallFields.__annotations__) | COMMON


def status_of(error: BaseException) -> str:
    """`cancelled`, `timeout` or `error`, by the kind of exception.

    By name where a library has its own class, so that none is imported.
    """
    if isinstance(error, GeneratorExit | KeyboardInterrupt):
        return "cancelled"
    names = [kind.__name__ for kind in type(error).__mro__]
    if "CancelledError" in names or "Cancelled" in names:
        return "cancelled"
    if isinstance(error, TimeoutError) or any("Timeout" in name for name in names):
        return "timeout"
    return "error"


class Call:
    """A call under way: `with meetlat.interaction(...) as call`, or `meetlat.current()`.

    No method raises; what does not fit is refused later, counted and logged. After the end they
    do nothing.
    """

    # Defaults of the class, so that the hot path sets only what differs.
    _context: Fields | None = None
    _own: Fields | None = None
    _usages: dict[object, Fields] | None = None
    _key: object = None
    _id: str | int | None = None
    _time: Any = None
    _history: bool | None = None
    _span: Any = None
    _first: int | None = None
    _token: Token[Scope | None] | None = None
    _begun = False
    _done = False

    def __init__(self, client: Client, static: Fields) -> None:
        self._client = client
        self._static = static

    def place(self, time: Any, ident: str | None, history: bool | None) -> None:
        """Give it an identity of its own instead of here and now."""
        self._time = time
        self._id = ident
        self._history = history

    def take_context(self) -> None:
        """Take what is inherited from here and now; a stream starts later, perhaps elsewhere."""
        scope = current_scope.get()
        self._context = _NOTHING if scope is None else scope.inherited

    def __enter__(self) -> Call:
        """Start: read the clocks, become the current call."""
        if self._context is None:
            scope = current_scope.get()
            if scope is not None:
                self._context = scope.inherited
        if "opentelemetry.trace" in _modules:
            self._span = current_span()
        self._token = current_scope.set(self)
        client = self._client
        self._put = client.put
        if self._time is None:
            self._time = client.time_ns()
        self._begun = True
        self._start = client.perf_ns()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.end("ok", None)
        else:
            self.fail(error)

    async def __aenter__(self) -> Call:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, trace)

    @property
    def id(self) -> str:
        """The event's id, as `review(subject=...)` wants it. The same before and after the end."""
        if not isinstance(self._id, str):
            number = self._client.sequence() if self._id is None else self._id
            self._id = numbered_uuid7(self._time, self._client.seed, number)
        return self._id

    @property
    def call(self) -> Call | None:
        """Itself: what `meetlat.current()` gives inside."""
        return self

    @property
    def inherited(self) -> Fields:
        """What events inside this call inherit."""
        fields = self._context or {}
        for more in (self._static, self._own):
            if more:
                fields = merged(fields, {k: v for k, v in more.items() if k in COMMON})
        return fields

    def usage(
        self,
        *,
        input_tokens: int | None = None,
        output_tokens: int | None = None,
        cache_read_tokens: int | None = None,
        cache_write_tokens: int | None = None,
        reasoning_tokens: int | None = None,
        cost: Decimal | float | str | None = None,
        currency: str | None = None,
    ) -> None:
        """Record tokens and cost of one model call; several add up.

        Buckets are disjoint: `input_tokens` without cached ones; `output_tokens` with reasoning,
        `reasoning_tokens` saying how many of them. `cost` in `currency` (ISO 4217); unknown is
        left out, never 0.
        """
        given = {
            "input_tokens": input_tokens,
            "output_tokens": output_tokens,
            "cache_read_tokens": cache_read_tokens,
            "cache_write_tokens": cache_write_tokens,
            "reasoning_tokens": reasoning_tokens,
            "cost": cost,
            "currency": currency,
        }
        self._add(object(), {k: v for k, v in given.items() if v is not None})

    def record(self, answer: Thing) -> Thing:
        """Record a provider's answer, a chunk of one, or a whole stream; returns it.

        An answer or a chunk comes back as it is. A stream (what has `__next__`, `__anext__` or
        `__aiter__`) comes back wrapped, to be iterated in its place, sync or async: chunks pass
        through, the first token is timed and the usage read on the way. An answer seen twice
        (same id) counts once; different ones add up. What has no known shape passes untouched.
        """
        try:
            reading = _responses.read(answer)
            if reading is not None:
                self.take(reading)
                return answer
            if is_stream(answer):
                self._set("streamed", value=True)
                return cast("Thing", Recorded(self, answer))
        except Exception as error:  # noqa: BLE001 - a strange answer must not hurt the host
            self._client.own_error("record", error)
        return answer

    def record_result(self, result: object) -> None:
        """Record what a tracked function returned, if it is an answer; nothing else is touched."""
        try:
            if _responses.looks_like_answer(result):
                reading = _responses.read(result)
                if reading is not None:
                    self.take(reading)
        except Exception as error:  # noqa: BLE001 - a strange result must not hurt the host
            self._client.own_error("record", error)

    def chunk(self, chunk: Any) -> None:
        """Record one chunk of a stream. An unknown shape with something in it is a first token."""
        try:
            reading = _responses.read(chunk)
            if reading is None:
                if self._first is None and chunk:
                    self.first_token()
            else:
                self.take(reading)
        except Exception as error:  # noqa: BLE001 - a strange chunk must not hurt the host
            self._client.own_error("record", error)

    def take(self, reading: _responses.Reading) -> None:
        """Keep what an answer or chunk says."""
        if reading.content and self._first is None:
            self.first_token()
        if reading.chunk:
            self._set("streamed", value=True)
        if not reading.fields:
            return
        key = reading.key
        if not isinstance(key, str):
            # Anthropic's later events name no message: they belong to the last one begun.
            key = self._key if reading.chunk and self._key is not None else object()
        if reading.chunk:
            self._key = key
        if self._usages is not None and key in self._usages:
            reading.fields.update(
                {k: v for k, v in self._usages[key].items() if k not in reading.fields}
            )
        self._add(key, reading.fields)

    def first_token(self) -> None:
        """The first token is here: now. Later calls do nothing."""
        if self._first is None and not self._done and self._begun:
            self._first = self._client.perf_ns() - self._start

    def set(self, **fields: Unpack[CallFields]) -> None:
        """Say more about the call: `status`, `error_type`, `feature`, `segment`, `model`, …

        A `status` given here stays, whatever happens. An unknown name is an error of the program,
        counted and logged.
        """
        for name, value in fields.items():
            if name not in CALL_FIELDS:
                self._client.own_error("set", TypeError(f"a call has no field {name!r}"))
            elif value is not None:
                self._set(name, value)

    def error(self, error: BaseException | str) -> None:
        """The call failed, though no exception leaves it: an exception, or a short name for it."""
        if isinstance(error, BaseException):
            self.set(status=status_of(error), error_type=type(error).__name__)
        else:
            self.set(status="error", error_type=error)

    def fail(self, error: BaseException) -> None:
        """End with an exception that leaves the call."""
        status = status_of(error)
        self.end(status, None if status == "cancelled" else type(error).__name__)

    def end(self, status: str, error_type: str | None) -> None:
        """The one end; whoever comes second does nothing."""
        if self._done:
            return
        self._done = True
        client = self._client
        duration = client.perf_ns() - self._start
        token = self._token
        if token is not None:
            leave(token)
        ident = self._id
        if ident is None:
            # A number is enough: whoever asks for the id later gets the one that was sent.
            ident = self._id = client.sequence()
        self._put(
            (
                INTERACTION,
                ident,
                self._time,
                self._context,
                self._static,
                self._own if self._usages is None else self._summed(),
                self._history,
                self._span,
                duration,
                self._first,
                status,
                error_type,
            )
        )

    @property
    def started(self) -> bool:
        """Were the clocks read."""
        return self._begun

    def attach(self) -> None:
        """Be the current call again."""
        self._token = current_scope.set(self)

    def detach(self) -> None:
        """Leave the scope without ending: a stream goes on outside."""
        if self._token is not None:
            leave(self._token)
            self._token = None

    def _set(self, name: str, value: object) -> None:
        if self._done:
            return
        if self._own is None:
            self._own = {}
        self._own[name] = value

    def _add(self, key: object, fields: Fields) -> None:
        if self._done or not fields:
            return
        if self._usages is None:
            self._usages = {}
        self._usages[key] = fields

    def _summed(self) -> Fields:
        """Own fields with the usages added up."""
        total: Fields = {}
        for fields in (self._usages or {}).values():
            for name, value in fields.items():
                if name in total and name in _TOKENS:
                    total[name] = _sum(total[name], value)
                elif name in total and name == "cost":
                    total[name] = self._sum_cost(total, fields)
                elif name != "currency" or name not in total:
                    total[name] = value
        return {**total, **(self._own or {})}

    def _sum_cost(self, total: Fields, more: Fields) -> object:
        if total.get("currency") != more.get("currency"):
            error = ValueError("costs in two currencies cannot be added; the first is kept")
            self._client.own_error("usage", error)
            return total["cost"]
        from meetlat._money import decimal  # loaded by the few who add costs up

        try:
            return decimal(total["cost"]) + decimal(more["cost"])
        except ValueError:
            return "not a number"  # refused by the contract, which names the field


class IgnoredCall(Call):
    """The current call where there is none, or where nothing is measured: takes all, keeps none."""

    def __enter__(self) -> Call:
        return self

    def _set(self, name: str, value: object) -> None:  # noqa: ARG002 - ignores all
        return

    def _add(self, key: object, fields: Fields) -> None:  # noqa: ARG002 - ignores all
        return

    def record(self, answer: Thing) -> Thing:
        """Returns it untouched."""
        return answer

    def end(self, status: str, error_type: str | None) -> None:
        """Nothing to end."""

    @property
    def id(self) -> str:
        """A valid id, of no event."""
        if not isinstance(self._id, str):
            self._id = uuid7(None)
        return self._id


def _sum(first: Any, second: Any) -> Any:
    # What is no number goes on as it is: the contract refuses it and names the field.
    return first + second if type(first) is type(second) is int else second


def current_span() -> Any:
    """The current OpenTelemetry span's context, when the program has loaded that API itself."""
    trace: Any = sys.modules.get("opentelemetry.trace")
    try:
        return None if trace is None else trace.get_current_span().get_span_context()
    except Exception:  # noqa: BLE001 - a half-loaded or foreign module is no reason to fail a call
        return None
