"""KPIs that people watch live follow at once; the others as often as their cost allows."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from support.aggregating import Sent, event
from support.judging import NOW, Judged, at, plan_of, tasks

from meetlat_aggregator.kpi import engine
from meetlat_aggregator.publish import Publisher

DAY = NOW.date() - timedelta(days=1)


def news(hours: float) -> list[Sent]:
    """Ten tasks that began and ended on a day, and thirty calls of it."""
    calls = [
        event(
            "interaction", time=at(DAY, 10), history=True, appended=NOW, tool="writer",
            status="ok", duration=1.0, use_case="quotes",
        )
        for _ in range(30)
    ]  # fmt: skip
    return [*tasks(10, DAY, 1, hours), *calls]


def seen(company: Judged) -> tuple[int, int, bool]:
    """n of a live KPI and of one of tasks, and whether anything is put off."""
    start = f"{DAY} 00:00:00"
    ns = [company.value(kpi, "day", start=start)["n"] for kpi in ("response_on_time", "lead_time")]
    return ns[0], ns[1], bool(company.rows("SELECT * FROM kpi_pending"))


def test_a_kpi_of_tasks_is_put_off_and_a_live_one_is_not_and_a_restart_forgets_neither(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_REST", 1e9)
    company = Judged(tmp_path, plan_of())
    assert seen(company.feed(news(2.0)).publish()) == (30, 10, False)
    assert seen(company.feed(news(3.0)).publish()) == (60, 20, False)
    assert seen(company.feed(news(4.0)).publish()) == (90, 20, True)
    company.publisher = Publisher(company.publisher.con, tmp_path, "UTC")
    assert seen(company.publish()) == (90, 30, False)
    company.close()
