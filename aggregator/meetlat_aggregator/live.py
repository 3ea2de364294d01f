"""The counters and histograms of `/metrics`: kept in memory, stored in the batch's transaction.

A restart reads them back, so it loses and doubles none. History, and events more than an hour old
when they were appended, do not touch them. A label takes at most 100 distinct values, in the order
of the log; the rest becomes `other`, with a counter that says so.
"""

from __future__ import annotations

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

from meetlat.metrics import LABELS_FOLDED, MAX_LABEL_VALUES, METRICS, OTHER, Metric
from meetlat_aggregator.sqlfiles import sql, sql_names

# Values that are exact as integers in a smaller unit: stored so, shown in the base unit.
_UNIT = {
    "gen_ai_client_operation_duration_seconds": 1_000_000,
    "gen_ai_client_operation_time_to_first_chunk_seconds": 1_000_000,
    "meetlat_feedback_score": 1_000_000,
}
_BY_NAME = {metric.name: metric for metric in METRICS}
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


class _Row(NamedTuple):
    """One series' change by so many observations; `first_seq` is where it first occurs."""

    first_seq: int
    metric: str
    labels: list[str]
    buckets: dict[int, int]
    total: Decimal
    observations: int


class LiveSeries:
    """All series of one database. `add` within a transaction, then `keep` or `forget`."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self.values: defaultdict[Key, Decimal] = defaultdict(Decimal)
        self._labels: defaultdict[str, set[str]] = defaultdict(set)
        self._delta: defaultdict[Key, Decimal] = defaultdict(Decimal)
        self._new_labels: list[tuple[str, str]] = []
        for metric, labels, bucket, value in con.execute(
            "SELECT metric, labels, bucket, value FROM live_series"
        ).fetchall():
            self.values[Key(metric, tuple(msgspec.json.decode(labels)), bucket)] = value
        for label, value in con.execute("SELECT label, value FROM live_labels").fetchall():
            self._labels[label].add(value)

    def add(self, con: duckdb.DuckDBPyConnection, staged: set[str]) -> None:
        """Take in the staged batch and store what it changes."""
        rows = sorted(self._rows(con, staged), key=lambda row: (row.first_seq, row.metric))
        for _, metric, labels, buckets, total, observations in rows:
            shown = self._fold(_BY_NAME[metric], labels, observations)
            for bucket, count in buckets.items():
                self._delta[Key(metric, shown, bucket)] += count
            self._delta[Key(metric, shown, _COUNTER)] += total
        self._store(con)

    def keep(self) -> None:
        """The transaction was committed."""
        for key, change in self._delta.items():
            self.values[key] += change
        self._delta.clear()
        self._new_labels.clear()

    def forget(self) -> None:
        """The transaction was rolled back."""
        for label, value in self._new_labels:
            self._labels[label].discard(value)
        self._delta.clear()
        self._new_labels.clear()

    def _rows(self, con: duckdb.DuckDBPyConnection, staged: set[str]) -> Iterator[_Row]:
        """What every live query that applies finds in the staged batch."""
        for name in sql_names("live"):
            metric = _BY_NAME[name.partition(".")[0]]
            text = sql(f"live/{name}")
            needed = [
                s
                for s in ("interaction", "escalation", "usage", "feedback")
                if f"staged_{s}" in text
            ]
            if not set(needed) <= staged:
                continue
            if metric.kind == "histogram":
                bounds = [round(bound * _UNIT.get(metric.name, 1)) for bound in metric.buckets]
                for first, labels, counted, total in con.execute(
                    text, {"bounds": bounds}
                ).fetchall():
                    places = {bound: place for place, bound in enumerate(bounds)}
                    buckets: defaultdict[int, int] = defaultdict(int)
                    for bound, count in counted.items():
                        if count:
                            buckets[places.get(bound, len(bounds))] += count
                    observations = sum(buckets.values())
                    yield _Row(
                        first, metric.name, labels, dict(buckets), Decimal(total), observations
                    )
            else:
                for first, labels, total, observations in con.execute(text).fetchall():
                    yield _Row(first, metric.name, labels, {}, Decimal(total), observations)

    def _fold(self, metric: Metric, labels: list[str], count: int) -> tuple[str, ...]:
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
            table = pa.table({"label": labels, "value": values})
            con.register("new_labels", table)
            con.execute("INSERT INTO live_labels SELECT label, value FROM new_labels")
            con.unregister("new_labels")
        if self._delta:
            keys = list(self._delta)
            table = pa.Table.from_arrays(
                [
                    pa.array([key.metric for key in keys], pa.string()),
                    pa.array([msgspec.json.encode(key.labels).decode() for key in keys]),
                    pa.array([key.bucket for key in keys], pa.int32()),
                    pa.array([self._delta[key] for key in keys], pa.decimal128(38, 9)),
                ],
                schema=_SCHEMA,
            )
            con.register("live_delta", table)
            con.execute(sql("merge_live"))
            con.unregister("live_delta")


def families(values: Mapping[Key, Decimal]) -> Iterator[Family]:
    """What Prometheus scrapes, of all series."""
    grouped: defaultdict[str, defaultdict[tuple[str, ...], dict[int, Decimal]]] = defaultdict(
        lambda: defaultdict(dict)
    )
    for key, value in values.items():
        grouped[key.metric][key.labels][key.bucket] = value
    for name, series in grouped.items():
        yield _family(_BY_NAME[name], series)


def _family(metric: Metric, series: dict[tuple[str, ...], dict[int, Decimal]]) -> Family:
    unit = _UNIT.get(metric.name, 1)
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
