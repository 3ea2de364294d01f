"""Values with their range and n, before anything is compared: columns of many rows at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from meetlat_aggregator.kpi.statistics import Range

Floats = npt.NDArray[np.float64]
Cut = Literal["total", "team", "segment", "both"]
KEY = ("kpi", "period", "start", "use_case", "team", "segment", "part")
COLUMNS = pa.schema(
    [(name, pa.timestamp("us") if name == "start" else pa.string()) for name in (*KEY, "cut")]
    + [(name, pa.float64()) for name in ("value", "low", "high", "n", "counted")]
    + [
        ("said", pa.string()),
        ("said_nl", pa.string()),
        ("verdict", pa.string()),
        ("by_estimate", pa.bool_()),
    ]
)


@dataclass(frozen=True, slots=True)
class Measured:
    """Rows of `key` (columns KEY, start as timestamp) and `cut`, each with a range and its n.

    `counted` is the number behind a share (17 of 19), or of observations that were reached. `more`
    are the columns said and said_nl (a remark), verdict (a status that only what measured it can
    tell) and by_estimate, of what is composed of several figures.
    """

    key: pa.Table
    cut: Sequence[Cut] | pa.ChunkedArray
    range: Range
    n: Floats
    counted: Floats
    more: pa.Table | None = None

    def without_small(self, least: int) -> Measured:
        """The same with nothing told of groups below so many people."""
        small = self.n < least
        ends = (self.range.value, self.range.low, self.range.high)
        verdicts = pa.array(np.where(small, "suppressed", ""), pa.string())
        more = pa.table(
            {
                "said": pa.nulls(len(self.n), pa.string()),
                "said_nl": pa.nulls(len(self.n), pa.string()),
                "verdict": pc.replace_with_mask(
                    verdicts, pa.array(~small), pa.nulls(int((~small).sum()), pa.string())
                ),
                "by_estimate": pa.nulls(len(self.n), pa.bool_()),
            }
        )
        hidden = Range(*(np.where(small, np.nan, end) for end in ends))
        n, counted = (np.where(small, np.nan, one) for one in (self.n, self.counted))
        return Measured(self.key, self.cut, hidden, n, counted, more)

    def table(self) -> pa.Table:
        """As one table: KEY, cut, value, low, high, n, counted; what is not known is NULL."""
        columns = {name: self.key[name] for name in KEY}
        columns["cut"] = self.cut if isinstance(self.cut, pa.ChunkedArray) else pa.array(self.cut)
        for name in ("value", "low", "high"):
            columns[name] = floats(getattr(self.range, name))
        columns["n"], columns["counted"] = floats(self.n), floats(self.counted)
        for name in ("said", "said_nl", "verdict", "by_estimate"):
            kind = COLUMNS.field(name).type
            columns[name] = pa.nulls(len(self.n), kind) if self.more is None else self.more[name]
        return pa.table(columns).cast(COLUMNS)


def floats(values: Floats) -> pa.Array:
    """NaN and infinity as NULL."""
    return pa.array(values, pa.float64(), mask=~np.isfinite(values))
