"""`meetlat sql`: a query on the published tables."""

from __future__ import annotations

import click
import duckdb

from meetlat.errors import MeetlatError
from meetlat.settings import DATA
from meetlat_aggregator.commands.common import (
    data_option,
    format_option,
    print_rows,
    settings_from,
)
from meetlat_aggregator.publish import PUBLISHED

_EPILOG = """\b
Examples:
  meetlat sql "SELECT hour, requests FROM interactions_hourly ORDER BY hour"
  meetlat sql "SELECT * FROM meta" --format json
"""


@click.command("sql", epilog=_EPILOG, short_help="Query the published tables.")
@click.argument("query")
@format_option
@data_option
def sql(query: str, form: str, data: str | None) -> None:
    """Run QUERY on the latest published tables, read-only.

    JSON wants every column to have a name of its own.
    """
    path = settings_from(data=data)[DATA] / PUBLISHED
    if not path.exists():
        raise MeetlatError(
            f"{path} is not there",
            remedy="it appears a few seconds after `meetlat up` or `meetlat aggregate` starts; "
            "give --data when it is elsewhere",
        )
    try:
        with duckdb.connect(str(path), read_only=True) as con:
            con.execute("SET TimeZone = 'UTC'")
            con.execute("SET enable_external_access = false")  # read-only: no files either
            if len(con.extract_statements(query)) > 1:
                raise MeetlatError("these are several statements", remedy="give one query")
            cursor = con.execute(query)
            if cursor is None:  # nothing in it but blanks or a comment
                raise MeetlatError("the query is empty", remedy="see `meetlat sql --help`")
            names = [column[0] for column in cursor.description or ()]
            rows = cursor.fetchall()
    except duckdb.Error as error:
        raise MeetlatError(
            f"the query failed: {' '.join(str(error).split())}",
            remedy='see the tables with `meetlat sql "SHOW TABLES"`',
        ) from None
    print_rows(names, rows, form)
