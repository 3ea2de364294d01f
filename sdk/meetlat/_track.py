"""`track`: wraps a function of any of the four kinds so that each call becomes an event."""

from __future__ import annotations

import functools
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import TYPE_CHECKING, Any

from meetlat._call import Call
from meetlat._streams import Guard, Recorded, async_stream, awaited, sync_stream

if TYPE_CHECKING:
    from collections.abc import Callable

    from meetlat._api import Api
    from meetlat._context import Fields

# Read from the code object: importing `inspect` for this would double the time of our import.
_GENERATOR, _COROUTINE, _ASYNC_GENERATOR = 0x20, 0x80, 0x200
_PLAIN = frozenset((type(None), str, bytes, int, float, bool, list, tuple, set))
_LATER = frozenset((GeneratorType, AsyncGeneratorType, CoroutineType, Recorded))


def wrap(api: Api, function: Any, given: Fields) -> Any:
    """The function, measured. Its signature, name and results stay; so do its exceptions."""
    if isinstance(function, staticmethod | classmethod):
        return type(function)(wrap(api, function.__func__, given))
    static = given if "tool" in given else {**given, "function": _name(function)}
    flags = _flags(function)
    if flags & _ASYNC_GENERATOR:
        return _wrap_stream(api, function, static, async_stream)
    if flags & _GENERATOR:
        return _wrap_stream(api, function, static, sync_stream)
    if flags & _COROUTINE:
        return _wrap_coroutine(api, function, static)
    return _wrap_plain(api, function, static)


def _wrap_plain(api: Api, function: Callable[..., Any], static: Fields) -> Callable[..., Any]:
    plain, later = _PLAIN, _LATER

    @functools.wraps(function)
    def measured(*args: Any, **kwargs: Any) -> Any:
        client = api.ready or api.client
        if client.off:
            return function(*args, **kwargs)
        call = Call(client, static)
        call.__enter__()
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            call.fail(error)
            raise
        if type(result) not in plain:
            if type(result) in later:
                return _continue(call, result)
            call.record_result(result)
        call.end("ok", None)
        return result

    return measured


def _wrap_coroutine(api: Api, function: Callable[..., Any], static: Fields) -> Callable[..., Any]:
    @functools.wraps(function)
    async def measured(*args: Any, **kwargs: Any) -> Any:
        client = api.ready or api.client
        if client.off:
            return await function(*args, **kwargs)
        call = Call(client, static)
        call.__enter__()
        try:
            result = await function(*args, **kwargs)
        except BaseException as error:
            call.fail(error)
            raise
        if type(result) not in _PLAIN:
            if type(result) in _LATER:
                return _continue(call, result)
            call.record_result(result)
        call.end("ok", None)
        return result

    return measured


def _wrap_stream(
    api: Api, function: Callable[..., Any], static: Fields, stream: Callable[..., Any]
) -> Callable[..., Any]:
    static = {**static, "streamed": True}

    @functools.wraps(function)
    def measured(*args: Any, **kwargs: Any) -> Any:
        client = api.ready or api.client
        inner = function(*args, **kwargs)
        if client.off:
            return inner
        call = Call(client, static)
        call.take_context()
        return stream(call, inner, Guard(call))

    return measured


def _continue(call: Call, result: Any) -> Any:
    """The function returned something that goes on: the call ends where that ends."""
    call.detach()
    if type(result) is Recorded:
        result.take_over()
        return result
    if type(result) is CoroutineType:
        return awaited(call, result, Guard(call))
    call.set(streamed=True)
    if type(result) is GeneratorType:
        return sync_stream(call, result, Guard(call))
    return async_stream(call, result, Guard(call))


def _flags(function: Any) -> int:
    while isinstance(function, functools.partial):
        function = function.func
    code = getattr(function, "__code__", None)
    if code is None:  # an object that is called
        code = getattr(getattr(type(function), "__call__", None), "__code__", None)  # noqa: B004 - its code, not whether
    flags = getattr(code, "co_flags", 0)
    return flags if isinstance(flags, int) else 0


def _name(function: Any) -> str:
    while isinstance(function, functools.partial):
        function = function.func
    module = getattr(function, "__module__", None) or ""
    name = getattr(function, "__qualname__", None) or type(function).__qualname__
    return f"{module}.{name}".replace(".<locals>", "")[-200:]
