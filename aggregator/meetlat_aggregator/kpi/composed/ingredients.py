"""What a KPI is composed of: its rows of `kpi_components`, day by day, as columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import date

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from meetlat_aggregator.kpi.measured import Floats

_EPOCH = date(1970, 1, 1)
Texts = npt.NDArray[np.object_]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Ingredients:
    """Rows of one KPI and use case in the order of their days (days since 1970). NaN is what
    nobody reported.
    """

    day: npt.NDArray[np.int64]
    team: Texts
    segment: Texts
    part: Texts
    assisted: Texts
    control: Bools
    total: Floats
    weight: Floats
    squares: Floats
    n: Floats

    def __len__(self) -> int:
        return len(self.day)

    def __getitem__(self, rows: slice | Bools) -> Ingredients:
        return Ingredients(*(getattr(self, one.name)[rows] for one in fields(self)))

    def within(self, first: date, last: date) -> Ingredients:
        """The rows of these days, both included."""
        since, until = np.searchsorted(self.day, [day_number(first), day_number(last) + 1])
        return self[slice(int(since), int(until))]

    def of(self, part: str) -> Ingredients:
        """The rows of one ingredient."""
        return self[self.part == part]

    def segments(self) -> dict[str, Ingredients]:
        """The rows of each segment."""
        return {str(name): self[self.segment == name] for name in np.unique(self.segment)}


def by_use_case(rows: pa.Table) -> Iterator[tuple[str, Ingredients]]:
    """The rows of `sql/kpi/ingredients.sql`, per use case."""
    names = rows["use_case"].to_pylist()
    columns = [
        np.asarray(rows["day"].combine_chunks().cast(pa.int32())).astype(np.int64),
        *(np.array(rows[name].to_pylist(), dtype=object) for name in _TEXTS),
        np.array(rows["control"].to_pylist(), dtype=bool),
        *(_numbers(rows[name]) for name in ("total", "weight", "squares", "n")),
    ]
    begin = 0
    for end in range(1, len(names) + 1):
        if end == len(names) or names[end] != names[begin]:
            yield names[begin], Ingredients(*(column[begin:end] for column in columns))
            begin = end


_TEXTS = ("team", "segment", "part", "assisted")


def known_sum(values: Floats) -> float:
    """The sum of what is known; NaN when nothing is: not reported is not zero."""
    known = values[np.isfinite(values)]
    return float(known.sum()) if len(known) else float("nan")


def day_number(day: date) -> int:
    """Days since 1970."""
    return (day - _EPOCH).days


def _numbers(column: pa.ChunkedArray) -> Floats:
    filled = column.combine_chunks().cast(pa.float64()).fill_null(np.nan)
    return np.array(filled.to_numpy(zero_copy_only=False), dtype=float)
