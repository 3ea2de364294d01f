"""The plan in the live database: its versions, what they changed, and from when on to compute."""

from __future__ import annotations

import json
import logging
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
from support.aggregating import DAY, HOUR, NOON, Bench, event
from support.ingesting import data_settings, opened
from support.planning import costing, plan, use_case

from meetlat.kpis.catalogue import catalogue
from meetlat.plan.models import Plan
from meetlat_aggregator.kpi.company import own_kpi
from meetlat_aggregator.kpi.plan_store import PlanStore, Taken, impersonal, since_of
from meetlat_aggregator.rebuild import rebuild_store

ON_TIME = catalogue()["response_on_time"]
ZONE = {"timezone": "Europe/Amsterdam"}


@pytest.fixture
def store(bench: Bench) -> PlanStore:
    return PlanStore(bench.con)


def take(store: PlanStore, given: Plan | None, digest: str = "d") -> Taken:
    return store.take(given, digest, HOUR)


def history(store: PlanStore) -> list[tuple[Any, ...]]:
    query = "SELECT version, kind, since FROM plan_changes ORDER BY ALL"
    return store.con.execute(query).fetchall()


# --- versions


def test_before_the_first_plan_there_is_none(store: PlanStore) -> None:
    assert (store.current(), store.version(), store.digest()) == (None, 0, "")
    assert take(store, None, "") == Taken(0, (), None)


def test_the_first_plan_means_that_everything_is_computed(store: PlanStore) -> None:
    first = costing(("2026-01-01", "50"))
    taken = take(store, first, "abc")
    assert (taken.version, taken.recompute_since) == (1, "everything")
    assert (store.current(), store.version(), store.digest()) == (first, 1, "abc")


def test_a_plan_survives_a_restart_with_what_it_left_unsaid(bench: Bench) -> None:
    said = plan(use_case(go_live="2026-01-05", limits=[{"from": "2026-01-01", "seconds": 2.5}]),
                investments=[{"name": "x", "kind": "hours", "from": "2026-01-01", "hours": "1.5"}],
                company={"calendar": {"opens": "08:30", "holidays": ["2026-12-25"]}})  # fmt: skip
    take(PlanStore(bench.con), said)
    bench.reopen()
    kept = PlanStore(bench.con).current()
    assert kept == said
    assert kept is not None
    assert "timezone" not in kept.company.model_fields_set


def test_a_row_with_a_new_from_is_a_change_and_leaves_the_past_alone(store: PlanStore) -> None:
    take(store, costing(("2025-01-01", "40"), ("2026-01-01", "50")))
    taken = take(store, costing(("2025-01-01", "40"), ("2026-01-01", "50"), ("2026-03-01", "55")))
    assert (taken.version, taken.recompute_since) == (2, date(2026, 3, 1))


def test_an_edited_row_is_a_correction_and_the_past_is_computed_again(store: PlanStore) -> None:
    take(store, costing(("2025-01-01", "40"), ("2026-01-01", "50")))
    taken = take(store, costing(("2025-01-01", "41"), ("2026-01-01", "50")))
    assert [change.kind for change in taken.changes] == ["correction"]
    assert taken.recompute_since == date(2025, 1, 1)


def test_a_row_that_goes_counts_from_its_day(store: PlanStore) -> None:
    take(store, costing(("2025-01-01", "40"), ("2026-01-01", "50")))
    taken = take(store, costing(("2025-01-01", "40")))
    assert [change.kind for change in taken.changes] == ["removed"]
    assert taken.recompute_since == date(2026, 1, 1)


def test_a_field_without_a_day_means_everything(store: PlanStore) -> None:
    take(store, plan(use_case(go_live="2026-01-05")))
    assert take(store, plan(use_case(go_live="2026-01-06"))).recompute_since == "everything"


def test_several_changes_count_from_the_earliest() -> None:
    assert since_of([]) is None
    assert since_of([date(2026, 2, 1), date(2026, 1, 1)]) == date(2026, 1, 1)
    assert since_of([date(2026, 2, 1), None]) == "everything"


def test_the_same_plan_in_other_words_is_no_new_version(store: PlanStore) -> None:
    take(store, costing(("2026-01-01", "50")), "one")
    taken = take(store, costing(("2026-01-01", "50"), company={"currency": "EUR"}), "two")
    assert taken == Taken(1, (), None)
    assert store.digest() == "two"
    kept = store.current()
    assert kept is not None
    assert "currency" in kept.company.model_fields_set


def test_a_plan_that_is_gone_leaves_none_in_force_and_a_history(store: PlanStore) -> None:
    take(store, costing(("2026-01-01", "50")))
    taken = take(store, None, "")
    assert (taken.version, taken.recompute_since) == (2, "everything")
    assert (store.current(), store.version(), store.digest()) == (None, 2, "")
    assert take(store, None, "") == Taken(2, (), None)
    assert take(store, costing(("2026-01-01", "50"))).version == 3
    assert history(store) == [(1, "new", None), (2, "removed", None), (3, "new", None)]


def test_every_version_is_kept_and_one_is_in_force(store: PlanStore) -> None:
    for hourly in ("50", "51", "52"):
        take(store, costing(("2026-01-01", hourly)), hourly)
    rows = store.con.execute(
        "SELECT version, seen_at, digest, in_force FROM plan_versions ORDER BY version"
    ).fetchall()
    assert rows == [(1, HOUR, "50", False), (2, HOUR, "51", False), (3, HOUR, "52", True)]


def test_who_computed_with_an_earlier_version_learns_what_it_missed(store: PlanStore) -> None:
    take(store, costing(("2025-01-01", "40"), ("2026-01-01", "50")))
    take(store, costing(("2025-01-01", "40"), ("2026-01-01", "51")))
    take(store, costing(("2025-01-01", "40"), ("2026-01-01", "51"), ("2026-02-01", "52")))
    found = [store.recompute_since(version) for version in range(4)]
    assert found == ["everything", date(2026, 1, 1), date(2026, 2, 1), None]


def test_what_fails_midway_changes_nothing(store: PlanStore) -> None:
    first = costing(("2026-01-01", "50"))
    take(store, first, "one")
    store.con.execute("ALTER TABLE plan_changes RENAME TO away")
    with pytest.raises(duckdb.Error):
        take(store, costing(("2026-01-01", "51")), "two")
    store.con.execute("ALTER TABLE away RENAME TO plan_changes")
    assert (store.current(), store.version(), store.digest()) == (first, 1, "one")
    assert take(store, costing(("2026-01-01", "51")), "two").version == 2


def test_a_plan_of_another_program_version_is_taken_from_its_file_again(
    store: PlanStore, caplog: pytest.LogCaptureFixture
) -> None:
    take(store, costing(("2026-01-01", "50")))
    store.con.execute("""UPDATE plan_versions SET plan = '{"company": {"nome": "Acme"}}'""")
    with caplog.at_level(logging.WARNING):
        assert store.current() is None
    assert "company" in caplog.text
    taken = take(store, costing(("2026-01-01", "50")))
    assert (taken.version, taken.recompute_since) == (2, "everything")


# --- nothing personal


def test_names_and_addresses_of_people_stay_out_of_the_history(store: PlanStore) -> None:
    def told(person: str) -> Plan:
        to = f"{person}@example.com"
        return plan(
            use_case(owner=person),
            *([use_case("chat", owner=person)] if person == "Berta" else []),
            reports=[{"rhythm": "weekly", "audience": "it", "to": [to]}],
            privacy={"purpose": f"for {person == 'Berta'}", "selection_decided_by": person},
        )

    take(store, told("Anton"))
    take(store, told("Berta"))
    take(store, told("Carla"))
    rows = store.con.execute("SELECT path, before, after FROM plan_changes").fetchall()
    texts = json.dumps(rows)
    assert '\\"Chat\\"' in texts, "what is not personal is there"
    assert "for True" in texts
    for person in ("Anton", "Berta", "Carla", "example.com"):
        assert person not in texts


def test_a_personal_field_is_left_out_wherever_it_stands() -> None:
    nested = {"a": [{"owner": "Anton", "b": 1}], "to": ["x"], "selection_decided_by": "Berta"}
    assert impersonal(nested) == {"a": [{"b": 1}]}
    assert impersonal(None) is None


# --- published


def full() -> Plan:
    return plan(
        use_case(
            process="quote", go_live="2026-02-20", review="2026-03-27", owner="Anton",
            control_team="b", hours="working",
            baseline={"from": "2025-10-01", "until": "2025-12-31"},
            kpis=[
                {"id": "response_on_time", "phases": ["early", "review"]},
                {"id": "own", "target": {"low": 2, "high": 3}, "decision": "We stop."},
                {"id": "unknown"},
            ],
        ),
        use_case("chat"),
        kpis=[{"id": "own", "title": "Eigen", "level": 3, "unit": "count", "better": "lower",
               "measurement": "m"}],
        investments=[
            {"name": "Licence", "kind": "licence", "from": "2026-01-01", "until": "2026-12-31",
             "amount": "1200.5", "every": "year", "key": "fixed",
             "shares": {"quotes": 0.25, "chat": 0.75}},
            {"name": "Work", "kind": "hours", "from": "2026-02-01", "hours": "12.5",
             "team": "sales", "use_case": "quotes"},
        ],
    )  # fmt: skip


def published(bench: Bench, query: str, **how: Any) -> list[tuple[Any, ...]]:
    with bench.published(**how) as con:
        return con.execute(query).fetchall()


def test_the_plan_is_published_as_tables(bench: Bench) -> None:
    take(PlanStore(bench.con), full())
    bench.feed(event(time=NOON))
    with bench.published() as con:
        found = {
            table: con.execute(f"SELECT * FROM {table} ORDER BY ALL").fetchall()
            for table in ("use_cases", "targets", "investments")
        }
    assert found["use_cases"] == [
        ("chat", "Chat", "quotes", "", None, None, None, None, "", "", "calendar", ""),
        (
            "quotes", "Quotes", "quotes", "quote", date(2026, 2, 20), date(2025, 10, 1),
            date(2025, 12, 31), date(2026, 3, 27), "b", "Anton", "working", "early",
        ),
    ]  # fmt: skip
    target = ON_TIME.target
    assert target is not None
    assert found["targets"] == [
        ("quotes", "own", 2.0, 3.0, "absolute", "plan", "We stop.", ""),
        (
            "quotes", "response_on_time", target.low, target.high, target.kind, target.origin, "",
            "early, review",
        ),
        ("quotes", "unknown", None, None, "", "", "", ""),
    ]  # fmt: skip
    assert [tuple(map(str, row)) for row in found["investments"]] == [
        ("Licence", "licence", "", "2026-01-01", "2026-12-31", "1200.500000000", "EUR", "None", "",
         "year", "fixed", '{"chat": 0.75, "quotes": 0.25}'),
        ("Work", "hours", "quotes", "2026-02-01", "None", "None", "", "12.500000000", "sales",
         "once", "direct", ""),
    ]  # fmt: skip


def test_the_catalogue_is_published_with_the_companys_own_kpis(bench: Bench) -> None:
    take(PlanStore(bench.con), full())
    with bench.published() as con:
        ids = {row[0] for row in con.execute("SELECT kpi FROM kpi_catalog").fetchall()}
        assert ids == {*catalogue(), "own"}
        rows = con.execute(
            "SELECT level, pack, unit, better, title_nl, question_en, definition_nl, target_low, "
            "target_kind, target_origin, minimum, sql FROM kpi_catalog "
            "WHERE kpi IN ('own', 'response_on_time') ORDER BY level"
        ).fetchall()
    target = ON_TIME.target
    assert target is not None
    assert rows == [
        (
            1, "all", "share", "higher", ON_TIME.title.nl, ON_TIME.question.en,
            ON_TIME.definition.nl, target.low, target.kind, target.origin, ON_TIME.minimum,
            ON_TIME.sql,
        ),
        (
            3, "own", "count", "lower", "Eigen", "", "De meting m, uit het plan", None, "", "",
            own_kpi(full().kpis[0]).minimum, own_kpi(full().kpis[0]).sql,
        ),
    ]  # fmt: skip


def test_the_history_is_published(bench: Bench) -> None:
    store = PlanStore(bench.con)
    take(store, costing(("2026-01-01", "50")))
    take(store, costing(("2026-01-01", "50"), ("2026-03-01", "55")))
    take(store, None, "")
    rows = published(
        bench, "SELECT version, seen_at, kind, since, after FROM plan_history ORDER BY version"
    )
    assert [row[:4] for row in rows] == [
        (1, HOUR, "new", None), (2, HOUR, "change", date(2026, 3, 1)), (3, HOUR, "removed", None),
    ]  # fmt: skip
    assert "55" in rows[1][4]


def test_the_phase_is_that_of_the_companys_day_of_the_watermark(bench: Bench) -> None:
    take(PlanStore(bench.con), plan(use_case(go_live="2026-03-05")))
    query = "SELECT phase FROM use_cases"
    assert published(bench, query) == [("",)], "nothing has come in yet"
    late = NOON.replace(hour=23, minute=30)
    bench.feed(event(time=late))
    assert published(bench, query) == [("baseline",)]
    assert published(bench, query, timezone="Europe/Amsterdam") == [("settling",)]
    bench.feed(event(time=late + 7 * DAY))
    assert published(bench, query) == [("settling",)], "eleventh of March"
    bench.feed(event(time=late + 8 * DAY))
    assert published(bench, query) == [("early",)], "only the day is another one"


def test_another_plan_is_published_without_any_event(bench: Bench) -> None:
    store = PlanStore(bench.con)
    bench.feed(event())
    take(store, plan(use_case()))
    assert published(bench, "SELECT use_case FROM use_cases") == [("quotes",)]
    take(store, plan(use_case("chat")))
    assert published(bench, "SELECT use_case FROM use_cases") == [("chat",)]
    take(store, None, "")
    assert published(bench, "SELECT use_case FROM use_cases") == []


def test_tables_of_the_plan_are_written_only_when_plan_or_day_are_other_ones(bench: Bench) -> None:
    take(PlanStore(bench.con), plan(use_case()))
    bench.feed(event())
    published(bench, "SELECT 1")
    with duckdb.connect(str(bench.directory / "kpi.working.duckdb")) as con:
        con.execute("UPDATE use_cases SET name = 'as it was'")
    bench.feed(event())
    assert published(bench, "SELECT name FROM use_cases") == [("as it was",)]
    bench.feed(event(time=NOON + DAY))
    assert published(bench, "SELECT name FROM use_cases") == [("Quotes",)]


def test_a_working_file_from_before_there_were_plans_is_made_anew(bench: Bench) -> None:
    take(PlanStore(bench.con), plan(use_case()))
    bench.feed(event())
    published(bench, "SELECT 1")
    with duckdb.connect(str(bench.directory / "kpi.working.duckdb")) as con:
        con.execute("DROP TABLE use_cases")
    bench.feed(event())
    assert published(bench, "SELECT name FROM use_cases") == [("Quotes",)]


# --- the store, and a rebuild


async def test_another_plan_changes_zone_and_currency_and_publishes_anew(tmp_path: Path) -> None:
    async with opened(data_settings(tmp_path)) as store:
        await store.publish()
        assert not await store.publish()
        said = {**ZONE, "currency": "CHF"}
        await store.take_plan(plan(use_case(), company=said), "one")
        assert await store.publish()
        assert not await store.publish()
        query = "SELECT timezone, currency FROM meta"
        with duckdb.connect(str(store.publisher.path), read_only=True) as con:
            assert con.execute(query).fetchall() == [("Europe/Amsterdam", "CHF")]
        await store.take_plan(None, "")
        assert await store.publish()
        with duckdb.connect(str(store.publisher.path), read_only=True) as con:
            assert con.execute(query).fetchall() == [("UTC", "")]


async def test_the_plan_in_force_is_known_after_a_restart(tmp_path: Path) -> None:
    said = plan(use_case(), company=ZONE, attributes=["channel"])
    async with opened(data_settings(tmp_path)) as store:
        await store.take_plan(said, "one")
    async with opened(data_settings(tmp_path)) as store:
        assert (store.plan, store.plan_version, store.plan_digest) == (said, 1, "one")
        assert store.publisher.timezone == "Europe/Amsterdam"


async def test_a_rebuild_keeps_the_plan_with_its_history(tmp_path: Path) -> None:
    async with opened(data_settings(tmp_path)) as store:
        await store.take_plan(costing(("2026-01-01", "50")), "one")
        await store.take_plan(costing(("2026-01-01", "51")), "two")
        before = await store.run(lambda con: history(PlanStore(con)))
        result = await rebuild_store(store, accept=False, progress=lambda *_: None)
        assert result["swapped"]
        assert (store.plan_version, store.plan_digest) == (2, "two")
        assert store.plan == costing(("2026-01-01", "51"))
        assert await store.run(lambda con: history(PlanStore(con))) == before
