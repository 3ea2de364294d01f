"""The company's own days: the macros `local_day` and `week_of` on a connection.

DuckDB asks the time zone database for every value, which takes ten times as long as to add an
offset. The offsets of the years that most facts are of are asked for once, and put into the macro;
any other year is asked for as ever.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

import duckdb

from meetlat_aggregator.sqlfiles import sql

_YEARS_BEFORE, _YEARS_AFTER = 3, 1


def make_local_day(con: duckdb.DuckDBPyConnection, timezone: str) -> None:
    """Make the macros, and the variable `timezone`. Raises duckdb.Error of an unknown zone."""
    quoted = timezone.replace("'", "''")
    con.execute(f"SET VARIABLE timezone = '{quoted}'")
    con.execute(
        sql("publish_macros").replace("{offset}", _offset(timezone, datetime.now(UTC).year))
    )


@lru_cache(maxsize=4)
def _offset(timezone: str, year: int) -> str:
    """An expression: by how many microseconds the zone is ahead of `moment`, which is UTC."""
    first, last = year - _YEARS_BEFORE, year + _YEARS_AFTER
    with duckdb.connect(config={"threads": 1}) as con:
        given = {"timezone": timezone, "first": f"{first}-01-01", "last": f"{last}-01-01"}
        changes = con.execute(sql("local_offsets"), given).fetchall()
    asked = sql("local_offset").strip()
    spans = [f"WHEN moment >= TIMESTAMP '{since}' THEN {offset}" for since, offset in changes]
    newest_first = " ".join(reversed(spans))
    return (
        f"CASE WHEN moment >= TIMESTAMP '{last}-01-01' THEN {asked} {newest_first} ELSE {asked} END"
    )
