"""Puts values beside their baselines: within segments, weighed by the current mix, less what a
control team changed without AI.

A segment without a baseline is left out of the comparison, and the share of the others is told: a
total must not look better because the easy work became more.
"""

from __future__ import annotations

from collections.abc import Mapping

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from meetlat.kpis.catalogue import Kpi
from meetlat_aggregator.kpi.measured import Floats, floats
from meetlat_aggregator.kpi.statistics import (
    Range,
    difference,
    improvement,
    shares_within,
    weighted_sum,
)
from meetlat_aggregator.sqlfiles import sql

# No percentage under so many observations a side.
LEAST = 20


def compare(con: duckdb.DuckDBPyConnection, kpis: Mapping[str, Kpi], kpi_now: pa.Table) -> pa.Table:
    """What comparing `kpi_now` (see `sql/kpi/now.sql`) with `kpi_base` gives, by id: baseline,
    baseline_n, compared_value, compared_share, improvement with its range, control_change,
    estimated.
    """
    count = kpi_now.num_rows
    pairs = con.sql(sql("kpi/pairs")).to_arrow_table()
    found = {
        name: np.full(count, np.nan)
        for name in (
            "baseline", "baseline_n", "compared_value", "compared_share", "improvement",
            "improvement_low", "improvement_high", "control_change",
        )
    }  # fmt: skip
    estimated = np.zeros(count, dtype=bool)
    known = pairs.filter(pairs["base"].is_valid())
    if known.num_rows:
        _weigh(pairs, known, _better(kpis, kpi_now), found, estimated)
        _less_control(con, kpi_now, found)
    columns = {name: floats(values) for name, values in found.items()}
    return pa.table({"id": np.arange(count), **columns, "estimated": estimated})


def _better(kpis: Mapping[str, Kpi], rows: pa.Table) -> npt.NDArray[np.bool_]:
    """By id, whether higher is better."""
    of_kpi, parts = (rows[name].combine_chunks().dictionary_encode() for name in ("kpi", "part"))
    higher = np.array(
        [
            [kpis[name].better_of(part) == "higher" for part in parts.dictionary.to_pylist()]
            for name in of_kpi.dictionary.to_pylist()
        ]
    )
    by_id = np.zeros(rows.num_rows, dtype=bool)
    by_id[_ints(rows["id"])] = higher[np.asarray(of_kpi.indices), np.asarray(parts.indices)]
    return by_id


def _weigh(
    pairs: pa.Table,
    known: pa.Table,
    higher: npt.NDArray[np.bool_],
    found: dict[str, Floats],
    estimated: npt.NDArray[np.bool_],
) -> None:
    everything = np.bincount(_ints(pairs["id"]), _floats(pairs["n"]), minlength=len(higher))
    ids = _ints(known["id"])
    begins = np.flatnonzero(np.append(True, ids[1:] != ids[:-1]))
    rows = ids[begins]
    n, base_n = _floats(known["n"]), _floats(known["base_n"])
    compared = np.add.reduceat(n, begins)
    weights = shares_within(n, begins)
    now = weighted_sum(_range(known, "value", "low", "high"), weights, begins)
    base = weighted_sum(_range(known, "base", "base_low", "base_high"), weights, begins)
    better = improvement(now, base, higher[rows])
    found["baseline"][rows] = base.value
    found["baseline_n"][rows] = np.add.reduceat(base_n, begins)
    found["compared_value"][rows] = now.value
    whole = everything[rows]
    found["compared_share"][rows] = compared / np.where(whole > 0, whole, np.nan)
    enough = (compared >= LEAST) & (found["baseline_n"][rows] >= LEAST)
    for name, values in (("", better.value), ("_low", better.low), ("_high", better.high)):
        found[f"improvement{name}"][rows] = np.where(enough, values, np.nan)
    by_hand = np.asarray(known["source"].combine_chunks().dictionary_encode().indices)
    texts = known["source"].combine_chunks().dictionary_encode().dictionary.to_pylist()
    hand = np.array([text != "measured" for text in texts], dtype=bool)[by_hand]
    estimated[rows] = np.logical_or.reduceat(hand, begins)


def _less_control(
    con: duckdb.DuckDBPyConnection,
    kpi_now: pa.Table,  # noqa: ARG001 - read next
    found: dict[str, Floats],
) -> None:
    """Take off what changed without AI. Where the control team has no change, nothing is taken."""
    pairs = con.sql(sql("kpi/controls")).to_arrow_table()
    ids, controls = _ints(pairs["id"]), _ints(pairs["control"])
    known = np.isfinite(found["improvement"][controls]) & np.isfinite(found["improvement"][ids])
    ids, controls = ids[known], controls[known]
    names = ("improvement", "improvement_low", "improvement_high")
    own = Range(*(found[name][ids] for name in names))
    other = Range(*(found[name][controls] for name in names))
    less = difference(own, other)
    found["control_change"][ids] = other.value
    for name, values in zip(names, (less.value, less.low, less.high), strict=True):
        found[name][ids] = values


def _range(rows: pa.Table, value: str, low: str, high: str) -> Range:
    return Range(*(_floats(rows[name]) for name in (value, low, high)))


def _ints(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    return np.asarray(column.combine_chunks().cast(pa.int64())).astype(np.int64)


def _floats(column: pa.ChunkedArray) -> Floats:
    filled = column.combine_chunks().cast(pa.float64()).fill_null(np.nan)
    return np.array(filled.to_numpy(zero_copy_only=False), dtype=float)
