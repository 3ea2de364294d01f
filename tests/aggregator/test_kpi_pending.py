"""KPIs that people watch live follow at once; the others as often as their cost allows."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from support.aggregating import Sent, event
from support.judging import NOW, Judged, at, plan_of, tasks

from meetlat_aggregator.kpi import engine
from meetlat_aggregator.publish import Publisher

DAY = NOW.date() - timedelta(days=1)


def calls(count: int, day: date, appended: datetime = NOW) -> list[Sent]:
    """So many calls of a day."""
    return [
        event(
            "interaction", time=at(day, 10), history=True, appended=appended, tool="writer",
            status="ok", duration=1.0, use_case="quotes",
        )
        for _ in range(count)
    ]  # fmt: skip


def news(hours: float) -> list[Sent]:
    """Ten tasks that began and ended on a day, and thirty calls of it."""
    return [*tasks(10, DAY, 1, hours), *calls(30, DAY)]


def seen(company: Judged) -> tuple[int, int, bool]:
    """n of a live KPI and of one of tasks, and whether anything is put off."""
    start = f"{DAY} 00:00:00"
    ns = [company.value(kpi, "day", start=start)["n"] for kpi in ("response_on_time", "lead_time")]
    return ns[0], ns[1], "lead_time" in put_off(company)


def put_off(company: Judged) -> set[str]:
    return {row["kpi"] for row in company.rows("SELECT kpi FROM kpi_pending")}


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


def test_a_kpi_that_any_day_may_change_is_put_off_to_the_next_day(tmp_path: Path) -> None:
    company = Judged(tmp_path, plan_of())
    company.feed(news(2.0)).publish()
    assert put_off(company.feed(news(3.0)).publish()) == {"learning_curve"}
    tomorrow = NOW + timedelta(days=1)
    assert put_off(company.feed(calls(1, tomorrow.date(), tomorrow)).publish()) == set()
    company.close()


def test_a_batch_of_today_leaves_alone_what_ended_before(tmp_path: Path) -> None:
    company = Judged(tmp_path, plan_of())
    company.feed(calls(30, DAY)).publish()
    later = NOW + timedelta(minutes=5)
    company.feed(calls(5, NOW.date(), later)).publish()
    query = """
        SELECT period, start::DATE AS start, as_of = $later AS anew, n FROM kpi_values
        WHERE kpi = 'error_rate' AND team = '' AND segment = ''
    """
    seen = {
        (row["period"], row["start"]): (row["anew"], row["n"])
        for row in company.rows(query.replace("$later", f"TIMESTAMP '{later:%Y-%m-%d %H:%M}'"))
    }
    assert seen["day", DAY] == (False, 30)
    assert seen["rolling_28d", NOW.date() - timedelta(days=28)] == (False, 30)
    assert seen["day", NOW.date()] == (True, 5)
    assert seen["month", NOW.date().replace(day=1)] == (True, 35)
    company.close()


def test_news_ends_the_staleness_of_a_window_that_ended_yesterday(tmp_path: Path) -> None:
    company = Judged(tmp_path, plan_of())
    company.feed(calls(30, DAY - timedelta(days=20))).publish()
    before = company.value("error_rate", "rolling_28d")
    assert (before["status"], before["n"]) == ("stale", 30)
    company.feed(calls(1, NOW.date())).publish()
    after = company.value("error_rate", "rolling_28d")
    assert (after["status"] != "stale", after["n"]) == (True, 30)
    company.close()
