"""KPIs that people watch live follow at once; the others as often as their cost allows."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from support.aggregating import Sent, batch_of, event
from support.ingesting import data_settings, opened
from support.judging import NOW, Judged, at, plan_of, tasks

from meetlat_aggregator.kpi import engine
from meetlat_aggregator.publish import Publisher
from meetlat_aggregator.store import Store

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


def pending(store: Store) -> bool:
    with duckdb.connect(str(store.publisher.path), read_only=True) as con:
        return bool(con.execute("FROM kpi_pending WHERE kpi <> 'learning_curve'").fetchall())


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


async def test_what_was_put_off_is_made_when_it_is_due_though_nothing_new_came_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_REST", 1e9)
    async with opened(data_settings(tmp_path)) as store:
        await store.take_plan(plan_of(), "one")
        for hours in (2.0, 3.0, 4.0):
            await store.apply(batch_of(*news(hours)), {}, "")
            assert await store.publish()
        assert pending(store), "the third time comes too soon"
        assert not await store.publish()
        store.publisher.hurry()  # as if the rest had passed
        assert await store.publish()
        assert not pending(store)
        assert not await store.publish()


async def test_the_last_publication_puts_nothing_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_REST", 1e9)
    async with opened(data_settings(tmp_path)) as store:
        await store.take_plan(plan_of(), "one")
        for hours in (2.0, 3.0, 4.0):
            await store.apply(batch_of(*news(hours)), {}, "")
            await store.publish()
        assert pending(store)
        assert await store.publish(whole=True)
        assert not pending(store)
