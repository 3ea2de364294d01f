"""The counters and histograms of `/metrics`: kept in memory, stored in the batch's transaction.

A restart reads them back, so it loses and doubles none. History, and events more than an hour old
when they were appended, do not touch them. A label takes at most 100 distinct values, in the order
of the log; the rest becomes `other`, with a counter that says so.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import NamedTuple

import duckdb
import msgspec
import pyarrow as pa
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.metrics_core import Metric as Family

from meetlat.metrics import LABELS_FOLDED, MAX_LABEL_VALUES, OTHER, Metric
from meetlat_aggregator.batch import Batch
from meetlat_aggregator.counting import BY_NAME, UNIT, changes
from meetlat_aggregator.sqlfiles import sql
from meetlat_aggregator.staging import Judged
from meetlat_aggregator.unpriced import NoPrices, PriceList

_COUNTER = -1  # the "bucket" of a counter, and of a histogram's sum
_SCHEMA = pa.schema(
    [
        ("metric", pa.string()),
        ("labels", pa.string()),
        ("bucket", pa.int32()),
        ("value", pa.decimal128(38, 9)),
    ]
)


class Key(NamedTuple):
    """One number: a counter, a histogram's sum (bucket -1), or a bucket of it, not cumulated."""

    metric: str
    labels: tuple[str, ...]
    bucket: int


class LiveSeries:
    """All series of one database. `add` within a transaction, then `keep` or `forget`. `prices`
    may be replaced between two transactions: what is counted later goes by the new ones.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, prices: PriceList | None = None) -> None:
        self.prices: PriceList = NoPrices() if prices is None else prices
        self.values: defaultdict[Key, Decimal] = defaultdict(Decimal)
        self._lock = threading.Lock()
        self._labels: defaultdict[str, set[str]] = defaultdict(set)
        self._delta: defaultdict[Key, Decimal] = defaultdict(Decimal)
        self._new_labels: list[tuple[str, str]] = []
        for metric, labels, bucket, value in con.execute(
            "SELECT metric, labels, bucket, value FROM live_series"
        ).fetchall():
            self.values[Key(metric, tuple(msgspec.json.decode(labels)), bucket)] = value
        for label, value in con.execute("SELECT label, value FROM live_labels").fetchall():
            self._labels[label].add(value)

    def add(
        self, con: duckdb.DuckDBPyConnection, batch: Batch, verdicts: pa.ChunkedArray, one: Judged
    ) -> None:
        """Take in a judged batch and store what it changes."""
        for _, metric, labels, buckets, total, observations in changes(
            batch, verdicts, one, self.prices
        ):
            shown = self._fold(BY_NAME[metric], labels, observations)
            for bucket, count in buckets.items():
                self._delta[Key(metric, shown, bucket)] += count
            self._delta[Key(metric, shown, _COUNTER)] += total
        self._store(con)

    def keep(self) -> None:
        """The transaction was committed."""
        with self._lock:
            for key, change in self._delta.items():
                self.values[key] += change
        self._delta.clear()
        self._new_labels.clear()

    def committed(self) -> dict[Key, Decimal]:
        """A copy of the values, from any thread."""
        with self._lock:
            return dict(self.values)

    def forget(self) -> None:
        """The transaction was rolled back."""
        for label, value in self._new_labels:
            self._labels[label].discard(value)
        self._delta.clear()
        self._new_labels.clear()

    def _fold(self, metric: Metric, labels: tuple[str, ...], count: int) -> tuple[str, ...]:
        shown = []
        for label, value in zip(metric.labels, labels, strict=True):
            known = self._labels[label]
            if value == "" or value in known:
                shown.append(value)
            elif len(known) < MAX_LABEL_VALUES:
                known.add(value)
                self._new_labels.append((label, value))
                shown.append(value)
            else:
                self._delta[Key(LABELS_FOLDED.name, (label,), _COUNTER)] += count
                shown.append(OTHER)
        return tuple(shown)

    def _store(self, con: duckdb.DuckDBPyConnection) -> None:
        if self._new_labels:
            labels, values = zip(*self._new_labels, strict=True)
            new_labels = pa.table({"label": labels, "value": values})  # noqa: F841 - read next
            con.execute("INSERT INTO live_labels SELECT label, value FROM new_labels")
        if self._delta:
            keys = list(self._delta)
            live_delta = pa.Table.from_arrays(  # noqa: F841 - DuckDB reads the variable
                [
                    pa.array([key.metric for key in keys], pa.string()),
                    pa.array([msgspec.json.encode(key.labels).decode() for key in keys]),
                    pa.array([key.bucket for key in keys], pa.int32()),
                    pa.array([self._delta[key] for key in keys], pa.decimal128(38, 9)),
                ],
                schema=_SCHEMA,
            )
            con.execute(sql("merge_live"))


def families(values: Mapping[Key, Decimal]) -> Iterator[Family]:
    """What Prometheus scrapes, of all series."""
    grouped: defaultdict[str, defaultdict[tuple[str, ...], dict[int, Decimal]]] = defaultdict(
        lambda: defaultdict(dict)
    )
    for key, value in values.items():
        grouped[key.metric][key.labels][key.bucket] = value
    for name, series in grouped.items():
        yield _family(BY_NAME[name], series)


def _family(metric: Metric, series: dict[tuple[str, ...], dict[int, Decimal]]) -> Family:
    unit = UNIT.get(metric.name, 1)
    if metric.kind == "counter":
        counter = CounterMetricFamily(metric.name, metric.meaning, labels=metric.labels)
        for labels, values in sorted(series.items()):
            counter.add_metric(labels, float(values[_COUNTER] / unit))
        return counter
    family = HistogramMetricFamily(metric.name, metric.meaning, labels=metric.labels)
    for labels, values in sorted(series.items()):
        cumulated, running = [], 0
        for place, bound in enumerate((*metric.buckets, float("inf"))):
            running += int(values.get(place, 0))
            cumulated.append(("+Inf" if bound == float("inf") else str(float(bound)), running))
        family.add_metric(labels, cumulated, float(values.get(_COUNTER, 0) / unit))
    return family
