"""A company with a plan, its events and its KPI values, in tests: real tables, chosen times."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from meetlat.plan.models import Plan
from meetlat_aggregator.kpi.plan_store import PlanStore
from meetlat_aggregator.publish import Publisher
from support.aggregating import Bench, Sent, event

GO_LIVE = date(2026, 1, 5)
BASELINE = {"from": date(2025, 10, 6), "until": date(2026, 1, 4)}
NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
HOUR_LONG = timedelta(hours=1)


def at(day: date, hour: float = 12) -> datetime:
    """A moment of a day, UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=hour)


def use_case(**more: Any) -> dict[str, Any]:
    """The use case `quotes`, live since GO_LIVE, with its baseline window."""
    return {
        "id": "quotes",
        "name": "Quotes",
        "pack": "quotes",
        "tools": ["writer"],
        "go_live": GO_LIVE,
        "baseline": BASELINE,
        **more,
    }


def plan_of(*use_cases: dict[str, Any], timezone: str = "UTC", **more: Any) -> Plan:
    """A plan with these use cases."""
    return Plan.model_validate(
        {
            "company": {"name": "Voorbeeld", "timezone": timezone},
            "use_cases": list(use_cases) or [use_case()],
            **more,
        }
    )


def task(began: datetime, hours: float | None, **more: Any) -> Sent:
    """A task that took so many hours; None: it is not finished yet."""
    finished = {} if hours is None else {"finished": began + timedelta(hours=hours)}
    said = {"use_case": "quotes", "process": "quote", "requested": began, **finished, **more}
    return event("task", time=began, history=True, appended=NOW, **said)


def tasks(count: int, first: date, days: int, hours: float, **more: Any) -> list[Sent]:
    """So many tasks that begin evenly over some days and take so many hours, each a little more
    or less than the one before.
    """
    return [
        task(at(first + timedelta(days=i * days // count), 8), hours * (0.8 + 0.4 * i / count),
             case=f"{first}-{hours}-{more}-{i}", **more)
        for i in range(count)
    ]  # fmt: skip


class Judged:
    """One data directory: feed events, publish, read `kpi_values`."""

    def __init__(self, directory: Path, plan: Plan | None, privacy_limit: int = 5) -> None:
        self.bench = Bench(directory)
        PlanStore(self.bench.con).take(plan, "", NOW.replace(tzinfo=None))
        self._cursor = self.bench.con.cursor()
        timezone = plan.company.timezone if plan else "UTC"
        self.publisher = Publisher(self._cursor, directory, timezone, privacy_limit)

    def feed(self, events: Sequence[Sent]) -> Judged:
        self.bench.feed(*events)
        return self

    def publish(self) -> Judged:
        assert self.bench.con is not None  # folds
        self.publisher.publish()
        return self

    def rows(self, query: str) -> list[dict[str, Any]]:
        with duckdb.connect(str(self.publisher.path), read_only=True) as con:
            cursor = con.execute(query)
            names = [column[0] for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def values(self, kpi: str, period: str, **where: Any) -> list[dict[str, Any]]:
        """Rows of a KPI; what is not named is the total."""
        asked = {"use_case": "quotes", "team": "", "segment": "", "part": "", **where}
        conditions = "".join(f" AND \"{name}\" = '{value}'" for name, value in asked.items())
        return self.rows(
            f"SELECT * FROM kpi_values WHERE kpi = '{kpi}' AND period = '{period}'{conditions} "
            "ORDER BY start"
        )

    def value(self, kpi: str, period: str = "since_go_live", **where: Any) -> dict[str, Any]:
        """The only such row."""
        (found,) = self.values(kpi, period, **where)
        return found

    def close(self) -> None:
        self._cursor.close()
        self.bench.close()
