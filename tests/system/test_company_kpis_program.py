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


def client_of(directory: Path) -> meetlat.Client:
    return meetlat.Client(
        endpoint=f"embedded:{directory / 'data' / 'log'}", mode="send", spool=directory / "spool"
    )


def measure(directory: Path, *numbers: int) -> None:
    """Send so many visits, and see them off."""
    client = client_of(directory)
    for number in numbers:
        client.measure("visits", number, use_case="quotes")
    delivery = client.shutdown(5)
    assert delivery.delivered == len(numbers)


def value(directory: Path, kpi: str) -> Any:
    """This month's value of a KPI as `meetlat kpi` has it; None while there is none."""
    done = command(directory, "kpi", "--all", "--period", MONTH, "--format", "json")
    rows = json.loads(done.stdout) if done.returncode == 0 else []
    return next((row["value"] for row in rows if row["kpi"] == kpi), None)


def test_the_program_computes_a_measurement_and_sql_and_follows_an_edit(tmp_path: Path) -> None:
    file = tmp_path / "meetlat.toml"
    file.write_text(HEAD + by_sql("doubled", SELECT.format(2)) + by_sql("endless", ENDLESS))
    with services(tmp_path, "aggregate", MEETLAT_PUBLISH_SECONDS="0.2"):
        measure(tmp_path, 2, 3, 7)
        until(lambda: value(tmp_path, "mine") == 12, "the measurement is 2 + 3 + 7")
        until(lambda: value(tmp_path, "doubled") == 24, "the SQL is twice that")
        file.write_text(HEAD + by_sql("doubled", SELECT.format(3)))
        until(lambda: value(tmp_path, "doubled") == 36, "the edited SQL is three times that")


def test_sql_goes_on_being_shown_after_a_crash_and_a_restart_and_then_follows_events(
    tmp_path: Path,
) -> None:
    (tmp_path / "meetlat.toml").write_text(HEAD + by_sql("doubled", SELECT.format(2)))
    with services(tmp_path, "aggregate", MEETLAT_PUBLISH_SECONDS="0.2") as (aggregator,):
        measure(tmp_path, 2, 3, 7)
        until(lambda: value(tmp_path, "doubled") == 24, "the SQL is twice the sum")
        aggregator.kill()
        measure(tmp_path, 10)
        aggregator.start()
        seen = set()

        def followed() -> bool:
            seen.add(value(tmp_path, "doubled"))
            return 44 in seen

        until(followed, "the SQL has run after the restart")
        assert seen <= {24, 44}, "it was never unknown between them"
        assert value(tmp_path, "mine") == 22
