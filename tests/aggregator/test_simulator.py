"""The simulated company: the same seed gives the same bytes, and its truth is what is counted."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from support.aggregating import Bench

from meetlat.contract.envelope import RefusedError, read_event
from meetlat.contract.events import EVENT_MODELS
from meetlat.logs.base import Record
from meetlat.logs.embedded import EmbeddedReader
from meetlat_aggregator.demo.company import TEAMS, Period, last_monday
from meetlat_aggregator.demo.counted import counted_figures
from meetlat_aggregator.demo.history import make_history
from meetlat_aggregator.demo.live import Live
from meetlat_aggregator.demo.mishaps import BROKEN, Delivery
from meetlat_aggregator.demo.people import shown_teams
from meetlat_aggregator.demo.send import Programs
from meetlat_aggregator.demo.table import compare, headlines, render
from meetlat_aggregator.demo.truth import true_figures

TOPIC = "meetlat.events.v1"
END = datetime(2026, 3, 2, tzinfo=UTC)
SHORT = Period(END, before=2, after=2)


class FromStart:
    """Reads every partition from its beginning."""

    async def assigned(self, partitions: Sequence[int]) -> Mapping[int, int]:
        return {}

    async def revoked(self, partitions: Sequence[int]) -> None:
        return


def company(folder: Path) -> Programs:
    """The company's programs, sending to an embedded log."""
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "demo.toml"
    config.write_text("[settings]\n")
    return Programs(f"embedded:{folder / 'log'}", "k" * 32, folder / "spool", config)


async def told(deliveries: Sequence[Delivery], folder: Path) -> list[Record]:
    """What the SDK makes of it, as it lies in a log."""
    programs = company(folder)
    for delivery in deliveries:
        programs.tell(delivery.happening, history=delivery.fate != "late")
    programs.flush(60)
    assert programs.delivered() == len(deliveries)
    programs.shutdown(10)
    reader = EmbeddedReader(folder / "log", TOPIC, None)
    await reader.start(FromStart())
    records: list[Record] = []
    while found := await reader.read(20_000, 0.0):
        records += found
    await reader.close(1)
    return records


def names(records: Sequence[Record]) -> set[str]:
    return {str(json.loads(record.value)["type"]) for record in records}


def company_events(records: Sequence[Record]) -> list[bytes]:
    """The bytes without the SDK's own reports; programs send at the same time, so in no order."""
    return sorted(r.value for r in records if b"meetlat.sdk_report.v1" not in r.value)


async def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    one = await told(make_history(SHORT, 1), tmp_path / "one")
    two = await told(make_history(SHORT, 1), tmp_path / "two")
    assert company_events(one) == company_events(two)


def test_another_seed_gives_another_company() -> None:
    assert true_figures(make_history(SHORT, 1)) != true_figures(make_history(SHORT, 2))


def test_the_figures_are_the_same_in_every_week() -> None:
    later = Period(END + timedelta(weeks=37), before=2, after=2)
    assert true_figures(make_history(SHORT, 1)) == true_figures(make_history(later, 1))


def test_every_week_of_the_story_is_complete_on_every_day() -> None:
    for hour in range(7 * 24):
        now = datetime(2026, 3, 2, 0, 30, tzinfo=UTC) + timedelta(hours=hour)
        assert last_monday(now) == END


@pytest.mark.parametrize(("seed", "size"), [(1, 20_000), (2, 1_700), (3, 4_000)])
async def test_what_is_counted_is_true(seed: int, size: int, bench: Bench, tmp_path: Path) -> None:
    deliveries = make_history(SHORT, seed)
    records = await told(deliveries, tmp_path)
    for start in range(0, len(records), size):
        bench.feed_records(records[start : start + size])
    with bench.published():
        counted = counted_figures(tmp_path / "kpi.duckdb", END)
    true = true_figures(deliveries)
    assert {key: value for key, value in true.items() if value} == counted
    assert len(counted) > 90


async def test_small_teams_show_as_small_and_never_by_name(bench: Bench, tmp_path: Path) -> None:
    bench.feed_records(await told(make_history(SHORT, 1), tmp_path))
    with bench.published() as con:
        found = con.execute("SELECT DISTINCT team FROM interactions_hourly").fetchall()
    teams = {team for (team,) in found}
    assert {"(small)", "support", "sales-north", "sales-south"} <= teams
    assert not teams & {"calculation", "legal"}


async def test_every_event_type_occurs(tmp_path: Path) -> None:
    records = await told(make_history(SHORT, 1), tmp_path)
    # The collector's own account is the collector's to send.
    assert names(records) == set(EVENT_MODELS) - {"meetlat.collector_report.v1"}


async def test_every_kind_of_call_occurs(tmp_path: Path) -> None:
    records = await told(make_history(SHORT, 1), tmp_path)
    calls = [json.loads(r.value)["data"] for r in records if b"interaction.v1" in r.value]
    assert {call["status"] for call in calls} == {"ok", "error", "timeout", "cancelled"}
    for field in ("first_token", "cache_read_tokens", "cost", "user", "session", "error_type"):
        assert any(field in call for call in calls), field
    assert any("output_tokens" in call and "cost" not in call for call in calls), "unpriced"


async def test_no_name_leaves_the_sdk(tmp_path: Path) -> None:
    records = await told(make_history(SHORT, 1), tmp_path)
    assert not [r.value for r in records if b"@" in r.value]
    users = {json.loads(r.value)["data"].get("user") for r in records} - {None}
    assert 20 < len(users) <= sum(team.size for team in TEAMS)


def test_every_mishap_occurs() -> None:
    fates = [delivery.fate for delivery in make_history(SHORT, 1)]
    for fate in ("counted", "duplicate", "withdrawn", "late", "test"):
        assert fates.count(fate) >= 3, fate


@pytest.mark.parametrize("value", BROKEN)
def test_what_is_broken_does_not_fit_the_contract(value: bytes) -> None:
    with pytest.raises(RefusedError):
        read_event(value)


@pytest.mark.parametrize(
    "kind",
    [
        "interaction", "escalate", "resolve", "used", "feedback", "review", "task", "probe",
        "selection_counts", "support_request", "measure",
    ],
)  # fmt: skip
def test_a_lost_event_changes_a_figure(kind: str) -> None:
    deliveries = make_history(SHORT, 1)
    # The last of its kind: for a task the news that it was finished or decided.
    lost = next(
        n
        for n in reversed(range(len(deliveries)))
        if deliveries[n].fate == "counted"
        and deliveries[n].happening.kind == kind
        and deliveries[n].happening.fields.get("by", "bot") == "bot"
        and deliveries[n].happening.fields.get("outcome", "resolved") == "resolved"
        and ("finished" in deliveries[n].happening.fields or kind != "task")
    )
    without = true_figures(deliveries[:lost] + deliveries[lost + 1 :])
    rows = compare(true_figures(deliveries), without)
    assert not all(row.equal for row in rows)


def test_small_teams_are_shown_as_one() -> None:
    people = {
        "a": {"1", "2", "3"},
        "b": {"4", "5", "6"},
        "c": {str(n) for n in range(10, 16)},
        "d": {str(n) for n in range(20, 29)},
    }
    assert shown_teams(people) == {"a": "(small)", "b": "(small)", "c": "c", "d": "d"}


def test_a_single_small_team_is_not_hidden_alone() -> None:
    people = {"a": {"1", "2"}, "c": {str(n) for n in range(10, 16)}}
    assert shown_teams(people) == {"a": "(small)", "c": "(small)"}


def test_large_teams_are_shown() -> None:
    people = {"c": {str(n) for n in range(10, 15)}, "d": {str(n) for n in range(20, 29)}}
    assert shown_teams(people) == {"c": "c", "d": "d"}


def test_a_figure_that_differs_is_always_shown() -> None:
    true = {("hr", "calls"): Decimal(3), ("hr", "tokens to cache"): Decimal(7)}
    rows = compare(true, {**true, ("hr", "tokens to cache"): Decimal(8)})
    assert [(row.what, row.equal) for row in headlines(rows)] == [
        ("calls", True),
        ("tokens to cache", False),
    ]
    assert render(rows).splitlines()[-1].split() == ["tokens", "to", "cache", "7", "8", "NO"]


def test_a_figure_that_nobody_expects_is_a_difference() -> None:
    (row,) = compare({}, {("hr", "calls"): Decimal(1)})
    assert not row.equal


def test_times_are_shown_in_hours_with_the_number_they_rest_on() -> None:
    figures = {("hr", "calls"): Decimal(2), ("hr", "waiting for answers, s"): Decimal(5400)}
    last = render(compare(figures, figures)).splitlines()[-1]
    assert last.split() == ["waiting", "for", "answers", "1.50", "h", "1.50", "h", "2", "yes"]


def test_live_tells_what_is_over_and_nothing_twice() -> None:
    live = Live(1, END)
    seen: set[str] = set()
    for second in range(0, 600, 7):
        now = END + timedelta(seconds=second)
        for happening in live.due(now):
            lasted = happening.fields["duration"] if happening.kind == "interaction" else 0
            assert happening.time + timedelta(microseconds=lasted) <= now
            assert happening.id not in seen
            seen.add(happening.id)
    assert len(seen) > 100


def test_live_shares_no_id_with_the_history() -> None:
    history = {delivery.happening.id for delivery in make_history(SHORT, 1)}
    live = {happening.id for happening in Live(1, END).due(END + timedelta(minutes=5))}
    assert live
    assert not live & history
