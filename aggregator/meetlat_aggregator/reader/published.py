"""Opens the published file as any analyst would: read-only, in UTC."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from meetlat.errors import MeetlatError

PUBLISHED = "kpi.duckdb"  # as in publish.py, whose imports take longer than a look at the figures
NEEDED = (
    "meta", "data_health", "interactions_hourly", "kpi_values", "kpi_catalog", "use_cases",
    "targets",
)  # fmt: skip
Row = dict[str, Any]


@contextmanager
def open_published(data: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to `DATA/kpi.duckdb`. It keeps the publication it was opened on.

    Raises MeetlatError when the file is not there, does not open, or holds no KPI tables.
    """
    path = data / PUBLISHED
    if not path.exists():
        raise MeetlatError(
            f"{path} is not there",
            remedy="it appears a few seconds after `meetlat up` or `meetlat aggregate` starts; "
            "give --data when it is elsewhere",
        )
    try:
        con = duckdb.connect(str(path), read_only=True)
    except duckdb.Error as error:
        raise MeetlatError(
            f"{path} does not open: {str(error).splitlines()[0]}",
            remedy="delete it; the running aggregator publishes it anew",
        ) from None
    with con:
        con.execute("SET TimeZone = 'UTC'")
        try:  # to name them is quicker than to read the list of all tables
            con.execute(f"SELECT meta.currency FROM {', '.join(NEEDED)} LIMIT 0")
        except (duckdb.CatalogException, duckdb.BinderException) as error:
            raise MeetlatError(
                f"{path} has no KPI values: {str(error).splitlines()[0]}",
                remedy="an older version wrote it: start the aggregator of this one",
            ) from None
        yield con


def rows(
    con: duckdb.DuckDBPyConnection, query: str, given: dict[str, Any] | None = None
) -> list[Row]:
    """What a query finds, as dictionaries. `given` may hold more than the query names."""
    used = {key: value for key, value in (given or {}).items() if f"${key}" in query}
    cursor = con.execute(query, used)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
