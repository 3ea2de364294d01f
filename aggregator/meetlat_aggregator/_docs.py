"""The page `docs/tables.md`: what a published file holds, read from a published file.

`docs/generate.py` writes it with the other pages.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import duckdb

from meetlat_aggregator.database import open_database
from meetlat_aggregator.dictionary import TABLES
from meetlat_aggregator.kpi.values_dictionary import VALUE_TABLES
from meetlat_aggregator.publish import Publisher

_INTRODUCTION = """# Tables

The aggregator publishes `kpi.duckdb` in the data directory: a new file in the old one's place, at
most every few seconds, when something changed. Open it read-only, and anew to see what is new:

```python
import duckdb


def requests_per_hour(path="meetlat-data/kpi.duckdb"):
    with duckdb.connect(path, read_only=True) as con:
        query = "SELECT hour, sum(requests) FROM interactions_hourly GROUP BY hour"
        return con.sql(query).fetchall()
```

Or `meetlat sql "SELECT …"`. Every table and column says in a comment what stands below.

Hours are UTC; days and weeks are the company's own (`company.timezone` in the plan, or
`MEETLAT_TIMEZONE`). Sums are integers (microseconds, tokens) or decimals (money, scores), so that
they are exact and can be added up over any rows; beside a sum that is averaged stand its count and
its sum of squares. An absent dimension is `''`, never NULL. No row is about one person, and a team
below the privacy limit is `(small)`: in each week a team is as many people as used the AI, or as
the plan counts where those are fewer; one of which nobody used it, as many as the plan counts.

A quantile of waits is found by adding up `duration_histogram` in the order of its buckets; a
bucket stands for 2γ^b / (γ + 1) microseconds with γ = 1.01/0.99, which is off by at most 1 %.
"""


def tables_page() -> str:
    """Every published table with its columns, types and meanings."""
    text = _INTRODUCTION
    columns = _published_columns()
    for table in (*TABLES, *VALUE_TABLES):
        text += f"\n## `{table.name}`\n\n{table.meaning}.\n\n| column | type | meaning |\n"
        text += "| --- | --- | --- |\n"
        for name, kind, meaning in columns[table.name]:
            text += f"| `{name}` | {kind} | {meaning.replace('|', chr(92) + '|')} |\n"
    return text


def _published_columns() -> dict[str, list[tuple[str, str, str]]]:
    """Per table: name, type and comment of each column of an empty published file."""
    with tempfile.TemporaryDirectory() as folder:
        with open_database(Path(folder) / "empty.duckdb") as con:
            publisher = Publisher(con, Path(folder))
            publisher.publish()
        found: dict[str, list[tuple[str, str, str]]] = {}
        with duckdb.connect(str(publisher.path), read_only=True) as con:
            for table, name, kind, comment in con.execute(
                "SELECT table_name, column_name, data_type, comment FROM duckdb_columns() "
                "WHERE NOT internal ORDER BY table_name, column_index"
            ).fetchall():
                found.setdefault(table, []).append((name, kind, comment))
    return found
