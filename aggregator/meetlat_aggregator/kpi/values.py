"""From sums per period and cut to values with a range: one formula per shape, all KPIs at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from meetlat.kpis.catalogue import Kpi
from meetlat_aggregator.kpi.clusters import design_effect, ratio_by_day
from meetlat_aggregator.kpi.measured import KEY, Floats, Measured
from meetlat_aggregator.kpi.statistics import (
    Range,
    mean_t,
    quantile_of_histogram,
    weighted_wilson,
    wilson,
)


def from_sums(rows: pa.Table, kpis: Mapping[str, Kpi]) -> Measured:
    """Values of `sql/kpi/sums.sql`, in each KPI's unit.

    A share whose calls cluster by day (`hourly`) has Wilson's range over its effective n.
    """
    codes, of_kpi = _kpis(rows, kpis)
    shape = _by_part(rows, codes, of_kpi, Kpi.shape_of, str)
    clustered = np.array([kpi.hourly for kpi in of_kpi], dtype=bool)[codes]
    scale = _by_part(rows, codes, of_kpi, Kpi.scale_of, float)
    n, total, weight, squares, days = (
        _numbers(rows[name]) for name in ("n", "total", "weight", "squares", "days")
    )
    between = tuple(_numbers(rows[name]) for name in ("total_total", "total_n", "n_n"))
    found = _Columns(len(n))

    share = shape == "share"
    effect = np.where(clustered, design_effect(total, n, days, *between), 1.0)
    found.put(share, wilson(total, n, effect))
    found.put(shape == "weighted", weighted_wilson(total, weight, squares))
    found.put(shape == "mean", mean_t(total, squares, n))
    found.put(shape == "ratio", ratio_by_day(total, n, days, *between))
    # A share of people, say, is at most all of them, and its range too.
    of_all = (shape == "ratio") & np.array([kpi.unit == "share" for kpi in of_kpi], bool)[codes]
    most = np.where(of_all, np.fmax(found.value, 1.0), np.inf)
    found.high = np.minimum(found.high, most)
    found.put(shape == "sum", _bare(total))
    with np.errstate(divide="ignore", invalid="ignore"):
        found.put(shape == "weeks", _bare(total / days))
    found.value *= scale
    found.low *= scale
    found.high *= scale
    counted = np.where(share, total, np.nan)
    return Measured(
        rows.select(KEY), rows["cut"], Range(found.value, found.low, found.high), n, counted
    )


def from_buckets(rows: pa.Table, kpis: Mapping[str, Kpi]) -> Measured:
    """Quantiles of `sql/kpi/buckets.sql`, a list of waits per row, in seconds."""
    waits = rows["waits"].combine_chunks()
    sizes = np.diff(np.asarray(waits.offsets)).astype(np.int64)
    flat = waits.flatten()
    buckets = np.asarray(flat.field("bucket")).astype(np.int64)
    counts = np.asarray(flat.field("count")).astype(np.int64)
    order = np.lexsort((buckets, np.repeat(np.arange(len(sizes)), sizes)))
    buckets, counts = buckets[order], counts[order]
    codes, of_kpi = _kpis(rows, kpis)
    quantile = np.array([kpi.quantile for kpi in of_kpi], dtype=float)[codes]
    begins = np.cumsum(sizes) - sizes
    n = np.add.reduceat(counts, begins).astype(float) if len(begins) else np.array([], dtype=float)
    found = _Columns(len(begins))
    for q in np.unique(quantile):
        mine = quantile == q
        of_rows = np.repeat(mine, sizes)
        starts = np.cumsum(sizes[mine]) - sizes[mine]
        part = quantile_of_histogram(buckets[of_rows], counts[of_rows], starts, float(q))
        for name in ("value", "low", "high"):
            getattr(found, name)[mine] = getattr(part, name) / 1e6
    nothing = np.full(len(begins), np.nan)
    return Measured(
        rows.select(KEY), rows["cut"], Range(found.value, found.low, found.high), n, nothing
    )


class _Columns:
    def __init__(self, count: int) -> None:
        self.value: Floats = np.full(count, np.nan)
        self.low: Floats = np.full(count, np.nan)
        self.high: Floats = np.full(count, np.nan)

    def put(self, where: npt.NDArray[np.bool_], found: Range) -> None:
        for name in ("value", "low", "high"):
            column = getattr(self, name)
            column[where] = getattr(found, name)[where]


def _by_part(
    rows: pa.Table,
    codes: npt.NDArray[np.int64],
    of_kpi: list[Kpi],
    of_part: Callable[[Kpi, str], object],
    kind: type,
) -> npt.NDArray[Any]:
    """Of each row what its KPI says, or its part where that is something else."""
    if not of_kpi:
        return np.array([], dtype=kind)
    parts = rows["part"].combine_chunks().dictionary_encode()
    names = parts.dictionary.to_pylist()
    table = np.array([[of_part(kpi, name) for name in names] for kpi in of_kpi])
    of_row: npt.NDArray[Any] = table[codes, np.asarray(parts.indices)]
    return of_row


def _bare(value: Floats) -> Range:
    nothing = np.full(len(value), np.nan)
    return Range(value, nothing, nothing)


def _kpis(rows: pa.Table, kpis: Mapping[str, Kpi]) -> tuple[npt.NDArray[np.int64], list[Kpi]]:
    encoded = rows["kpi"].combine_chunks().dictionary_encode()
    codes = np.asarray(encoded.indices).astype(np.int64)
    return codes, [kpis[name] for name in encoded.dictionary.to_pylist()]


def _numbers(column: pa.ChunkedArray) -> Floats:
    filled = column.combine_chunks().cast(pa.float64()).fill_null(np.nan)
    return np.array(filled.to_numpy(zero_copy_only=False), dtype=float)
