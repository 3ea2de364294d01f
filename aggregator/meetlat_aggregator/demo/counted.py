"""The company's figures as the published tables have them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from pathlib import Path

import duckdb

from meetlat_aggregator.demo.truth import Figures

_QUERY = Path(__file__).with_name("counted.sql")
_MACROS = (
    "CREATE TEMP MACRO exact(x) AS x::DECIMAL(38, 9)",
    "CREATE TEMP MACRO seconds(us) AS (us::DECIMAL(28, 0) * 0.000001)::DECIMAL(38, 9)",
)


def counted_figures(published: Path, end: datetime) -> Figures:
    """Read `kpi.duckdb`, as an analyst does. Raises duckdb.Error when it cannot be read."""
    with duckdb.connect(str(published), read_only=True) as con:
        con.execute("SET TimeZone = 'UTC'")
        for macro in _MACROS:
            con.execute(macro)
        rows = con.execute(_QUERY.read_text(), {"end": end.replace(tzinfo=None)}).fetchall()
    return {(use_case, figure): Decimal(value) for use_case, figure, value in rows}


def records(published: Path) -> int:
    """How many records of the log are in the published tables; 0 when there are none yet."""
    if not published.exists():
        return 0
    with duckdb.connect(str(published), read_only=True) as con:
        (row,) = con.execute("SELECT records FROM meta").fetchall()
    return int(row[0])
