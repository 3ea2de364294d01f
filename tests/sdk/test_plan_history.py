"""A new `from` is a change, an edited row a correction, and the order of rows means nothing."""

from __future__ import annotations

import copy
import json
from datetime import date
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from support.plans import full_plan

from meetlat.plan.described import fields_of, is_list, row_of
from meetlat.plan.history import ABOUT, Change, diff
from meetlat.plan.models import Dated, Plan


def plan(**given: Any) -> Plan:
    cost = [{"from": "2026-01-01", "hourly": "50"}]
    said: dict[str, Any] = {
        "company": {"name": "A"},
        "teams": [{"name": "sales", "cost": cost}],
        "use_cases": [{"id": "quotes", "name": "Q", "pack": "quotes"}],
    }
    return Plan.model_validate({**said, **given})


def team(*cost: tuple[str, str], name: str = "sales") -> dict[str, Any]:
    return {"name": name, "cost": [{"from": day, "hourly": value} for day, value in cost]}


def test_a_row_with_a_new_from_is_a_change() -> None:
    new = plan(teams=[team(("2026-01-01", "50"), ("2026-07-01", "55"))])
    after = {"from": "2026-07-01", "hourly": "55"}
    assert diff(plan(), new) == [
        Change("change", "teams[sales].cost", date(2026, 7, 1), None, after)
    ]


def test_an_edited_row_is_a_correction_from_its_day_on() -> None:
    (change,) = diff(plan(), plan(teams=[team(("2026-01-01", "48"))]))
    assert change == Change(
        "correction", "teams[sales].cost", date(2026, 1, 1),
        {"from": "2026-01-01", "hourly": "50"}, {"from": "2026-01-01", "hourly": "48"},
    )  # fmt: skip


def test_a_row_that_is_gone_is_removed_and_a_moved_one_is_removed_and_changed() -> None:
    (gone,) = diff(plan(), plan(teams=[team()]))
    assert (gone.kind, gone.since, gone.after) == ("removed", date(2026, 1, 1), None)
    moved = diff(plan(), plan(teams=[team(("2026-02-01", "50"))]))
    assert [(change.kind, change.since) for change in moved] == [
        ("removed", date(2026, 1, 1)),
        ("change", date(2026, 2, 1)),
    ]


def test_the_first_dated_row_about_something_is_new() -> None:
    rate = {"from": "2026-01-01", "currency": "USD", "rate": "0.9"}
    (change,) = diff(plan(), plan(company={"name": "A", "rates": [rate]}))
    assert (change.kind, change.path, change.since) == (
        "new", "company.rates[USD]", date(2026, 1, 1),
    )  # fmt: skip


def test_a_new_team_is_new_with_its_rows() -> None:
    both = [team(("2026-01-01", "50")), team(("2025-01-01", "40"), name="support")]
    assert [(c.kind, c.path, c.since) for c in diff(plan(), plan(teams=both))] == [
        ("new", "teams[support]", None),
        ("new", "teams[support].cost", date(2025, 1, 1)),
    ]


def test_a_row_without_a_date_that_is_edited_is_a_correction_without_a_day() -> None:
    new = plan(use_cases=[{"id": "quotes", "name": "Q", "pack": "quotes", "go_live": "2026-04-01"}])
    (change,) = diff(plan(), new)
    assert (change.kind, change.path, change.since) == ("correction", "use_cases[quotes]", None)
    assert change.after is not None
    assert change.after["go_live"] == "2026-04-01"


def test_what_is_written_otherwise_but_means_the_same_is_no_change() -> None:
    assert diff(plan(), plan(teams=[team(("2026-01-01", "50.00"))])) == []
    said = {"name": "A", "currency": "EUR", "rates": []}
    assert diff(plan(), plan(company=said, privacy={})) == []


def test_attributes_are_on_the_record() -> None:
    (change,) = diff(plan(), plan(attributes=["region"]))
    assert (change.kind, change.path) == ("correction", "attributes")


def test_every_row_in_a_list_is_known_by_what_it_is_about() -> None:
    def rows(model: Any) -> set[Any]:
        found = set()
        for info in fields_of(model).values():
            below = row_of(info.annotation)
            if below is not None:
                found |= rows(below) | ({below} if is_list(info.annotation) else set())
        return found

    assert {row for row in rows(Plan) if not issubclass(row, Dated)} <= set(ABOUT)


FULL = full_plan()


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """The full plan, with some of its tables and rows gone, doubled with another day, or edited."""
    said: Any = copy.deepcopy(FULL)
    for name in ("teams", "kpis", "investments", "prices", "reports"):
        if draw(st.booleans()):
            del said[name]
    for row in [*said.get("prices", []), *said.get("investments", [])]:
        row["from"] = draw(st.dates(date(2026, 1, 1), date(2026, 1, 3)))
    for one in said.get("teams", []):
        days = draw(st.lists(st.dates(date(2026, 1, 1), date(2026, 1, 4)), unique=True))
        one["cost"] = [{"from": day, "hourly": draw(st.integers(1, 2))} for day in days]
    said["use_cases"][0]["name"] = draw(st.sampled_from(["A", "B"]))
    return Plan.model_validate(said)


Told = dict[tuple[str, date | None], Any]


@given(plans(), plans())
@settings(max_examples=80, deadline=None)
def test_there_and_back_again(old: Plan, new: Plan) -> None:
    assert diff(old, old) == []
    there, back = diff(old, new), diff(new, old)
    forward: Told = {(c.path, c.since): (c.before, c.after) for c in there}
    backward: Told = {(c.path, c.since): (c.after, c.before) for c in back}
    assert forward == backward
    assert bool(there) == (old != new)
    for change in there:
        assert (change.before is None) == (change.kind in ("new", "change"))
        assert (change.after is None) == (change.kind == "removed")
        json.dumps([change.kind, change.path, str(change.since), change.before, change.after])


@given(st.randoms())
@settings(max_examples=20, deadline=None)
def test_the_order_of_rows_makes_no_difference(random: Any) -> None:
    teams = [team(("2026-01-01", "1"), ("2026-02-01", "2"), name=name) for name in "abc"]
    mixed = copy.deepcopy(teams)
    random.shuffle(mixed)
    for one in mixed:
        random.shuffle(one["cost"])
    assert diff(plan(teams=teams), plan(teams=mixed)) == []
