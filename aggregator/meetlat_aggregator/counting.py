"""What a batch adds to the series of `/metrics`, counted in columns: no statement to plan.

History, and events more than an hour old when they were appended, do not touch them; only
`meetlat_events_total` counts every record, since it is about the pipeline and not about a KPI.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from meetlat.metrics import METRICS
from meetlat_aggregator.batch import Batch
from meetlat_aggregator.rows import Numbers, distinct
from meetlat_aggregator.staging import Judged
from meetlat_aggregator.unpriced import TOKENS, PriceList
from meetlat_aggregator.waits import microseconds

# Values that are exact as integers in a smaller unit: stored so, shown in the base unit.
UNIT = {
    "gen_ai_client_operation_duration_seconds": 1_000_000,
    "gen_ai_client_operation_time_to_first_chunk_seconds": 1_000_000,
    "meetlat_feedback_score": 1_000_000,
}
BY_NAME = {metric.name: metric for metric in METRICS}
HOUR_MICROSECONDS = 3_600_000_000
FRESH_MICROSECONDS = HOUR_MICROSECONDS
_CALL_LABELS = ("use_case", "tool", "operation", "provider", "model", "error_type")
_TOKENS = {
    "input_tokens": "input",
    "cache_read_tokens": "cache_read",
    "cache_write_tokens": "cache_write",
    "output_tokens": "output",
}


class Change(NamedTuple):
    """One series' change by so many observations; `first_seq` is where it first occurs."""

    first_seq: int
    metric: str
    labels: tuple[str, ...]
    buckets: dict[int, int]
    total: Decimal
    observations: int


def changes(
    batch: Batch, verdicts: pa.ChunkedArray, one: Judged, prices: PriceList
) -> list[Change]:
    """All changes of a batch, in the order of the log."""
    events = batch.events
    found = list(_records(events, verdicts))
    age = np.asarray(
        pc.subtract(events["append_time"], events["time"]).cast(pa.int64()).fill_null(0)
    )
    fresh = ~np.asarray(events["history"]) & (age <= FRESH_MICROSECONDS)
    for name, count in _COUNTED.items():
        rows = one.data.get(name)
        if rows is not None:
            rows = rows.filter(pa.array(fresh[np.asarray(rows["seq"])]))
            if rows.num_rows:
                found.extend(count(rows))
                if name == "interaction":
                    found.extend(_unpriced(rows, events["time"], prices))
    return sorted(found, key=lambda change: (change.first_seq, change.metric))


def bounds_of(metric: str) -> list[int]:
    """A histogram's upper bounds in the unit in which its values are stored."""
    return [round(bound * UNIT.get(metric, 1)) for bound in BY_NAME[metric].buckets]


class _Groups:
    """Rows grouped by labels, '' where one is absent."""

    def __init__(self, rows: pa.Table, labels: Sequence[str]) -> None:
        self.codes, first = distinct(rows, labels)
        self.seqs = np.asarray(rows["seq"]).astype(np.int64)
        columns = [
            pc.fill_null(rows[label].take(pa.array(first)).cast(pa.string()), "").to_pylist()
            for label in labels
        ]
        self.labels: list[tuple[str, ...]] = list(zip(*columns, strict=True))

    def counter(
        self, metric: str, values: Numbers | None = None, mask: npt.NDArray[np.bool_] | None = None
    ) -> Iterator[Change]:
        """One change per group that has rows: their number, or the sum of `values`."""
        codes, seqs = self._within(mask)
        counts, firsts = self._counts(codes, seqs)
        sums = counts if values is None else self._sums(codes, values)
        for code in np.flatnonzero(counts).tolist():
            total, count = Decimal(int(sums[code])), int(counts[code])
            yield Change(int(firsts[code]), metric, self.labels[code], {}, total, count)

    def histogram(
        self,
        metric: str,
        values: Numbers,
        mask: npt.NDArray[np.bool_],
        more: tuple[str, ...] = (),
    ) -> Iterator[Change]:
        """One change per group that has values; bucket places, the last one above all bounds."""
        codes, seqs = self._within(mask)
        if not codes.size:
            return
        counts, firsts = self._counts(codes, seqs)
        bounds = bounds_of(metric)
        places = np.searchsorted(bounds, values, side="left")
        width = len(bounds) + 1
        table = np.bincount(codes * width + places, minlength=len(self.labels) * width)
        table = table.reshape(-1, width)
        sums = self._sums(codes, values)
        for code in np.flatnonzero(counts).tolist():
            buckets = {place: n for place, n in enumerate(table[code].tolist()) if n}
            yield Change(
                int(firsts[code]),
                metric,
                self.labels[code] + more,
                buckets,
                Decimal(int(sums[code])),
                int(counts[code]),
            )

    def _within(self, mask: npt.NDArray[np.bool_] | None) -> tuple[Numbers, Numbers]:
        return (self.codes, self.seqs) if mask is None else (self.codes[mask], self.seqs[mask])

    def _counts(self, codes: Numbers, seqs: Numbers) -> tuple[Numbers, Numbers]:
        firsts = np.zeros(len(self.labels), dtype=np.int64)
        firsts[codes[::-1]] = seqs[::-1]  # the last assignment stays: the first row
        return np.bincount(codes, minlength=len(self.labels)), firsts

    def _sums(self, codes: Numbers, values: Numbers) -> Numbers:
        sums = np.zeros(len(self.labels), dtype=np.int64)
        np.add.at(sums, codes, values)
        return sums


def _records(events: pa.Table, verdicts: pa.ChunkedArray) -> Iterator[Change]:
    rows = events.select(["seq", "type"]).append_column("verdict", verdicts)
    return _Groups(rows, ("type", "verdict")).counter("meetlat_events_total")


def _calls(rows: pa.Table) -> Iterator[Change]:
    yield from _Groups(rows, ("use_case", "tool", "status")).counter("meetlat_requests_total")
    yield from _cost(rows)
    rows = rows.filter(pc.not_equal(rows["status"], "cancelled"))
    yield from _feature_uses(rows, None)
    groups = _Groups(rows, _CALL_LABELS)
    for field, metric in (
        ("duration", "gen_ai_client_operation_duration_seconds"),
        ("first_token", "gen_ai_client_operation_time_to_first_chunk_seconds"),
    ):
        mask = np.asarray(rows[field].is_valid())
        values = microseconds(np.asarray(rows[field].drop_null()))
        yield from groups.histogram(metric, values, mask)
    for field, kind in _TOKENS.items():
        mask = np.asarray(rows[field].is_valid())
        values = np.asarray(rows[field].drop_null()).astype(np.int64)
        yield from groups.histogram("gen_ai_client_token_usage", values, mask, (kind,))


def _cost(rows: pa.Table) -> Iterator[Change]:
    priced = np.asarray(rows["cost"].is_valid())
    if priced.any():
        rows = rows.filter(pa.array(priced))
        groups = _Groups(rows, ("use_case", "tool", "model", "currency"))
        costs = pa.table({"group": groups.codes, "cost": rows["cost"].cast(pa.decimal128(38, 9))})
        sums = dict(
            zip(*costs.group_by("group").aggregate([("cost", "sum")]).to_pydict().values(),
                strict=True)
        )  # fmt: skip
        for code, change in enumerate(groups.counter("meetlat_cost_total")):
            yield change._replace(total=sums[code])


def _unpriced(rows: pa.Table, times: pa.ChunkedArray, prices: PriceList) -> Iterator[Change]:
    """Calls with tokens and no cost, those whose price is known elsewhere as none: a model has its
    labels whatever its price is.
    """
    lacking = np.zeros(rows.num_rows, dtype=np.bool_)
    for field in TOKENS:
        lacking |= np.asarray(rows[field].is_valid())
    lacking &= np.asarray(rows["cost"].is_null())
    rows = rows.filter(pa.array(lacking))
    if rows.num_rows:
        hours = np.asarray(times.take(rows["seq"]).cast(pa.int64())) // HOUR_MICROSECONDS
        unknown = prices.unpriced(rows.append_column("hour", pa.array(hours)))
        groups = _Groups(rows, ("tool", "model"))
        yield from groups.counter("meetlat_unpriced_requests_total", unknown.astype(np.int64))


def _escalations(rows: pa.Table) -> Iterator[Change]:
    return _Groups(rows, ("use_case", "tool", "reason")).counter("meetlat_escalations_total")


def _usage(rows: pa.Table) -> Iterator[Change]:
    return _feature_uses(rows, rows["count"])


def _feature_uses(rows: pa.Table, counts: pa.ChunkedArray | None) -> Iterator[Change]:
    known = rows["feature"].is_valid()
    if counts is not None:
        counts = np.asarray(counts.filter(known)).astype(np.int64)
    rows = rows.filter(known)
    if rows.num_rows:
        groups = _Groups(rows, ("use_case", "feature"))
        yield from groups.counter("meetlat_feature_uses_total", counts)


def _feedback(rows: pa.Table) -> Iterator[Change]:
    """Scores on a scale of 1 to 10, in millionths."""
    rows = rows.filter(rows["score"].is_valid())
    if rows.num_rows:
        score, low, high = (
            np.asarray(rows[name]).astype(np.float64)
            for name in ("score", "scale_min", "scale_max")
        )
        values = microseconds(1 + 9 * (score - low) / (high - low))
        everything = np.ones(rows.num_rows, dtype=np.bool_)
        yield from _Groups(rows, ("use_case", "kind")).histogram(
            "meetlat_feedback_score", values, everything
        )


_COUNTED: dict[str, Any] = {
    "interaction": _calls,
    "escalation": _escalations,
    "usage": _usage,
    "feedback": _feedback,
}
