"""KPIs that need each observation: medians of how long something takes, unfinished ones included.

The rows come once for all periods; each period and cut is then a sort by group. Groups are numbered
densely, so that sorting is by radix, and a million rows take tens of milliseconds a cut.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from meetlat_aggregator.kpi.measured import KEY, Cut, Measured
from meetlat_aggregator.kpi.periods import BASELINE, Period
from meetlat_aggregator.kpi.placing import Spans, in_control
from meetlat_aggregator.kpi.statistics import kaplan_meier

Codes = npt.NDArray[np.int32]
_INT32 = 2**31 - 1
_DIMENSIONS = ("use_case", "team", "segment", "part", "assisted")
_CUTS: tuple[tuple[Cut, bool, bool], ...] = (
    ("total", False, False), ("team", True, False), ("segment", False, True), ("both", True, True),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Observations:
    """Rows of one KPI in the order of their values, ends first: `day` (days since 1970), codes into
    the lists of texts, value and whether it was reached (`ended`) or is only known to be larger.
    """

    kpi: str
    day: Codes
    dimensions: dict[str, Codes]
    texts: dict[str, list[str]]
    value: npt.NDArray[np.float64]
    ended: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, kpi: str, batches: Iterable[pa.RecordBatch]) -> Observations:
        """From a query's columns day, use_case, team, segment, part, assisted, value, ended. Texts
        become numbers batch by batch: as texts a million rows would take hundreds of megabytes.
        """
        codes: dict[str, dict[str, int]] = {name: {} for name in _DIMENSIONS}
        found = [_Batch.of(batch, codes) for batch in batches if batch.num_rows]
        value = _joined([one.value for one in found], np.float64)
        ended = _joined([one.ended for one in found], np.bool_)
        order = np.lexsort((~ended, value))  # as `kaplan_meier` likes them best
        return cls(
            kpi,
            _joined([one.day for one in found], np.int32)[order],
            {
                name: _joined([one.codes[name] for one in found], np.int32)[order]
                for name in _DIMENSIONS
            },
            {name: list(known) for name, known in codes.items()},
            value[order],
            ended[order],
        )

    def measure(
        self, periods: Sequence[Period], control: dict[str, str], quantile: float
    ) -> Iterator[Measured]:
        """The quantile per period and cut. `control` is the control team per use case."""
        if not len(self.value):
            return
        outside = in_control(self.dimensions, self.texts, control)
        by_name: dict[str, list[Period]] = {}
        for period in periods:
            by_name.setdefault(period.name, []).append(period)
        for name, some in by_name.items():
            spans = Spans.of(some, self.texts["use_case"])
            place = spans.place(self.dimensions["use_case"], self.day)
            if name == BASELINE and "true" in self.texts["assisted"]:
                with_ai = self.texts["assisted"].index("true")
                place = np.where(self.dimensions["assisted"] == with_ai, -1, place)
            for cut, by_team, by_segment in _CUTS:
                kept = place >= 0
                if not by_team:
                    kept = kept & ~outside
                at = np.flatnonzero(kept).astype(np.int32)
                if len(at):
                    by = ("use_case", "part", *["team"] * by_team, *["segment"] * by_segment)
                    yield self._quantiles(name, spans.starts, place[kept], at, by, cut, quantile)

    def _quantiles(
        self,
        name: str,
        starts: list[date],
        place: Codes,
        at: Codes,
        by: Sequence[str],
        cut: Cut,
        quantile: float,
    ) -> Measured:
        size = len(starts) * prod(len(self.texts[dimension]) for dimension in by)
        code = place.astype(np.int64) if size > _INT32 else place
        for dimension in by:
            count = len(self.texts[dimension])
            if count > 1:
                code = code * count + self.dimensions[dimension][at]
        sort = _sorted(code, size)
        code, at, place = code[sort], at[sort], place[sort]
        begins = np.flatnonzero(np.append(True, code[1:] != code[:-1]))
        n = np.diff(np.append(begins, len(code))).astype(float)
        found = kaplan_meier(self.value[at], self.ended[at], begins, quantile)
        columns: dict[str, list[str] | list[date]] = {
            "kpi": [self.kpi] * len(begins),
            "period": [name] * len(begins),
            "start": [starts[i] for i in place[begins]],
        }
        for dimension in ("use_case", "team", "segment", "part"):
            texts = self.texts[dimension]
            codes = self.dimensions[dimension][at[begins]]
            columns[dimension] = (
                [texts[i] for i in codes] if dimension in by else [""] * len(begins)
            )
        key = pa.table({k: pa.array(columns[k]) for k in KEY})
        ended = np.add.reduceat(self.ended[at].astype(float), begins)
        return Measured(key, [cut] * len(begins), found, n, ended)


@dataclass(frozen=True, slots=True)
class _Batch:
    day: Codes
    codes: dict[str, Codes]
    value: npt.NDArray[np.float64]
    ended: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, batch: pa.RecordBatch, known: dict[str, dict[str, int]]) -> _Batch:
        """One batch; texts that are new get the next numbers in `known`."""
        codes = {}
        for name in _DIMENSIONS:
            encoded = batch.column(name).dictionary_encode()
            numbers = [
                known[name].setdefault(text, len(known[name]))
                for text in encoded.dictionary.to_pylist()
            ]
            codes[name] = np.array(numbers, np.int32)[np.asarray(encoded.indices)]
        return cls(
            np.asarray(batch.column("day").cast(pa.int32())).astype(np.int32),
            codes,
            np.array(batch.column("value").cast(pa.float64())),
            batch.column("ended").to_numpy(zero_copy_only=False),
        )


def _sorted(code: npt.NDArray[Any], size: int) -> npt.NDArray[np.int64]:
    """The order of codes below `size`, of equal ones that in which they came: by 16 bits at a time,
    since numpy sorts a million of those in 15 ms (by radix), and larger ones in 80.
    """
    order = np.argsort(code.astype(np.uint16), kind="stable")
    shift = 16
    while size > 1 << shift:
        part = (code >> shift).astype(np.uint16)[order]
        order = order[np.argsort(part, kind="stable")]
        shift += 16
    return order


def _joined(parts: list[npt.NDArray[Any]], kind: type[np.generic]) -> npt.NDArray[Any]:
    return np.concatenate(parts) if parts else np.array([], kind)
