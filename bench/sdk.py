"""What a wrapped call costs on the caller's thread; beside it an OpenTelemetry span with eight
attributes and a BatchSpanProcessor whose exporter goes nowhere.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

import meetlat
from bench.figure import Figure

CALLS = 2_000
ROUNDS = 30


class Nowhere(SpanExporter):
    """An exporter without a network."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:  # noqa: ARG002
        return SpanExportResult.SUCCESS


def microseconds(call: Callable[[], object], settle: Callable[[], object]) -> float:
    """The median over rounds of the mean of a round; what a round left is done between them."""
    found = []
    for _ in range(ROUNDS):
        began = time.perf_counter_ns()
        for _ in range(CALLS):
            call()
        found.append((time.perf_counter_ns() - began) / CALLS / 1000)
        settle()
    return statistics.median(found)


def run() -> list[Figure]:
    """Measure, one after the other."""

    def plain() -> int:
        return 1

    floor = microseconds(plain, lambda: None)
    with tempfile.TemporaryDirectory() as folder:
        client = meetlat.Client(
            endpoint=f"embedded:{folder}/log", mode="send", spool=Path(folder) / "spool"
        )
        wrapped = client.track(tool="chatbot", use_case="service", operation="chat")(plain)
        ours = microseconds(wrapped, lambda: client.flush(10)) - floor
        client.shutdown(10)

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(Nowhere()))
    tracer = provider.get_tracer("bench")

    def spanned() -> int:
        with tracer.start_as_current_span("chat") as span:
            for number in range(8):
                span.set_attribute(f"gen_ai.attribute.{number}", number)
            return plain()

    theirs = microseconds(spanned, provider.force_flush) - floor
    provider.shutdown()
    return [Figure("a wrapped call", ours, "µs", "an OpenTelemetry span, µs", theirs)]


if __name__ == "__main__":
    for figure in run():
        print(figure)
