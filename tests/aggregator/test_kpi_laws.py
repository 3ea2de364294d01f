"""However events come in and whenever is published, the KPI tables are those of one publication."""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from support.aggregating import Sent, event, person, void
from support.judging import NOW, Judged, at, plan_of, task, tasks, use_case

from meetlat.plan.models import Plan, Price
from meetlat_aggregator.kpi import engine
from meetlat_aggregator.kpi.composed import composing, token_saving
from meetlat_aggregator.kpi.prices import PriceBook

pytestmark = pytest.mark.timeout(400)  # laws take long on a busy machine

FIRST, DAYS = date(2025, 12, 22), 60
SEGMENTS, TEAMS = (None, "standard", "complex"), (None, "north", "south")
days = st.integers(0, DAYS - 1).map(lambda day: FIRST + timedelta(days=day))


@st.composite
def events(draw: st.DrawFn) -> Sent:
    moment = at(draw(days), draw(st.integers(0, 23)))
    where = {"team": draw(st.sampled_from(TEAMS)), "segment": draw(st.sampled_from(SEGMENTS))}
    if draw(st.booleans()):
        hours = draw(st.none() | st.floats(0.5, 900))
        more = {"assisted": draw(st.sampled_from([None, True, False])), **where}
        case = f"c{draw(st.integers(0, 20))}"  # tasks are updated, and move between days
        return task(moment, hours, case=case, revisions=draw(st.integers(0, 3)), **more)
    return event(
        "interaction", time=moment, history=True, tool="writer",
        duration=draw(st.floats(0.1, 20)), status=draw(st.sampled_from(["ok", "error"])),
        user=person(draw(st.integers(0, 12))), **where,
    )  # fmt: skip


@st.composite
def ingredients(draw: st.DrawFn) -> Sent:
    """What the composed KPIs are made of: of few kinds, so that they do have values."""
    moment = at(draw(days), draw(st.integers(0, 23)))
    many = draw(st.integers(1, 60))
    version = {"tool": "writer", "prompt_version": draw(st.sampled_from(["v1", "v2"]))}
    kind, said = draw(
        st.sampled_from(
            [
                ("measurement", {"name": "tickets", "value": str(many)}),
                ("measurement", {"name": "orders", "value": str(3 * many)}),
                ("measurement", {"name": "agent_hours", "value": str(many)}),
                ("measurement", {"name": "ideas", "value": str(many % 3)}),
                ("resolution", {"session": f"s{many}", "outcome": "resolved", "by": "bot"}),
                ("interaction", {**version, "provider": "own", "model": "m", "duration": 1.0,
                                 "input_tokens": 100 * many, "output_tokens": many}),
                ("review", {**version, "sampled": True, "sampling_rate": 1, "correct": many > 6}),
                ("selection_counts", {"dimension": "gender", "stage": "applied",
                                      "counts": {"f": 40 + many, "m": 60}}),
                ("selection_counts", {"dimension": "gender", "stage": "selected",
                                      "counts": {"f": many % 9, "m": 12}}),
                ("task", {"process": "quote", "case": f"c{many}", "handling": 60.0 * many,
                          "requested": moment, "finished": moment + timedelta(hours=1),
                          "user": person(many % 12)}),
            ]
        )
    )  # fmt: skip
    return event(kind, time=moment, history=True, use_case="quotes", **said)


@st.composite
def batches(draw: st.DrawFn, of: st.SearchStrategy[Sent], most: int = 25) -> list[list[Sent]]:
    """Events in the order in which they come, on the same day or some days later; some are
    withdrawn.
    """
    found: list[list[Sent]] = []
    moment = NOW
    for batch in draw(st.lists(st.lists(of, min_size=1, max_size=most), min_size=2, max_size=3)):
        sent = [replace(one, appended=moment) for one in batch]
        before = [one for some in found for one in some]
        wrong = draw(st.lists(st.sampled_from(before), max_size=3, unique=True)) if before else []
        found.append(sent + [void(one, time=moment, appended=moment) for one in wrong])
        moment += timedelta(days=draw(st.sampled_from([0, 0, 1, 6, 40])))
    return found


PLAN = plan_of(
    use_case(
        go_live=date(2026, 1, 12),
        baseline={"from": date(2025, 12, 22), "until": date(2026, 1, 11)},
        control_team="south",
        teams=["north", "south"],
        kpis=[{"id": "lead_time"}, {"id": "response_on_time"}, {"id": "adoption_rate"}],
    ),
    teams=[
        {"name": name, "people": [{"from": date(2026, 1, 1), "count": 20, "entitled": 20}]}
        for name in ("north", "south")
    ],
    timezone="Europe/Amsterdam",
)
COMPOSED = plan_of(
    use_case(
        go_live=date(2026, 1, 12),
        baseline={"from": date(2025, 12, 22), "until": date(2026, 1, 11)},
        reference_prompts=[{"tool": "writer", "prompt_version": "v1"}],
        kpis=[{"id": name} for name in sorted(composing.COMPOSED)],
    ),
    teams=[{"name": "north", "people": [{"from": date(2025, 1, 1), "count": 40}]}],
    privacy={"agreement": "Works council, 12 January 2026"},
)
PRICES = PriceBook(
    (
        Price.model_validate(
            {"model": "m", "from": "2025-01-01", "currency": "EUR", "input": 2, "output": 8}
        ),
    ),
    library=False,
)
TABLES = {
    "kpi_values": "* EXCLUDE (as_of)",
    "baselines": "*",
    "kpi_components": "*",
    "kpi_buckets": "*",
}


def shown(company: Judged) -> dict[str, Counter[str]]:
    return {
        table: Counter(repr(sorted(row.items())) for row in rows)
        for table, rows in (
            (table, company.rows(f"SELECT {columns} FROM {table}"))
            for table, columns in TABLES.items()
        )
    }


# To shrink a story takes minutes, and tells no more than the rows that differ.
@settings(
    max_examples=3, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate]
)
@given(batches(events()))
def test_publishing_again_and_again_gives_what_publishing_once_gives(
    batches: list[list[Sent]],
) -> None:
    hold_step_by_step(batches, PLAN)


@settings(
    max_examples=3, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate]
)
@given(batches(ingredients(), most=60))
def test_the_same_holds_of_what_is_composed_of_several_sums(batches: list[list[Sent]]) -> None:
    hold_step_by_step(batches, COMPOSED)


def hold_step_by_step(batches: list[list[Sent]], plan: Plan) -> None:
    """Publish after each batch, then all at once as of a long past, and compare."""
    with pytest.MonkeyPatch.context() as patched, tempfile.TemporaryDirectory() as folder:
        patched.setattr(engine, "_REST", 0.0)
        patched.setattr(token_saving, "LEAST_CHECKS", 1)
        company = Judged(Path(folder), plan)
        company.publisher.prices = PRICES
        try:
            for batch in batches:
                company.feed(batch).publish()
            step_by_step = shown(company)
            company.publisher.working.unlink()
            patched.setattr(engine, "_SMALL", 0)  # stretch by stretch, as a long past is made
            at_once = shown(company.publish())
            remarks = company.rows("SELECT DISTINCT remark, remark_nl FROM kpi_values")
        finally:
            company.close()
    assert all(row["remark"].count(";") == row["remark_nl"].count(";") for row in remarks)
    assert all(bool(row["remark"]) == bool(row["remark_nl"]) for row in remarks)
    for table, rows in at_once.items():
        assert sorted(step_by_step[table] - rows) == sorted(rows - step_by_step[table]), table


def test_a_long_past_with_few_hours_is_what_a_small_past_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many periods are measured in groups of KPIs, of which one alone has the hours."""
    company = Judged(tmp_path, plan_of(use_case(kpis=[{"id": "lead_time"}])))
    calls = [
        event("interaction", time=at(date(2026, 5, 3), hour), history=True, appended=NOW,
              tool="writer", status="ok", duration=1.0)
        for hour in range(9, 17)
    ]  # fmt: skip
    company.feed(tasks(40, date(2025, 10, 6), 80, 10) + tasks(120, date(2026, 1, 12), 111, 5))
    small = shown(company.feed(calls).publish())
    hours = company.rows("SELECT count(*) AS n FROM kpi_values WHERE period = 'hour'")[0]["n"]
    assert hours >= 8
    company.publisher.working.unlink()
    monkeypatch.setattr(engine, "_SMALL", 0)
    assert shown(company.publish()) == small
    company.close()


def test_a_new_day_matures_cohorts_closes_periods_and_moves_the_windows(tmp_path: Path) -> None:
    company = Judged(tmp_path, plan_of())
    company.feed(tasks(40, date(2025, 10, 6), 80, 10) + tasks(40, date(2026, 4, 6), 20, 5))
    company.publish()
    first = company.values("lead_time", "month")[-1]
    window = company.value("lead_time", "rolling_28d")
    later = event("probe", time=NOW + timedelta(days=30), tool="writer", success=True)
    company.feed([later]).publish()
    then = company.values("lead_time", "month", start=str(first["start"]))[0]
    assert (first["status"], first["closed"]) == ("provisional", False)
    assert then["status"] in ("on target", "undecided")
    assert then["closed"]
    moved = company.values("lead_time", "rolling_28d")
    assert [row["start"] for row in moved] == []
    assert window["n"] == 40
    company.close()


def test_what_the_plan_names_is_unknown_before_there_is_any_event_of_its_own(
    tmp_path: Path,
) -> None:
    company = Judged(tmp_path, PLAN)
    company.feed([event("probe", time=NOW, tool="")]).publish()  # a dead letter
    company.feed([task(at(date(2026, 2, 2)), 3, case="c1")]).publish()
    for period in ("day", "week", "month", "quarter", "year", "rolling_28d", "since_go_live"):
        assert {row["status"] for row in company.values("response_on_time", period)} == {"unknown"}
    company.close()


def test_what_ended_yesterday_is_unknown_without_an_event_and_forgotten_later(
    tmp_path: Path,
) -> None:
    company = Judged(tmp_path, PLAN)
    company.feed([task(at(date(2026, 2, 2)), 3, case="c1")]).publish()
    shown = [(str(row["start"]), row["status"]) for row in company.values("lead_time", "day")]
    unknown = [("2026-05-03 00:00:00", "unknown"), ("2026-05-04 00:00:00", "unknown")]
    assert shown == [("2026-02-02 00:00:00", "too few"), *unknown]
    later = [replace(task(at(date(2026, 2, 3)), 3, case="c2"), appended=NOW + timedelta(days=9))]
    company.feed(later).publish()
    days = [row["start"].date() for row in company.values("lead_time", "day")]
    assert days == [date(2026, 2, 2), date(2026, 2, 3), date(2026, 5, 12), date(2026, 5, 13)]
    company.close()


def test_an_hour_whose_only_call_is_withdrawn_has_no_value_any_more(tmp_path: Path) -> None:
    company = Judged(tmp_path, PLAN)
    calls = [event(time=NOW - timedelta(hours=hours), tool="writer") for hours in (2, 1)]
    company.feed(calls).publish()
    assert len(company.values("error_rate", "hour")) == 2
    company.feed([void(calls[0])]).publish()
    assert [row["start"].hour for row in company.values("error_rate", "hour")] == [11]
    company.close()
