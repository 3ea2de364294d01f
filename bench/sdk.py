"""What the SDK costs the program that is measured: a call, a chunk, the import, its loop's pace.

A call stands beside an OpenTelemetry span with eight attributes and a BatchSpanProcessor, PostHog's
`capture` and Langfuse's `@observe`, each with an exporter that goes nowhere. CPU time of the
calling thread, all in turn, so that a noisy moment strikes all of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

import meetlat
from bench import sdk_import, sdk_pace, sdk_worker
from bench.broker import broker
from bench.figure import Figure

CALLS = 1_000
ROUNDS = 40
CHUNKS = 20_000


class Nowhere(SpanExporter):
    """An exporter without a network."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:  # noqa: ARG002
        return SpanExportResult.SUCCESS


class Rival:
    """One way to measure a call: the call, and what sends the rest away between rounds."""

    def __init__(self, call: Callable[[], object], settle: Callable[[], object]) -> None:
        self.call = call
        self.settle = settle
        self.rounds: list[float] = []

    def turn(self) -> None:
        """One round; microseconds of this thread for each call."""
        call = self.call
        began = time.thread_time_ns()
        for _ in range(CALLS):
            call()
        self.rounds.append((time.thread_time_ns() - began) / CALLS / 1000)
        self.settle()

    @property
    def median(self) -> float:
        """Of all rounds but the first, which warms up."""
        return statistics.median(self.rounds[1:])


def plain() -> int:
    """What is measured."""
    return 1


def calls() -> list[Figure]:
    """A wrapped call beside the same with others."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        floor = Rival(plain, lambda: None)
        ours = _ours(stack, folder)
        others = {
            "an OpenTelemetry span, µs": _opentelemetry(stack),
            "PostHog's capture, µs": _posthog(stack),
            "Langfuse's @observe, µs": _langfuse(stack),
        }
        for _ in range(ROUNDS):
            for rival in (floor, ours, *others.values()):
                rival.turn()
    value = ours.median - floor.median
    return [
        Figure("a wrapped call", value, "µs", name, other.median - floor.median)
        for name, other in others.items()
    ]


def _ours(stack: contextlib.ExitStack, folder: Path) -> Rival:
    client = meetlat.Client(endpoint=f"embedded:{folder}/log", mode="send", spool=folder / "spool")
    stack.callback(client.shutdown, 10)
    wrapped = client.track(tool="chatbot", use_case="service", operation="chat")(plain)
    return Rival(wrapped, lambda: client.flush(10))


def _opentelemetry(stack: contextlib.ExitStack) -> Rival:
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(Nowhere()))
    stack.callback(provider.shutdown)
    tracer = provider.get_tracer("bench")

    def spanned() -> int:
        with tracer.start_as_current_span("chat") as span:
            for number in range(8):
                span.set_attribute(f"gen_ai.attribute.{number}", number)
            return plain()

    return Rival(spanned, provider.force_flush)


def _posthog(stack: contextlib.ExitStack) -> Rival:
    from posthog import Posthog

    client = Posthog("phc_bench", host="http://127.0.0.1:9", before_send=lambda _: None)
    stack.callback(client.shutdown)

    def captured() -> int:
        answer = plain()
        client.capture(
            "$ai_generation",
            distinct_id="ann",
            properties={"$ai_model": "m", "$ai_provider": "p", "$ai_latency": 0.1, "tool": "bot"},
        )
        return answer

    return Rival(captured, lambda: None)


def _langfuse(stack: contextlib.ExitStack) -> Rival:
    import langfuse

    logging.getLogger("langfuse").setLevel(logging.CRITICAL)
    client = langfuse.Langfuse(
        public_key="pk-lf-bench",
        secret_key="sk-lf-bench",
        base_url="http://127.0.0.1:9",
        span_exporter=Nowhere(),
        tracer_provider=TracerProvider(),
    )
    stack.callback(client.shutdown)
    return Rival(langfuse.observe(as_type="generation")(plain), client.flush)


def chunks() -> list[Figure]:
    """What a chunk of a wrapped stream costs more than one of a bare stream."""
    client = meetlat.Client(mode="capture")

    def stream() -> Iterator[int]:
        yield from range(CHUNKS)

    async def later() -> AsyncIterator[int]:
        for number in range(CHUNKS):
            yield number

    def read(make: Callable[[], Iterator[int]]) -> float:
        began = time.thread_time_ns()
        for _ in make():
            pass
        return (time.thread_time_ns() - began) / CHUNKS / 1000

    async def read_later(make: Callable[[], AsyncIterator[int]]) -> float:
        began = time.thread_time_ns()
        async for _ in make():
            pass
        return (time.thread_time_ns() - began) / CHUNKS / 1000

    tracked, tracked_later = client.track(tool="bot")(stream), client.track(tool="bot")(later)

    async def both() -> list[tuple[float, ...]]:
        return [
            (read(stream), read(tracked), await read_later(later), await read_later(tracked_later))
            for _ in range(ROUNDS)
        ]

    bare, ours, bare_later, ours_later = map(
        statistics.median, zip(*asyncio.run(both()), strict=True)
    )
    return [
        Figure("a chunk of a stream", ours - bare, "µs", "a bare one, µs", bare),
        Figure("a chunk of an async stream", ours_later - bare_later, "µs", "a bare one, µs",
               bare_later),
    ]  # fmt: skip


def run() -> list[Figure]:
    """Measure, one after the other."""
    figures = [*calls(), *chunks(), *sdk_import.run()]
    with broker() as kafka:
        if kafka is not None:
            figures += [*sdk_worker.run(kafka), *sdk_pace.run(kafka)]
    return figures


if __name__ == "__main__":
    for figure in run():
        print(figure)
