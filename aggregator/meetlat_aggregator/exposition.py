"""The text of `/metrics`: made after a commit, off the event loop, so that a scrape sends bytes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from prometheus_client import (
    CollectorRegistry,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.metrics_core import Metric as Family

from meetlat.metrics import BATCH_EVENTS, COMMIT_DURATION, Metric
from meetlat_aggregator import gauges
from meetlat_aggregator.live import Key, families


@dataclass(slots=True, eq=False)
class Observed:
    """What one text is made of."""

    live: dict[Key, Decimal] = field(default_factory=dict)
    gauges: gauges.Values = field(default_factory=dict)
    own: list[tuple[Metric, list[tuple[tuple[str, ...], float]]]] = field(default_factory=list)

    def collect(self) -> Iterator[Family]:
        """As prometheus_client wants it."""
        yield from families(self.live)
        yield from gauges.families(self.gauges)
        for metric, rows in self.own:
            if rows:
                yield gauges.family(metric, rows)


class Exposition:
    """Keeps the process's own histograms and makes the text."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call] # they double the series and say what a restart already shows
        self._process = CollectorRegistry()
        self._commits = _histogram(COMMIT_DURATION, self._process)
        self._batches = _histogram(BATCH_EVENTS, self._process)

    def committed(self, seconds: float, records: int) -> None:
        """One transaction was committed."""
        self._commits.observe(seconds)
        self._batches.observe(records)

    def text(self, observed: Observed) -> bytes:
        """The whole text, Prometheus exposition format 0.0.4."""
        registry = CollectorRegistry()
        registry.register(observed)
        return generate_latest(registry) + generate_latest(self._process)


def _histogram(metric: Metric, registry: CollectorRegistry) -> Histogram:
    return Histogram(metric.name, metric.meaning, buckets=metric.buckets, registry=registry)
