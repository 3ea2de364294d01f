"""Values with their range and n, before anything is compared: columns of many rows at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from meetlat_aggregator.kpi.statistics import Range

Floats = npt.NDArray[np.float64]
Cut = Literal["total", "team", "segment", "both"]
KEY = ("kpi", "period", "start", "use_case", "team", "segment", "part")
COLUMNS = pa.schema(
    [(name, pa.timestamp("us") if name == "start" else pa.string()) for name in (*KEY, "cut")]
    + [(name, pa.float64()) for name in ("value", "low", "high", "n", "counted")]
)


@dataclass(frozen=True, slots=True)
class Measured:
    """Rows of `key` (columns KEY, start as timestamp) and `cut`, each with a range and its n.

    `counted` is the number behind a share (17 of 19), or of observations that were reached.
    """

    key: pa.Table
    cut: Sequence[Cut] | pa.ChunkedArray
    range: Range
    n: Floats
    counted: Floats

    def table(self) -> pa.Table:
        """As one table: KEY, cut, value, low, high, n, counted; what is not known is NULL."""
        columns = {name: self.key[name] for name in KEY}
        columns["cut"] = self.cut if isinstance(self.cut, pa.ChunkedArray) else pa.array(self.cut)
        for name in ("value", "low", "high"):
            columns[name] = floats(getattr(self.range, name))
        columns["n"], columns["counted"] = floats(self.n), floats(self.counted)
        return pa.table(columns).cast(COLUMNS)


def floats(values: Floats) -> pa.Array:
    """NaN and infinity as NULL."""
    return pa.array(values, pa.float64(), mask=~np.isfinite(values))
