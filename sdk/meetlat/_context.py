"""What events inherit from where they happen: one ContextVar, so that threads, tasks and streams
do not mix.

Its value is the innermost scope: a `meetlat.context(...)` or a call that is under way.
"""

from __future__ import annotations

from contextvars import ContextVar, Token
from typing import TYPE_CHECKING, Any, Protocol, TypedDict

if TYPE_CHECKING:
    from types import TracebackType

    from meetlat._call import Call

Fields = dict[str, Any]


class Common(TypedDict, total=False):
    """The fields that every event may carry."""

    tool: str | None
    use_case: str | None
    feature: str | None
    team: str | None
    segment: str | None
    environment: str | None
    user: str | None
    session: str | None
    case: str | None
    attributes: dict[str, str] | None


COMMON = frozenset(Common.__annotations__)


class Scope(Protocol):
    """Where an event happens: what it inherits, and the call that is under way, if any."""

    @property
    def inherited(self) -> Fields: ...

    @property
    def call(self) -> Call | None: ...


current_scope: ContextVar[Scope | None] = ContextVar("meetlat_scope", default=None)


def leave(token: Token[Scope | None]) -> None:
    """Go back to the scope before. Never raises.

    A generator may be closed in another context than it was started in (a thread pool does so);
    the scope lives on in neither.
    """
    try:
        current_scope.reset(token)
    except ValueError:
        return


def merged(outer: Fields, inner: Fields) -> Fields:
    """Fields of two scopes: the inner one wins; attributes are put together."""
    both = {**outer, **inner}
    if "attributes" in outer and "attributes" in inner:
        try:
            both["attributes"] = {**outer["attributes"], **inner["attributes"]}
        except TypeError:
            both["attributes"] = inner["attributes"]  # not a map: the contract will name it
    return both


class Context:
    """The scope of a `with meetlat.context(...)` block; also for `async with`. Nestable."""

    __slots__ = ("_given", "_tokens", "call", "inherited")

    def __init__(self, given: Fields) -> None:
        self._given = given
        self._tokens: list[Token[Scope | None]] = []
        self.inherited: Fields = given
        self.call: Call | None = None

    def __enter__(self) -> None:
        outer = current_scope.get()
        if outer is not None:
            self.inherited = merged(outer.inherited, self._given)
            self.call = outer.call
        self._tokens.append(current_scope.set(self))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        leave(self._tokens.pop())

    async def __aenter__(self) -> None:
        self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, trace)
