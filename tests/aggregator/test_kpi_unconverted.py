"""Money in a currency without a rate is left out, told beside the KPI, and counted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.aggregating import Sent, event
from support.judging import GO_LIVE, NOW, Judged, at, plan_of, tasks, use_case

from meetlat.kpis.catalogue import UNCONVERTED, catalogue
from meetlat.plan.models import Plan
from meetlat_aggregator.kpi.plan_store import PlanStore
from meetlat_aggregator.kpi.remark import Remark

DAY = date(2026, 2, 3)
A_WEEK = timedelta(days=7)
TOLD = Remark(
    "amounts left out, as the plan has no exchange rate for them: {}",
    "bedragen weggelaten, omdat het plan er geen wisselkoers voor heeft: {}",
)


def company(*rates: tuple[str, str, str]) -> Plan:
    """The plan with these exchange rates (from, currency, rate)."""
    kpis = [{"id": kpi, "decision": "We stop"} for kpi in ("repair_cost", "cost_per_request")]
    said = plan_of(use_case(kpis=kpis)).model_dump(by_alias=True)
    said["company"]["rates"] = [
        {"from": since, "currency": currency, "rate": rate} for since, currency, rate in rates
    ]
    return Plan.model_validate(said)


def repair(value: str, unit: str, day: date = DAY) -> Sent:
    return event("measurement", time=at(day), history=True, appended=NOW, use_case="quotes",
                 name="repair_cost", value=value, unit=unit)  # fmt: skip


def calls(count: int, currency: str) -> list[Sent]:
    return [
        event(time=at(DAY), history=True, appended=NOW, use_case="quotes", cost="0.5",
              currency=currency)
        for _ in range(count)
    ]  # fmt: skip


@pytest.fixture
def judged(tmp_path: Path) -> Iterator[Judged]:
    made = Judged(tmp_path, company())
    made.feed(tasks(50, GO_LIVE + A_WEEK, 60, 3))
    yield made
    made.close()


def told(row: dict[str, Any], count: int) -> bool:
    """Whether the remark says so, in both languages."""
    return (row["remark"], row["remark_nl"]) == (TOLD.en.format(count), TOLD.nl.format(count))


def test_amounts_left_out_are_told_and_counted_in_their_period_only(judged: Judged) -> None:
    judged.feed([repair("30", "EUR"), repair("9", "USD"), repair("9", "JPY"), *calls(25, "EUR")])
    judged.feed([repair("2", "EUR", date(2026, 3, 4)), *calls(3, "USD")]).publish()
    row = judged.value("repair_cost")
    assert (row["value"], row["n"]) == (64, 50), "32 euro on 50 tasks"
    assert told(row, 2)
    assert judged.value("repair_cost", part=UNCONVERTED)["value"] == 2
    february, march = judged.values("repair_cost", "month")[1:3]
    assert told(february, 2)
    assert march["remark"] == ""
    row = judged.value("cost_per_request")
    assert (row["value"], row["n"]) == (0.5, 25)
    assert told(row, 3)


def test_nothing_but_amounts_without_a_rate_is_unknown_and_told(judged: Judged) -> None:
    judged.feed([repair("9", "USD"), *calls(30, "USD")]).publish()
    for kpi, count in (("repair_cost", 1), ("cost_per_request", 30)):
        row = judged.value(kpi)
        assert (row["value"], row["status"]) == (None, "unknown"), kpi
        assert told(row, count), kpi


def test_a_rate_that_is_written_later_takes_them_in(judged: Judged) -> None:
    judged.feed([repair("30", "EUR"), repair("10", "USD")]).publish()
    assert told(judged.value("repair_cost"), 1)
    later = company(("2026-01-01", "USD", "0.8"))
    PlanStore(judged.bench.con).take(later, "later", NOW.replace(tzinfo=None))
    row = judged.publish().value("repair_cost")
    assert (row["value"], row["remark"]) == (2 * 38, "")
    assert judged.values("repair_cost", "since_go_live", part=UNCONVERTED) == []


def test_every_kpi_that_turns_amounts_into_the_companys_money_counts_what_it_leaves_out() -> None:
    turning = {name for name, kpi in catalogue().items() if "in_company_money" in kpi.sql}
    assert {name for name, kpi in catalogue().items() if UNCONVERTED in kpi.parts} == turning
