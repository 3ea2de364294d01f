"""The collector's own counts, and the text that Prometheus scrapes.

The hot path adds to plain integers; the text is made from them when somebody asks.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from meetlat.metrics import (
    COLLECTOR_APPEND_DURATION,
    COLLECTOR_EVENTS,
    COLLECTOR_IN_FLIGHT,
    COLLECTOR_REQUESTS,
)

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"

# Why events are refused. A body that cannot be split into events counts as one.
UNREADABLE = "unreadable"  # not JSON, not UTF-8, or one event over its limit
SCHEMA = "schema"  # a field is missing or does not fit
FUTURE = "future"  # the sender's clock is ahead
BODY = "body"  # too large, of another media type, damaged or cut off


class Counters(Collector):
    """Totals since the start of the process."""

    def __init__(self) -> None:
        self.accepted = 0
        self.refused: Counter[str] = Counter()
        self.requests: Counter[tuple[str, str]] = Counter()
        self.in_flight = 0
        self._bounds = COLLECTOR_APPEND_DURATION.buckets
        self._appends = [0] * (len(self._bounds) + 1)
        self._append_seconds = 0.0
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def append_took(self, seconds: float) -> None:
        """Count one append to the log."""
        self._appends[bisect_left(self._bounds, seconds)] += 1
        self._append_seconds += seconds

    def exposition(self) -> bytes:
        """The counts in Prometheus' text format."""
        return generate_latest(self._registry)

    def collect(self) -> Iterable[Metric]:
        """The counts as prometheus_client takes them."""
        requests = CounterMetricFamily(
            COLLECTOR_REQUESTS.name, COLLECTOR_REQUESTS.meaning, labels=COLLECTOR_REQUESTS.labels
        )
        for (path, code), number in sorted(self.requests.items()):
            requests.add_metric((path, code), number)
        yield requests
        events = CounterMetricFamily(
            COLLECTOR_EVENTS.name, COLLECTOR_EVENTS.meaning, labels=COLLECTOR_EVENTS.labels
        )
        events.add_metric(("accepted",), self.accepted)
        events.add_metric(("refused",), self.refused.total())
        yield events
        appends = HistogramMetricFamily(
            COLLECTOR_APPEND_DURATION.name, COLLECTOR_APPEND_DURATION.meaning
        )
        buckets: list[tuple[str, float]] = []
        below = 0
        for bound, number in zip((*self._bounds, "+Inf"), self._appends, strict=True):
            below += number
            buckets.append((str(bound), below))
        appends.add_metric((), buckets, self._append_seconds)
        yield appends
        yield GaugeMetricFamily(
            COLLECTOR_IN_FLIGHT.name, COLLECTOR_IN_FLIGHT.meaning, value=self.in_flight
        )
