"""Gauges of `/metrics` that are read from the tables now and then, not counted batch by batch."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import duckdb
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Family

from meetlat.metrics import MAX_LABEL_VALUES, METRICS, OTHER, Metric
from meetlat_aggregator.sqlfiles import sql, sql_names

_BY_NAME = {metric.name: metric for metric in METRICS}
Values = dict[str, list[tuple[tuple[str, ...], float]]]


def read_gauges(con: duckdb.DuckDBPyConnection, now: datetime, privacy_limit: int) -> Values:
    """The values per metric name. `now` is naive UTC."""
    monday = datetime(now.year, now.month, now.day) - timedelta(days=now.weekday())  # noqa: DTZ001
    given = {
        "now": now,
        "week_start": monday - timedelta(days=7),
        "week_end": monday,
        "privacy_limit": privacy_limit,
    }
    found: Values = {}
    con.execute("BEGIN")  # all of one moment: folding goes on beside
    try:
        for name in sql_names("gauges"):
            text = sql(f"gauges/{name}")
            used = {key: value for key, value in given.items() if f"${key}" in text}
            rows = con.execute(text, used).fetchall()
            found[name] = [(tuple(row[0]), float(row[1])) for row in rows]
    finally:
        con.execute("ROLLBACK")  # nothing was written
    return found


def families(values: Values) -> Iterator[Family]:
    """What Prometheus scrapes of them."""
    for name, rows in values.items():
        if rows:
            yield family(_BY_NAME[name], rows)


def family(metric: Metric, rows: list[tuple[tuple[str, ...], float]]) -> Family:
    """One family; label values beyond the bound become `other`: counters add up, gauges show the
    lowest.
    """
    bounded: dict[tuple[str, ...], float] = {}
    known: list[set[str]] = [set() for _ in metric.labels]
    for labels, value in rows:
        shown = tuple(_bound(text, seen) for text, seen in zip(labels, known, strict=True))
        if metric.kind == "counter":
            bounded[shown] = bounded.get(shown, 0.0) + value
        else:
            bounded[shown] = min(bounded.get(shown, value), value)
    made = (CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily)(
        metric.name, metric.meaning, labels=metric.labels
    )
    for labels, value in bounded.items():
        made.add_metric(labels, value)
    return made


def _bound(text: str, seen: set[str]) -> str:
    if text in seen or len(seen) < MAX_LABEL_VALUES:
        seen.add(text)
        return text
    return OTHER
