"""KPIs of the company's own, from its plan to `kpi_values`: a measurement, or SQL."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint
from support.aggregating import Sent, event
from support.judging import NOW, Judged, at, plan_of, use_case

from meetlat.plan.models import Plan
from meetlat.plan.own_sql import TABLES
from meetlat_aggregator.dictionary import TABLES as PUBLISHED
from meetlat_aggregator.gauges import read_gauges
from meetlat_aggregator.kpi import sandbox
from meetlat_aggregator.kpi.company_runs import MOST_CUTS, REST, REST_FAILED, CompanyRuns
from meetlat_aggregator.kpi.dictionary import PLAN_TABLES
from meetlat_aggregator.kpi.plan_store import PlanStore
from meetlat_aggregator.kpi.sandbox import Refused, Rows
from meetlat_aggregator.kpi.values_dictionary import VALUE_TABLES

DAY = date(2026, 4, 28)
A_DAY = timedelta(days=1)
PER_TEAM = (
    "SELECT day, use_case, team, sum(value_sum) AS total, sum(count) AS n "
    "FROM measurements_daily GROUP BY ALL"
)


def own(name: str = "visits", **more: Any) -> dict[str, Any]:
    said: dict[str, Any] = {
        "id": name, "title": name.title(), "level": 3, "unit": "count", "better": "higher",
    }  # fmt: skip
    if "sql" not in more:
        said["measurement"] = "visits"
    return {**said, **more}


def plan(*kpis: dict[str, Any], **more: Any) -> Plan:
    return plan_of(use_case(**more), kpis=list(kpis))


def visits(*values: float, day: date = DAY, **more: Any) -> list[Sent]:
    said = {"name": "visits", "use_case": "quotes", **more}
    return [
        event("measurement", time=at(day, 9 + i / len(values)), history=True, appended=NOW,
              value=str(value), **said)
        for i, value in enumerate(values)
    ]  # fmt: skip


class Company:
    """A data directory, and the runs of the company's SQL beside it, as the aggregator has them."""

    def __init__(self, directory: Path, plan: Plan, **limits: Any) -> None:
        self.judged = Judged(directory, plan)
        self.plan = plan
        self.now, self.publications = 0.0, 0
        self.runs = CompanyRuns(
            run=lambda *given, **more: sandbox.run(*given, **{**limits, **more}),
            clock=lambda: self.now,
        )

    def feed(self, *events: list[Sent]) -> Company:
        self.judged.feed([one for some in events for one in some])
        return self

    def publish(self) -> Company:
        self.judged.publisher.results = self.runs.results
        self.judged.publish()
        self.publications += 1
        return self

    def run(self) -> Company:
        """A publication, the SQL on it, and the publication that shows what that gave."""
        self.publish()
        self.now += 10_000
        self.runs.look(self.plan, self.judged.publisher.path, self.publications)
        return self.publish()

    def take(self, plan: Plan) -> Company:
        self.plan = plan
        PlanStore(self.judged.bench.con).take(plan, str(id(plan)), NOW.replace(tzinfo=None))
        return self

    def value(self, kpi: str, period: str = "rolling_28d", **where: Any) -> dict[str, Any]:
        return self.judged.value(kpi, period, **where)


Make = Callable[..., Company]


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Make]:
    made: list[Company] = []

    def make(plan: Plan, **limits: Any) -> Company:
        made.append(Company(tmp_path / str(len(made)), plan, **limits))
        return made[-1]

    yield make
    for one in made:
        one.judged.close()


# --- a measurement


def test_a_measurement_is_a_mean_with_students_range_its_target_and_its_baseline(
    company: Make,
) -> None:
    values = [float(value) for value in range(1, 25)]
    target = {"id": "visits", "decision": "We ask why", "target": {"low": 10}}
    found = company(plan(own(), kpis=[target])).feed(
        visits(*values), visits(*[5] * 20, day=date(2025, 11, 3)), visits(1000, name="other")
    )
    row = found.publish().value("visits")
    mean, error = sum(values) / 24, stats.sem(values)
    low, high = stats.t.interval(0.95, 23, mean, error)
    assert (row["value"], row["n"]) == (12.5, 24)
    assert (row["low"], row["high"]) == (pytest.approx(low), pytest.approx(high))
    assert (row["baseline"], row["baseline_n"], row["improvement"]) == (5, 20, 1.5)
    assert (row["target_low"], row["status"]) == (10, "undecided")


def test_a_measurement_of_yes_and_no_is_a_share_with_wilsons_range(company: Make) -> None:
    found = company(plan(own(unit="share", shape="share"))).feed(visits(*[1] * 15, *[0] * 10))
    row = found.publish().value("visits")
    low, high = proportion_confint(15, 25, method="wilson")
    assert (row["value"], row["n"], row["counted"]) == (0.6, 25, 15)
    assert (row["low"], row["high"]) == (pytest.approx(low), pytest.approx(high))


def test_a_share_is_not_made_of_values_that_are_neither_yes_nor_no(company: Make) -> None:
    found = company(plan(own(unit="share", shape="share"))).feed(visits(*[0.5] * 30))
    assert found.publish().value("visits")["status"] == "unknown"


def test_a_measurement_is_added_up_per_day_team_and_segment(company: Make) -> None:
    found = company(plan(own(shape="sum"))).feed(
        visits(2, 3, segment="standard"), visits(7, day=DAY + A_DAY, segment="complex")
    )
    found.publish()
    assert found.value("visits")["value"] == 12
    assert found.value("visits", segment="standard")["value"] == 5
    days = found.judged.values("visits", "day")
    assert [row["value"] for row in days if row["n"]] == [5, 7]


def test_a_measurement_of_money_is_in_the_companys_currency_at_the_days_rate(
    company: Make,
) -> None:
    rates = [{"from": date(2025, 1, 1), "currency": "USD", "rate": 0.5}]
    said = plan_of(kpis=[own(unit="money", shape="sum")])
    of_rates = said.model_dump(by_alias=True)
    of_rates["company"]["rates"] = rates
    found = company(Plan.model_validate(of_rates)).feed(
        visits(10, unit="EUR"), visits(8, unit="USD"), visits(99, unit="JPY")
    )
    row = found.publish().value("visits")
    assert (row["value"], row["n"], row["currency"]) == (14, 2, "EUR")
    left_out = "amounts left out, as the plan has no exchange rate for them: 1"
    assert row["remark"] == left_out
    part = found.value("visits", part="unconverted")
    assert (part["value"], part["n"], part["unit"], part["currency"]) == (1, 1, "count", "")


def test_a_kpi_for_one_use_case_has_no_values_of_another(company: Make) -> None:
    other = {"id": "other", "name": "Other", "pack": "quotes"}
    both = plan_of(use_case(), other, kpis=[own(use_case="other", shape="sum")])
    found = company(both).feed(visits(1), visits(5, use_case="other")).publish()
    assert found.judged.values("visits", "rolling_28d") == []
    assert found.value("visits", use_case="other")["value"] == 5


@pytest.mark.parametrize("name", ["it's", "a {brace}", "$1", "'; DROP TABLE published.meta; --"])
def test_the_name_of_a_measurement_is_text_whatever_it_holds(company: Make, name: str) -> None:
    found = company(plan(own(measurement=name, shape="sum"))).feed(visits(4, name=name))
    assert found.publish().value("visits")["value"] == 4


# --- SQL


def test_sql_gives_values_per_period_team_and_segment_with_range_and_gauge(company: Make) -> None:
    query = (
        "SELECT day, use_case, segment, sum(value_sum) AS total, sum(value_squares) AS squares, "
        "sum(count) AS n FROM measurements_daily GROUP BY ALL"
    )
    values = [float(value) for value in range(1, 25)]
    chosen = {"id": "v", "decision": "We ask why", "target": {"low": 2}}
    found = company(plan(own("v", sql=query), kpis=[chosen])).feed(
        visits(*values, segment="standard"), visits(100, segment="complex", day=DAY + A_DAY)
    )
    row = found.run().value("v", segment="standard")
    low, high = stats.t.interval(0.95, 23, 12.5, stats.sem(values))
    assert (row["value"], row["n"]) == (12.5, 24)
    assert (row["low"], row["high"]) == (pytest.approx(low), pytest.approx(high))
    total = found.value("v")
    assert (total["value"], total["n"], total["target_low"]) == (16, 25, 2)
    assert [row["value"] for row in found.judged.values("v", "day") if row["n"]] == [12.5, 100]
    gauges = read_gauges(found.judged.bench.con, NOW.replace(tzinfo=None), 5)
    assert (("quotes", "v"), 16.0) in gauges["meetlat_kpi_value"]


def test_sql_has_a_measured_baseline(company: Make) -> None:
    query = (
        "SELECT day, use_case, sum(value_sum) AS total, sum(value_squares) AS squares, "
        "sum(count) AS n FROM measurements_daily GROUP BY ALL"
    )
    found = company(plan(own("v", sql=query))).feed(
        visits(*[4] * 20, day=date(2025, 11, 3)), visits(*[6] * 20)
    )
    row = found.run().value("v")
    assert (row["baseline"], row["improvement"]) == (4, 0.5)


def test_later_events_change_the_values_of_sql_and_only_those(company: Make) -> None:
    found = company(plan(own("v", sql=PER_TEAM, shape="sum"))).feed(visits(2, 3)).run()
    assert found.value("v")["value"] == 5
    before = found.runs.results
    found.run()
    assert found.runs.results is before, "the same rows are no change"
    found.feed(visits(10, day=DAY + A_DAY)).run()
    assert found.value("v")["value"] == 15
    days = found.judged.values("v", "day")
    assert [row["value"] for row in days if row["n"]] == [5, 10]


def test_another_query_under_the_same_id_takes_the_place_of_the_first(company: Make) -> None:
    found = company(plan(own("v", sql=PER_TEAM, shape="sum"))).feed(visits(2, 3)).run()
    other = PER_TEAM.replace("sum(value_sum)", "100 * sum(value_sum)")
    found.take(plan(own("v", sql=other, shape="sum"))).publish()
    assert found.value("v")["status"] == "unknown", "what the old one gave is gone"
    assert found.run().value("v")["value"] == 500


def test_what_sql_gave_is_there_after_a_restart_and_after_another_plan(company: Make) -> None:
    found = company(plan(own("v", sql=PER_TEAM, shape="sum"))).feed(visits(2, 3)).run()
    found.runs = CompanyRuns(clock=lambda: found.now)  # as after a restart
    found.feed(visits(50, name="w", day=DAY + A_DAY))
    tomorrow = event("measurement", time=NOW + A_DAY, name="w", value="1", use_case="quotes")
    found.feed([tomorrow]).publish()
    assert found.value("v")["value"] == 5
    assert found.run().value("v")["value"] == 55, "the window ends the day before"
    found.take(plan(own("v", sql=PER_TEAM, shape="sum"), review=date(2026, 2, 10))).publish()
    assert found.value("v")["value"] == 55, "at once, without a run"


def test_values_of_sql_are_the_same_whether_made_step_by_step_or_at_once(company: Make) -> None:
    said = plan(own("v", sql=PER_TEAM, shape="sum"))
    parts = [visits(i + 1, day=date(2025, 12, 20) + 30 * i * A_DAY) for i in range(4)]
    steps, once = company(said), company(said)
    for part in parts:
        steps.feed(part).run()
    once.feed(*parts).run()
    query = "SELECT * EXCLUDE (as_of) FROM kpi_values WHERE kpi = 'v' ORDER BY ALL"
    found = once.judged.rows(query)
    assert steps.judged.rows(query) == found
    assert len(found) > 20


def test_a_day_that_has_not_come_is_left_out_until_it_has(company: Make) -> None:
    query = (
        "SELECT day + 10 AS day, use_case, sum(count) AS n, sum(value_sum) AS total "
        "FROM measurements_daily GROUP BY ALL"
    )
    found = company(plan(own("v", sql=query, shape="sum"))).feed(visits(2, 3)).run()
    assert found.value("v", "since_go_live")["status"] == "unknown"
    later = event("measurement", time=NOW + 7 * A_DAY, name="w", value="1", use_case="quotes")
    assert found.feed([later]).run().value("v", "since_go_live")["value"] == 5


# --- what goes wrong

WRONG = {
    "writes": ("DELETE FROM measurements_daily", "only SELECT may run"),
    "attaches": ("ATTACH 'other.duckdb' AS other", "only SELECT may run"),
    "reads files": ("SELECT day FROM read_csv('/etc/passwd')", "file system operations"),
    "endless": (
        (
            "WITH RECURSIVE r AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM r) SELECT "
            "DATE '2026-04-20' AS day, 'quotes' AS use_case, sum(i) AS total, 1 AS n FROM r"
        ),
        "longer than 1 seconds",
    ),
    "greedy": (
        (
            "SELECT DATE '2026-04-20' AS day, 'quotes' AS use_case, 1 AS n, len(list(i)) AS total "
            "FROM range(1000000000) AS r(i)"
        ),
        "more than its share of 256 MB",
    ),
    "wrong columns": ("SELECT day, use_case FROM measurements_daily", "gives no column total"),
    "unknown table": ("SELECT * FROM nowhere", "nowhere does not exist"),
    "no use case": (PER_TEAM.replace("use_case,", "'odd' AS use_case,"), "no row of a use case"),
    "too fine": (
        PER_TEAM.replace("team,", "i::VARCHAR AS team,").replace(
            "daily", "daily, range(1001) AS r(i)"
        ),
        f"{MOST_CUTS:,} are the most",
    ),
}


@pytest.mark.parametrize("how", WRONG)
def test_wrong_sql_is_unknown_with_the_reason_and_the_rest_goes_on(
    company: Make, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    query, why = WRONG[how]
    kpis = [own("bad", sql=query, shape="sum"), own("good", sql=PER_TEAM, shape="sum"), own()]
    found = company(plan(*kpis), seconds=1).feed(visits(2, 3)).run()
    bad = found.value("bad")
    assert (bad["value"], bad["n"], bad["status"]) == (None, 0, "unknown")
    assert why in bad["remark"]
    assert why in bad["remark_nl"]
    assert bad["remark_nl"].startswith("de eigen SQL van deze KPI gaf niets: ")
    assert ";" not in bad["remark"]
    assert found.value("good")["value"] == 5
    assert found.value("visits")["value"] == 2.5
    assert found.runs.failing == 1
    found.run()
    said = [text for text in caplog.messages if "KPI bad" in text]
    assert len(said) == 1, "once, not at every publication"
    assert why in said[0]


def test_sql_that_begins_to_fail_loses_its_values_and_has_them_back_when_it_runs(
    company: Make, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    fails_at_two = PER_TEAM.replace(
        "sum(value_sum)", "if(count(*) > 1, error('two'), sum(value_sum))"
    ).replace("team,", "'' AS team,")
    kpi = own("v", sql=fails_at_two, shape="sum")
    found = company(plan(kpi)).feed(visits(2)).run()
    assert found.value("v")["value"] == 2
    extra = visits(3, segment="x")
    found.feed(extra).run()
    row = found.value("v")
    assert (row["status"], row["value"]) == ("unknown", None)
    assert "two" in row["remark"]
    assert found.judged.rows("SELECT * FROM kpi_components WHERE kpi = 'v'") == []
    found.take(plan(own("v", sql=PER_TEAM, shape="sum"))).run()
    row = found.value("v")
    assert (row["value"], row["remark"]) == (5, "")


# --- when it runs


@dataclass
class Sandbox:
    """Stands for the sandbox: notes what it is asked, and takes the time that it is told."""

    company: list[float] = field(default_factory=lambda: [0.0])
    asked: list[list[str]] = field(default_factory=list)
    bad: set[str] = field(default_factory=set)
    takes: float = 1.0

    def run(self, queries: Any, published: Path, stop: threading.Event) -> dict[str, Any]:
        assert not stop.is_set()
        self.asked.append([query.id for query in queries])
        self.company[0] += self.takes
        nothing = sandbox.schema("sum").empty_table()
        return {q.id: Refused("is bad") if q.id in self.bad else Rows(nothing) for q in queries}


def runs(box: Sandbox) -> CompanyRuns:
    return CompanyRuns(run=box.run, clock=lambda: box.company[0])


def test_a_query_runs_once_per_publication_and_rests_a_multiple_of_what_it_took() -> None:
    box = Sandbox()
    said, made = plan(own("a", sql="SELECT 1"), own("b", sql="SELECT 1")), runs(box)
    made.look(said, Path(), 1)
    assert box.asked == [["a"], ["b"]], "each by itself until it is known to do well"
    box.company[0] += 1000
    made.look(said, Path(), 1)
    assert len(box.asked) == 2, "the same publication gives the same"
    made.look(said, Path(), 2)
    assert box.asked[2:] == [["a", "b"]]
    box.company[0] += REST * box.takes - 0.1
    made.look(said, Path(), 3)
    assert len(box.asked) == 3, "it still rests"
    box.company[0] += 0.2
    made.look(said, Path(), 3)
    assert len(box.asked) == 4


def test_one_that_failed_runs_apart_and_rests_longer() -> None:
    box = Sandbox(bad={"b"})
    said, made = plan(own("a", sql="SELECT 1"), own("b", sql="SELECT 1")), runs(box)
    made.look(said, Path(), 1)
    box.company[0] += REST * box.takes
    made.look(said, Path(), 2)
    assert box.asked[2:] == [["a"]]
    box.company[0] += REST_FAILED
    made.look(said, Path(), 3)
    assert box.asked[3:] == [["a"], ["b"]]


def test_nothing_is_run_when_the_aggregator_ends() -> None:
    box = Sandbox()
    made = runs(box)
    made.stopping.set()
    made.look(plan(own("a", sql="SELECT 1")), Path(), 1)
    assert box.asked == []


def test_a_kpi_that_left_the_plan_is_forgotten() -> None:
    box = Sandbox()
    made = runs(box)
    made.look(plan(own("a", sql="SELECT 1")), Path(), 1)
    assert set(made.results) == {"a"}
    made.look(plan(own()), Path(), 2)
    assert made.results == {}


def test_a_stop_ends_an_endless_query_soon_and_says_nothing_of_it(company: Make) -> None:
    found = company(plan(own("v", sql=WRONG["endless"][0], shape="sum")), seconds=60).publish()
    threading.Timer(1.0, found.runs.stopping.set).start()
    found.runs.look(found.plan, found.judged.publisher.path, 1)
    assert found.runs.results == {}


def test_plan_check_knows_the_published_tables() -> None:
    assert {table.name for table in (*PUBLISHED, *PLAN_TABLES, *VALUE_TABLES)} == TABLES
