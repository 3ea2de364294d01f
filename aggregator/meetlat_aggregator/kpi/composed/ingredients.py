"""What a KPI is composed of: its rows of `kpi_components`, day by day, as columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from meetlat_aggregator.kpi.measured import Floats

_EPOCH = date(1970, 1, 1)
_TEXTS = ("team", "segment", "part", "assisted")
Codes = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Dimension = Literal["team", "segment", "part", "assisted"]


@dataclass(frozen=True, slots=True)
class Ingredients:
    """Rows of one KPI and use case in the order of their days (days since 1970). Dimensions are
    codes into `texts`; NaN is what nobody reported.
    """

    texts: Mapping[str, Sequence[str]]
    day: Codes
    team: Codes
    segment: Codes
    part: Codes
    assisted: Codes
    control: Bools
    total: Floats
    weight: Floats
    squares: Floats
    n: Floats

    def __len__(self) -> int:
        return len(self.day)

    def __getitem__(self, rows: slice | Bools) -> Ingredients:
        columns = (getattr(self, one.name)[rows] for one in fields(self)[1:])
        return Ingredients(self.texts, *columns)

    def within(self, first: date, last: date) -> Ingredients:
        """The rows of these days, both included."""
        since, until = np.searchsorted(self.day, [day_number(first), day_number(last) + 1])
        return self[slice(int(since), int(until))]

    def of(self, part: str) -> Ingredients:
        """The rows of one ingredient."""
        return self[self.saying("part", part)]

    def saying(self, dimension: Dimension, text: str) -> Bools:
        """Which rows say this of a dimension."""
        texts = self.texts[dimension]
        code = texts.index(text) if text in texts else -1
        found: Bools = getattr(self, dimension) == code
        return found

    def names(self, dimension: Dimension) -> list[str]:
        """What the rows say of a dimension, each once."""
        texts = self.texts[dimension]
        counts = np.bincount(getattr(self, dimension), minlength=len(texts))
        return sorted(texts[code] for code in np.flatnonzero(counts).tolist())

    def segments(self) -> dict[str, Ingredients]:
        """The rows of each segment."""
        return {name: self[self.saying("segment", name)] for name in self.names("segment")}


def by_use_case(rows: pa.Table) -> Iterator[tuple[str, Ingredients]]:
    """The rows of `sql/kpi/ingredients.sql`, per use case."""
    texts, codes = {}, []
    for name in _TEXTS:
        encoded = rows[name].combine_chunks().dictionary_encode()
        texts[name] = encoded.dictionary.to_pylist()
        codes.append(np.asarray(encoded.indices).astype(np.int64))
    columns = [
        np.asarray(rows["day"].combine_chunks().cast(pa.int32())).astype(np.int64),
        *codes,
        np.array(rows["control"].to_pylist(), dtype=bool),
        *(_numbers(rows[name]) for name in ("total", "weight", "squares", "n")),
    ]
    names = rows["use_case"].to_pylist()
    begin = 0
    for end in range(1, len(names) + 1):
        if end == len(names) or names[end] != names[begin]:
            yield names[begin], Ingredients(texts, *(column[begin:end] for column in columns))
            begin = end


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
