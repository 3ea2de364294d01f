"""The aggregator program computes the KPIs that a company's plan adds, and follows its edits."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from support.services import meetlat as command
from support.services import services, until

import meetlat

MONTH = f"{datetime.now(UTC):%Y-%m}"
HEAD = """[company]
name = "Acme"
demo = true
[[use_cases]]
id = "quotes"
name = "Quotes"
pack = "quotes"
[[kpis]]
id = "mine"
title = "Mine"
level = 3
unit = "count"
better = "higher"
measurement = "visits"
shape = "sum"
"""


def by_sql(name: str, text: str) -> str:
    return f"""[[kpis]]
id = "{name}"
title = "{name}"
level = 3
unit = "count"
better = "higher"
shape = "sum"
sql = "{text}"
"""


SELECT = (
    "SELECT day, use_case, {} * sum(value_sum) AS total, sum(count) AS n "
    "FROM measurements_daily GROUP BY ALL"
)
ENDLESS = (
    "WITH RECURSIVE r AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM r) SELECT "
    "today() AS day, 'quotes' AS use_case, sum(i) AS total, 1 AS n FROM r"
)


def test_the_program_computes_a_measurement_and_sql_and_follows_an_edit(tmp_path: Path) -> None:
    file = tmp_path / "meetlat.toml"
    file.write_text(HEAD + by_sql("doubled", SELECT.format(2)) + by_sql("endless", ENDLESS))
    client = meetlat.Client(
        endpoint=f"embedded:{tmp_path / 'data' / 'log'}", mode="send", spool=tmp_path / "spool"
    )

    def value(kpi: str) -> Any:
        done = command(tmp_path, "kpi", "--all", "--period", MONTH, "--format", "json")
        rows = json.loads(done.stdout) if done.returncode == 0 else []
        return next((row["value"] for row in rows if row["kpi"] == kpi), None)

    with services(tmp_path, "aggregate", MEETLAT_PUBLISH_SECONDS="0.2"):
        for number in (2, 3, 7):
            client.measure("visits", number, use_case="quotes")
        client.flush(5)
        client.shutdown(5)
        until(lambda: value("mine") == 12, "the measurement is 2 + 3 + 7")
        until(lambda: value("doubled") == 24, "the SQL is twice that")
        file.write_text(HEAD + by_sql("doubled", SELECT.format(3)))
        until(lambda: value("doubled") == 36, "the edited SQL is three times that")
