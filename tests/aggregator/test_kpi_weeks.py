"""What is counted by week: complete weeks only, and those in which nothing happened too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from support.aggregating import Sent, event, person, void
from support.judging import GO_LIVE, NOW, Judged, at, plan_of, task, use_case

from meetlat_aggregator.kpi import engine

WEEK = timedelta(days=7)
MONDAY = date(2026, 3, 2)
PEOPLE = {"name": "north", "people": [{"from": date(2025, 1, 1), "count": 8, "entitled": 24}]}
PLAN = plan_of(
    use_case(teams=["north"], features=["draft", "tone"], kpis=[{"id": "throughput"}]),
    teams=[PEOPLE],
    timezone="Europe/Amsterdam",
)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_REST", 0.0)


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Judged]:
    with closing(Judged(tmp_path, PLAN)) as judged:
        yield judged


def done(day: date, count: int = 16, **more: object) -> list[Sent]:
    """So many tasks that were finished on a day."""
    return [task(at(day, 9), 1, case=f"{day}-{i}", team="north", **more) for i in range(count)]


def uses(day: date, times: int = 3, people: int = 6, **more: object) -> list[Sent]:
    """Each of some people uses the tool so many times in the week that begins on a day."""
    return [
        event("interaction", time=at(day + timedelta(days=i), 9), history=True, use_case="quotes",
              tool="writer", user=person(number), team="north", appended=NOW, **more)
        for i in range(times) for number in range(people)
    ]  # fmt: skip


def by(moment: datetime, events: list[Sent]) -> list[Sent]:
    """The same, appended at a moment: that is the watermark then."""
    return [replace(one, appended=moment) for one in events]


def clock(moment: datetime) -> Sent:
    """An event of something else, which moves the watermark."""
    return event("probe", time=moment, appended=moment, tool="other", success=True)


def weeks(company: Judged, kpi: str, **where: object) -> dict[date, float]:
    rows = company.values(kpi, "week", **where)
    return {row["start"].date(): row["value"] for row in rows if row["value"] is not None}


def test_the_week_that_is_not_over_in_the_company_s_time_zone_is_in_no_throughput(
    company: Judged,
) -> None:
    sunday = datetime(2026, 3, 29, tzinfo=UTC)  # summer time begins
    before, after = (clock(sunday + timedelta(hours=22, minutes=i)) for i in (-1, 1))
    old = by(sunday, done(MONDAY) + done(date(2026, 3, 24)))
    full = {MONDAY: 2.0, MONDAY + WEEK: 0.0, MONDAY + 2 * WEEK: 0.0}
    company.feed([*old, before]).publish()
    assert weeks(company, "throughput") == full
    assert company.value("throughput")["n"] == 24
    company.feed([after]).publish()
    assert weeks(company, "throughput") == {**full, MONDAY + 3 * WEEK: 2.0}
    assert company.value("throughput")["n"] == 32
    assert company.values("throughput", "month")[0]["value"] == 1


def test_a_week_without_a_finished_task_counts_and_one_before_the_first_does_not(
    company: Judged,
) -> None:
    company.feed(done(MONDAY) + done(MONDAY + 3 * WEEK)).publish()
    found = weeks(company, "throughput")
    assert list(found.values()) == [2, 0, 0, 2, 0, 0, 0, 0, 0]
    assert min(found) == MONDAY
    assert company.value("throughput")["value"] == pytest.approx(4 / 9)
    assert (
        weeks(company, "throughput", team="north") == found
    )  # by head count: nobody used the tool


def test_weeks_between_are_filled_when_history_comes_and_emptied_when_it_is_withdrawn(
    company: Judged,
) -> None:
    first = done(MONDAY, 1)
    company.feed(done(MONDAY + 4 * WEEK)).publish()
    assert min(weeks(company, "throughput")) == MONDAY + 4 * WEEK
    company.feed(first).publish()
    assert list(weeks(company, "throughput").values())[:5] == [pytest.approx(1 / 8), 0, 0, 0, 2]
    company.feed([void(first[0], time=NOW)]).publish()
    assert min(weeks(company, "throughput")) == MONDAY + 4 * WEEK


def test_throughput_is_compared_with_its_baseline_also_where_tasks_have_segments(
    company: Judged,
) -> None:
    before, after = date(2025, 10, 6), date(2026, 2, 2)
    for week in range(6):
        company.feed(done(before + week * WEEK, 16, segment="standard", assisted=False))
        company.feed(done(after + week * WEEK, 32, segment="complex", assisted=True))
    (row,) = company.publish().values("throughput", "month", start="2026-02-01 00:00:00")
    assert (row["value"], row["baseline"]) == (4, pytest.approx(12 / 13))  # of 13 weeks, 6 worked
    assert row["improvement"] == pytest.approx((4 - 12 / 13) / (12 / 13))


def test_zeros_alone_are_no_news(company: Judged) -> None:
    company.feed(done(MONDAY)).publish()
    row = company.values("throughput", "rolling_28d")[0]
    assert (row["value"], row["status"]) == (0, "stale")


@pytest.mark.parametrize("days", range(7))
def test_what_is_counted_by_week_is_not_stale_while_the_next_week_goes_on(
    company: Judged, days: int
) -> None:
    moment = at(MONDAY + WEEK + timedelta(days=days))
    company.feed(by(moment, [*done(MONDAY), *uses(MONDAY, people=6)])).publish()
    for kpi in ("throughput", "active_users"):
        assert company.value(kpi)["status"] != "stale", kpi


def test_a_week_without_use_counts_after_go_live_and_the_first_use(company: Judged) -> None:
    pilot, live = GO_LIVE - 4 * WEEK, GO_LIVE + WEEK
    company.feed(uses(pilot) + uses(live) + uses(live + 3 * WEEK)).publish()
    for kpi, used in (("adoption_rate", 6 / 24), ("usage_intensity", 18 / 24), ("active_users", 6)):
        assert list(weeks(company, kpi).items())[:5] == [
            (pilot, used), (live, used), (live + WEEK, 0), (live + 2 * WEEK, 0),
            (live + 3 * WEEK, used),
        ], kpi  # fmt: skip


def test_a_session_is_one_use_however_many_features_it_touched(tmp_path: Path) -> None:
    case = use_case(
        teams=["north"], features=["draft", "tone"], regular=[{"from": MONDAY, "uses": 2}]
    )
    with closing(Judged(tmp_path, plan_of(case, teams=[PEOPLE]))) as company:
        for feature in ("draft", "tone"):
            company.feed(uses(MONDAY, 1, feature=feature, session="s1"))
            company.feed(uses(MONDAY + WEEK, 1, feature=feature))  # two uses without a session
        company.publish()
        found = weeks(company, "active_users")
        assert (found[MONDAY], found[MONDAY + WEEK]) == (0, 6)
        assert weeks(company, "usage_intensity")[MONDAY] == 6 / 24
        assert weeks(company, "feature_concentration")[MONDAY] == 1
