"""Adds parts of days and months up to periods and cuts, all KPIs at once.

In SQL that is a hash table per cut, more memory than DuckDB is given here, and a plan that takes
longer than the work: the parts of a month are some ten thousand rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from meetlat_aggregator.kpi.measured import KEY, Cut, floats
from meetlat_aggregator.kpi.periods import SHORT, Period, calendar_period
from meetlat_aggregator.kpi.placing import EPOCH, Spans, days_of, in_control

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
SUMS = ("n", "total", "weight", "squares")
BETWEEN = ("days", "total_total", "total_n", "n_n")
_KEY = ("kpi", "use_case", "part", "team", "segment")
_CUTS: tuple[tuple[Cut, bool, bool], ...] = (
    ("total", False, False), ("team", True, False), ("segment", False, True), ("both", True, True),
)  # fmt: skip
_MOST = 2**62


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which periods; the control team per use case, which is in no total; the KPIs of which teams
    are compared within their segments; and the use cases that have each KPI.
    """

    periods: Sequence[Period]
    control: Mapping[str, str]
    compared: frozenset[str]
    have: Mapping[str, frozenset[str]]


def add_sums(parts: pa.Table, wanted: Wanted) -> Iterator[pa.Table]:
    """What `values.from_sums` reads, from `sql/kpi/day_sums.sql`: parts of days, and of whole
    months per cut. Quarters and longer are made of their whole months and the days beside them.

    Beside the sums of observations stand those between days, since calls of one day are alike.
    """
    rows = _Rows.of(parts)
    given = {name: _floats(parts[name]) for name in (*SUMS, *BETWEEN)}
    for cut, by_team, by_segment in _CUTS:
        groups = rows.grouped(wanted, cut, by_team, by_segment)
        if not len(groups.at):
            continue
        # A group's rows of one day are one day.
        same = groups.begins(groups.number, groups.first, groups.month)
        found = {name: _sum(column[groups.at], same) for name, column in given.items()}
        days = groups.take(same)
        alone = ~days.month
        n, total = found["n"], found["total"]
        for name, made in (
            ("days", np.ones(len(n))), ("total_total", total * total), ("total_n", total * n),
            ("n_n", n * n),
        ):  # fmt: skip
            found[name] = np.where(alone, made, found[name])
        for name, starts, inside, place in days.periods(wanted.periods):
            some = days.take(inside)
            begins = some.begins(some.number, place)
            yield rows.table(
                some.at[begins], name, starts, place[begins], cut,
                {key: floats(_sum(column[inside], begins)) for key, column in found.items()},
            )  # fmt: skip


def add_waits(parts: pa.Table, wanted: Wanted) -> Iterator[pa.Table]:
    """What `values.from_buckets` reads, from `sql/kpi/day_buckets.sql`."""
    rows = _Rows.of(parts)
    bucket = np.asarray(parts["bucket"].combine_chunks()).astype(np.int64)
    count = np.asarray(parts["count"].combine_chunks()).astype(np.int64)
    for cut, by_team, by_segment in _CUTS:
        groups = rows.grouped(wanted, cut, by_team, by_segment, bucket)
        for name, starts, inside, unordered in groups.periods(wanted.periods):
            order = _sorted([groups.number[inside], unordered, bucket[groups.at[inside]]])
            some, place = groups.take(inside[order]), unordered[order]
            same = some.begins(some.number, place, bucket[some.at])
            begins = some.begins(some.number, place)
            waits = pa.StructArray.from_arrays(
                [bucket[some.at[same]], np.add.reduceat(count[some.at], same)], ["bucket", "count"]
            )
            offsets = np.append(np.searchsorted(same, begins), len(same)).astype(np.int32)
            yield rows.table(
                some.at[begins], name, starts, place[begins], cut,
                {"waits": pa.ListArray.from_arrays(pa.array(offsets), waits)},
            )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows of parts: codes into lists of texts, the days that each spans (since 1970), and whether
    it is of a whole month, of a week, or of one cut.
    """

    codes: dict[str, Ints]
    texts: dict[str, list[str]]
    first: Ints
    last: Ints
    month: Bools
    weekly: Bools
    cut: npt.NDArray[Any]

    @classmethod
    def of(cls, parts: pa.Table) -> _Rows:
        codes, texts = {}, {}
        for name in (*_KEY, "cut"):
            encoded = parts[name].combine_chunks().dictionary_encode()
            codes[name] = np.asarray(encoded.indices).astype(np.int64)
            texts[name] = encoded.dictionary.to_pylist()
        cut = np.array(texts.pop("cut"), dtype=object)[codes.pop("cut")]
        first, last = (_ints(parts[name]) for name in ("first", "last"))
        month, weekly = (
            parts[name].combine_chunks().to_numpy(zero_copy_only=False)
            for name in ("month", "weekly")
        )
        return cls(codes, texts, first, last, month, weekly, cut)

    def grouped(
        self, wanted: Wanted, cut: Cut, by_team: bool, by_segment: bool, bucket: Ints | None = None
    ) -> _Groups:
        """The rows that belong to a cut, sorted by group (then bucket, then time)."""
        kept = ((self.cut == "") | (self.cut == cut)) & self._had(wanted.have)
        if not by_team:
            kept &= ~in_control(self.codes, self.texts, wanted.control)
        if cut == "both":
            compared = np.array([name in wanted.compared for name in self.texts["kpi"]], bool)
            kept &= compared[self.codes["kpi"]] if len(compared) else False
        at = np.flatnonzero(kept)
        number = np.zeros(len(at), np.int64)
        for name in ("kpi", "use_case", "part", *["team"] * by_team, *["segment"] * by_segment):
            number = number * len(self.texts[name]) + self.codes[name][at]
        keys = [number, self.first[at], self.month[at].astype(np.int64)]
        if bucket is not None:
            keys.insert(1, bucket[at])
        order = _sorted(keys)
        at = at[order]
        return _Groups(self, at, number[order], self.first[at], self.last[at], self.month[at])

    def _had(self, have: Mapping[str, frozenset[str]]) -> Bools:
        kpis, use_cases = self.texts["kpi"], self.texts["use_case"]
        pairs = np.array([[case in have[kpi] for case in use_cases] for kpi in kpis], bool)
        found: Bools = pairs.reshape(len(kpis), len(use_cases))[
            self.codes["kpi"], self.codes["use_case"]
        ]
        return found

    def table(
        self,
        at: Ints,
        period: str,
        starts: Sequence[date],
        place: Ints,
        cut: Cut,
        columns: Mapping[str, pa.Array],
    ) -> pa.Table:
        """One row per group, of which `at` is one row each, and `place` that of its start."""
        shown = {"kpi", "use_case", "part"}
        shown |= {"team"} if cut in ("team", "both") else set()
        shown |= {"segment"} if cut in ("segment", "both") else set()
        made: dict[str, Any] = {
            "period": pa.array([period] * len(at), pa.string()),
            "start": pa.array(starts, pa.date32()).cast(pa.timestamp("us")).take(pa.array(place)),
            "cut": pa.array([cut] * len(at), pa.string()),
        }
        for name in _KEY:
            texts = pa.array(self.texts[name] if name in shown else [""], pa.string())
            codes = self.codes[name][at] if name in shown else np.zeros(len(at), np.int64)
            made[name] = texts.take(pa.array(codes))
        return pa.table({**{name: made[name] for name in (*KEY, "cut")}, **columns})


@dataclass(frozen=True, slots=True)
class _Groups:
    """Rows sorted by the number of their group; `at` is where each is in `rows`."""

    rows: _Rows
    at: Ints
    number: Ints
    first: Ints
    last: Ints
    month: Bools

    def take(self, places: Ints) -> _Groups:
        """Some of them."""
        return _Groups(
            self.rows, self.at[places], self.number[places], self.first[places],
            self.last[places], self.month[places],
        )  # fmt: skip

    def begins(self, *by: npt.NDArray[Any]) -> Ints:
        """Where rows begin that differ from the one before in any of these."""
        new = np.zeros(len(self.at), bool)
        new[:1] = True
        for column in by:
            new[1:] |= column[1:] != column[:-1]
        return np.flatnonzero(new)

    def periods(self, periods: Sequence[Period]) -> Iterator[tuple[str, list[date], Ints, Ints]]:
        """Per name of periods their starts, the rows that make any of them, and which of the starts
        is that of each row.
        """
        of_case = self.rows.codes["use_case"][self.at]
        weekly = self.rows.weekly[self.at]
        month_first, month_last = _months(self.first)
        by_name: dict[str, list[Period]] = {}
        for period in periods:
            by_name.setdefault(period.name, []).append(period)
        for name, some in by_name.items():
            spans = Spans.of(some, self.rows.texts["use_case"])
            place = spans.place(of_case, self.first)
            since, until = spans.since[of_case, place], spans.until[of_case, place]
            inside = (place >= 0) & (self.last <= until)
            if name in SHORT:
                inside &= ~self.month
            else:
                whole = (month_first >= since) & (month_last <= until)
                inside &= self.month | weekly | ~whole
            if inside.any():
                yield name, spans.starts, np.flatnonzero(inside), place[inside]


def _months(days: Ints) -> tuple[Ints, Ints]:
    """First and last day of the calendar months of these days."""
    distinct, place = np.unique(days, return_inverse=True)
    spans = [calendar_period("month", EPOCH + timedelta(days=int(day))) for day in distinct]
    firsts = np.array([days_of(first) for first, _ in spans], np.int64)
    lasts = np.array([days_of(last) for _, last in spans], np.int64)
    return firsts[place], lasts[place]


def _sorted(keys: Sequence[Ints]) -> Ints:
    """The order by these keys, the first one first; of equal ones that in which they came. As one
    number each, of which the row is the last part, since numbers sort many times as fast.
    """
    rows = len(keys[0])
    code, span = np.zeros(rows, np.int64), 1
    for key in (*keys, np.arange(rows)):
        low, high = (int(key.min()), int(key.max())) if rows else (0, 0)
        if span * (high - low + 1) > _MOST:
            code = np.unique(code, return_inverse=True)[1]
            span = rows
        code = code * (high - low + 1) + (key - low)
        span *= high - low + 1
    return np.sort(code) % rows if rows else code


def _sum(values: npt.NDArray[np.float64], begins: Ints) -> npt.NDArray[np.float64]:
    """Per group, of what is known; NaN where nothing is, as SQL's sum of NULLs is NULL."""
    known = np.isfinite(values)
    total: npt.NDArray[np.float64] = np.add.reduceat(np.where(known, values, 0.0), begins)
    return np.where(np.logical_or.reduceat(known, begins), total, np.nan)


def _floats(column: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    filled = column.combine_chunks().cast(pa.float64()).fill_null(np.nan)
    return np.array(filled.to_numpy(zero_copy_only=False), dtype=float)


def _ints(column: pa.ChunkedArray) -> Ints:
    return np.asarray(column.combine_chunks().cast(pa.int32())).astype(np.int64)
