"""Streams pass through and are measured on the way: generators, async generators, and what a
provider's client returns.

One end for each way out: exhaustion, close, an exception, an early break, garbage collection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Generator, Iterator

    from meetlat._call import Call


class Guard:
    """Ends a call when the frame that holds it is collected: nobody else may be left to do it."""

    __slots__ = ("_call",)

    def __init__(self, call: Call) -> None:
        self._call = call

    def __del__(self) -> None:
        if self._call.started:
            self._call.end("cancelled", None)


def is_stream(thing: Any) -> bool:
    """True for what is iterated once: iterators, sync or async, and async iterables."""
    kind = type(thing)
    return hasattr(kind, "__next__") or hasattr(kind, "__anext__") or hasattr(kind, "__aiter__")


def sync_stream(
    call: Call, inner: Generator[Any, Any, Any], _guard: Guard
) -> Generator[Any, Any, Any]:
    """Measure a generator. Behind the first chunk it delegates, which costs next to nothing."""
    try:
        if call.started:
            call.attach()
        else:
            call.__enter__()
        try:
            value = next(inner)
        finally:
            call.detach()  # between chunks the consumer's code runs, which is not this call
        call.first_token()
        while True:
            try:
                sent = yield value
            except GeneratorExit:
                inner.close()
                raise
            except BaseException as error:  # noqa: BLE001 - the consumer throws it to the generator
                value = inner.throw(error)
                continue
            if sent is None:
                break
            value = inner.send(sent)
        result = yield from inner
    except StopIteration as stop:  # only from the steps above: a generator cannot leak its own
        result = stop.value
    except BaseException as error:
        call.fail(error)
        raise
    call.end("ok", None)
    return result


async def async_stream(
    call: Call, inner: AsyncGenerator[Any, Any], _guard: Guard
) -> AsyncGenerator[Any, Any]:
    """Measure an async generator."""
    try:
        if call.started:
            call.attach()
        else:
            call.__enter__()
        try:
            value = await anext(inner)
        finally:
            call.detach()
        call.first_token()
        send = inner.asend
        while True:
            try:
                sent = yield value
            except GeneratorExit:
                await inner.aclose()
                raise
            except BaseException as error:  # noqa: BLE001 - the consumer throws it to the generator
                value = await inner.athrow(error)
                continue
            value = await send(sent)
    except StopAsyncIteration:
        call.end("ok", None)
    except BaseException as error:
        call.fail(error)
        raise


async def awaited(call: Call, inner: Coroutine[Any, Any, Any], _guard: Guard) -> Any:
    """Measure a coroutine that a plain function returned."""
    call.attach()
    try:
        result = await inner
    except BaseException as error:
        call.fail(error)
        raise
    call.record_result(result)
    call.end("ok", None)
    return result


class Recorded:
    """A provider's stream, to be iterated in its place. Other attributes are the stream's own."""

    def __init__(self, call: Call, stream: Any) -> None:
        self._call = call
        self._stream = stream
        self._ends = False
        self._iterator: Iterator[Any] | None = None
        self._async_iterator: AsyncIterator[Any] | None = None

    def take_over(self) -> None:
        """From now on the end of the stream is the end of the call."""
        self._ends = True

    def __iter__(self) -> Iterator[Any]:
        return self._chunks()

    def __next__(self) -> Any:
        if self._iterator is None:
            self._iterator = self._chunks()
        return next(self._iterator)

    def __aiter__(self) -> AsyncIterator[Any]:
        return self._async_chunks()

    async def __anext__(self) -> Any:
        if self._async_iterator is None:
            self._async_iterator = self._async_chunks()
        return await anext(self._async_iterator)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __del__(self) -> None:
        if self._ends:
            self._call.end("cancelled", None)

    def _chunks(self) -> Iterator[Any]:
        see = self._call.chunk
        try:
            for chunk in self._stream:
                see(chunk)
                yield chunk
        except BaseException as error:
            if self._ends:
                self._call.fail(error)
            raise
        if self._ends:
            self._call.end("ok", None)

    async def _async_chunks(self) -> AsyncIterator[Any]:
        see = self._call.chunk
        try:
            async for chunk in self._stream:
                see(chunk)
                yield chunk
        except BaseException as error:
            if self._ends:
                self._call.fail(error)
            raise
        if self._ends:
            self._call.end("ok", None)
