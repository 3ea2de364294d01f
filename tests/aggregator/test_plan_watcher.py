"""The plan's file while the aggregator runs: when it is read, what is taken, what is refused."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pytest
from support.aggregating import NOON, event
from support.commanding import run
from support.ingesting import FakeReader, data_settings, opened, until
from support.planning import plan, use_case
from support.running import command, committed, get, running

from meetlat.errors import MeetlatError, SettingError
from meetlat.plan.load import Loaded
from meetlat.plan.models import Plan
from meetlat.plan.problems import Problem
from meetlat.settings import Settings
from meetlat_aggregator import service as service_module
from meetlat_aggregator.commands.doctor import check_plan
from meetlat_aggregator.decode import decode
from meetlat_aggregator.kpi import watcher as watcher_module
from meetlat_aggregator.kpi.plan_file import NO_PLAN, fault, read_plan, time_zone
from meetlat_aggregator.kpi.plans import Plans
from meetlat_aggregator.kpi.watcher import LOOK_SECONDS, Stamp, Watcher, stamp_of
from meetlat_aggregator.rebuild import rebuild_store
from meetlat_aggregator.service import Aggregator

FILE = Path("meetlat.toml")
ACME = '[company]\nname = "Acme"\ndemo = true\n'
QUOTES = '[[use_cases]]\nid = "quotes"\nname = "Quotes"\npack = "quotes"\n'
WRONG = '[company]\nname = "Acme"\ncurrency = 5\n'


@dataclass
class Desk:
    """A file, a clock and a watcher of both, all in memory."""

    now: float = 100.0
    stamp: Stamp | None = (1, 10, 7)
    text: str = "one"
    reads: int = 0
    failing: OSError | None = None
    while_reading: Callable[[], None] = lambda: None
    watcher: Watcher = field(init=False)

    def __post_init__(self) -> None:
        self.watcher = Watcher(FILE, self.read, lambda: self.now, lambda _: self.stamp)

    def read(self, path: Path) -> Loaded:
        assert path == FILE
        self.reads += 1
        if self.failing is not None:
            raise self.failing
        self.while_reading()
        if self.stamp is None:
            return NO_PLAN
        return Loaded(plan=plan(use_case(self.text)), problems=(), digest=self.text)

    def write(self, text: str) -> None:
        old = self.stamp or (0, 0, 0)
        self.text, self.stamp = text, (old[0] + 1, len(text), 7)

    def look(self, later: float = LOOK_SECONDS) -> str | None:
        """The digest of what a look some time later brings; None when there is nothing new."""
        self.now += later
        found = self.watcher.look()
        return None if found is None else found.digest


# --- when the file is read


def test_the_first_look_reads_and_the_next_ones_only_look() -> None:
    desk = Desk()
    assert [desk.look() for _ in range(3)] == ["one", None, None]
    assert desk.reads == 1


def test_it_looks_every_few_seconds_however_often_it_is_asked() -> None:
    desk = Desk()
    desk.look()
    desk.write("two")
    looks = [desk.look(later=LOOK_SECONDS / 4) for _ in range(12)]
    assert [index for index, seen in enumerate(looks) if seen] == [7], "at the second look"


def test_a_changed_file_is_read_when_two_looks_find_the_same() -> None:
    desk = Desk()
    desk.look()
    for text in ("t", "tw"):
        desk.write(text)
        assert desk.look() is None, "it may still be written"
    desk.write("two")
    assert [desk.look(), desk.look(), desk.look()] == [None, "two", None]
    assert desk.reads == 2


def test_a_file_that_changes_while_it_is_read_is_read_again() -> None:
    desk = Desk()
    desk.look()
    desk.write("two")
    desk.look()
    desk.while_reading = lambda: desk.write("three")
    assert desk.look() is None
    desk.while_reading = lambda: None
    assert [desk.look(), desk.look(), desk.look()] == [None, "three", None]


def test_the_same_bytes_with_another_time_are_nothing_new() -> None:
    desk = Desk()
    desk.look()
    desk.write("one")
    assert [desk.look(), desk.look(), desk.look()] == [None, None, None]
    assert desk.reads == 2


def test_a_file_that_goes_and_comes_back_at_once_was_never_away() -> None:
    desk = Desk()
    desk.look()
    kept, desk.stamp = desk.stamp, None
    assert desk.look() is None
    desk.stamp = kept
    assert [desk.look(), desk.look()] == [None, None]
    assert desk.reads == 1


def test_a_file_that_stays_away_means_no_plan_until_it_is_back() -> None:
    desk = Desk()
    desk.look()
    desk.stamp = None
    assert [desk.look(), desk.look(), desk.look()] == [None, "", None]
    desk.write("one")
    assert [desk.look(), desk.look(), desk.look()] == [None, "one", None]


def test_a_file_that_cannot_be_read_is_tried_again() -> None:
    desk = Desk()
    desk.failing = PermissionError(13, "Permission denied")
    for _ in range(2):
        with pytest.raises(PermissionError):
            desk.look()
    desk.failing = None
    assert desk.look() == "one"


def test_a_stamp_tells_a_file_from_another_of_the_same_size(tmp_path: Path) -> None:
    path = tmp_path / "meetlat.toml"
    assert stamp_of(path) is None
    path.write_text("one")
    first = stamp_of(path)
    other = tmp_path / "other"
    other.write_text("two")
    other.replace(path)
    assert None is not first != stamp_of(path)


# --- what a file says


def write(path: Path, text: str | None) -> None:
    """Make the file, or take it away."""
    if text is None:
        path.unlink()
    else:
        path.write_text(text)


def settings_of(path: Path, **environ: str) -> Settings:
    return Settings(environ, file=path)


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    return tmp_path / "meetlat.toml"


@pytest.mark.parametrize("text", [None, "", "# nothing\n", "[settings]\ndedup_days = 3\n"])
def test_a_file_without_a_plan_is_no_fault(toml: Path, text: str | None) -> None:
    if text is not None:
        toml.write_text(text)
    assert read_plan(toml) == NO_PLAN


def test_a_plan_is_read_beside_the_settings(toml: Path) -> None:
    toml.write_text(f"[settings]\ndedup_days = 3\n{ACME}")
    loaded = read_plan(toml)
    assert loaded.plan == Plan.model_validate({"company": {"name": "Acme", "demo": True}})
    assert loaded.digest
    assert fault(settings_of(toml), loaded) is None


@pytest.mark.parametrize("text", [WRONG, "[company\n", "\xff", "company = 1\n"])
def test_a_file_with_errors_says_the_first_and_the_remedy(toml: Path, text: str) -> None:
    toml.write_bytes(text.encode("latin-1"))
    loaded = read_plan(toml)
    toml.unlink()
    problem = fault(Settings({}), loaded)
    assert problem is not None
    assert problem.remedy == "`meetlat plan check` shows all"
    assert "\n" not in str(problem)


def test_of_several_errors_the_first_is_said_and_the_others_are_counted() -> None:
    problems = (
        Problem(3, "company.name", "it is empty", "write it"),
        Problem(4, "a", "late", "hurry", severity="warning"),
        Problem(5, "b", "odd", "mend"),
    )
    found = fault(Settings({}), Loaded(plan=None, problems=problems, digest="x"))
    assert str(found) == (
        "meetlat.toml:3: error: it is empty; write it (and 1 more); `meetlat plan check` shows all"
    )
    assert fault(Settings({}), Loaded(plan=None, problems=problems[1:2], digest="x")) is None


# --- the time zone


@pytest.mark.parametrize(
    ("setting", "company", "zone"),
    [
        ("", {}, "UTC"),
        ("", {"timezone": "Europe/Amsterdam"}, "Europe/Amsterdam"),
        ("Asia/Tokyo", {}, "Asia/Tokyo"),
        ("Asia/Tokyo", {"timezone": "Asia/Tokyo"}, "Asia/Tokyo"),
    ],
)
def test_the_zone_is_the_settings_else_the_plans(
    setting: str, company: dict[str, str], zone: str
) -> None:
    settings = Settings({"MEETLAT_TIMEZONE": setting})
    assert time_zone(settings, plan(company=company)) == zone


def test_without_a_plan_the_zone_is_the_settings_or_utc() -> None:
    assert time_zone(Settings({}), None) == "UTC"
    assert time_zone(Settings({"MEETLAT_TIMEZONE": "Asia/Tokyo"}), None) == "Asia/Tokyo"


def test_two_zones_that_differ_are_an_error_that_names_both() -> None:
    settings = Settings({"MEETLAT_TIMEZONE": "UTC"})
    with pytest.raises(SettingError) as caught:
        time_zone(settings, plan(company={"timezone": "Europe/Amsterdam"}))
    for said in ("MEETLAT_TIMEZONE is UTC", "company.timezone", "Europe/Amsterdam", "meetlat.toml"):
        assert said in str(caught.value)
    assert caught.value.remedy


# --- what is taken into force


@dataclass
class Given:
    """A watcher that says what a test gives it."""

    next: Loaded | OSError | None = None

    def look(self) -> Loaded | None:
        given, self.next = self.next, None
        if isinstance(given, OSError):
            raise given
        return given


def loaded(text: str, *problems: Problem, **company: str) -> Loaded:
    said = None if problems else plan(use_case(text), company=company)
    return Loaded(plan=said, problems=problems, digest=text)


BAD = loaded("bad", Problem(3, "x", "it is wrong", "mend it"))


async def test_a_plan_with_errors_leaves_the_last_good_one_and_is_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = data_settings(tmp_path)
    given = Given(loaded("good"))
    async with opened(settings) as store:
        plans = Plans(settings, store, given)
        await plans.start()
        good = store.plan
        assert good is not None
        with caplog.at_level(logging.INFO, "meetlat.aggregator"):
            for _ in range(3):
                given.next = BAD
                await plans.look()
            assert store.plan == good
            assert [record.levelname for record in caplog.records] == ["WARNING"]
            assert "version 1 stays in force: meetlat.toml:3: error: it is wrong" in caplog.text
            assert "meetlat plan check" in caplog.text
            state = plans.state()
            assert (state["version"], state["valid"]) == (1, False)
            assert "it is wrong" in state["error"]
            given.next = loaded("good")
            await plans.look()
        assert (plans.problem, store.plan_version) == (None, 1)
        assert plans.state()["valid"]


async def test_a_good_plan_takes_over_and_a_missing_one_leaves_none(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = data_settings(tmp_path)
    given = Given(loaded("one"))
    async with opened(settings) as store:
        plans = Plans(settings, store, given)
        await plans.start()
        given.next = loaded("two")
        await plans.look()
        assert (store.plan, store.plan_version) == (loaded("two").plan, 2)
        given.next = NO_PLAN
        with caplog.at_level(logging.WARNING, "meetlat.aggregator"):
            await plans.look()
            await plans.look()
        assert (store.plan, store.plan_version) == (None, 3)
        assert len(caplog.records) == 1
        state = plans.state()
        assert (state["version"], state["valid"]) == (None, True)


@pytest.mark.parametrize("counted", [True, False])
async def test_an_agreement_that_comes_later_is_logged_with_what_takes_in_older_tasks(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, counted: bool
) -> None:
    settings = data_settings(tmp_path)
    agreed = plan(use_case(), privacy={"agreement": "Works council, 12 January 2026"})
    given = Given(loaded("one"))
    async with opened(settings) as store:
        plans = Plans(settings, store, given)
        await plans.start()
        if counted:
            await store.apply(decode([]), {}, "")
        with caplog.at_level(logging.INFO, "meetlat.aggregator"):
            for digest in ("agreed", "agreed in other words"):
                given.next = Loaded(plan=agreed, problems=(), digest=digest)
                await plans.look()
    said = [record for record in caplog.records if "meetlat rebuild" in record.getMessage()]
    assert len(said) == int(counted), "once, and only where something came before"


async def test_a_plan_with_errors_at_the_start_leaves_the_one_that_was_kept(tmp_path: Path) -> None:
    settings = data_settings(tmp_path)
    async with opened(settings) as store:
        await Plans(settings, store, Given(loaded("good"))).start()
    async with opened(settings) as store:
        plans = Plans(settings, store, Given(BAD))
        await plans.start()
        assert (store.plan, store.plan_version) == (loaded("good").plan, 1)
        assert plans.problem is not None


async def test_a_file_without_rights_is_a_problem_until_it_has_them(tmp_path: Path) -> None:
    settings = data_settings(tmp_path)
    given = Given(PermissionError(13, "Permission denied"))
    async with opened(settings) as store:
        plans = Plans(settings, store, given)
        await plans.start()
        assert "Permission denied" in str(plans.problem)
        given.next = loaded("good")
        await plans.look()
        assert (plans.problem, store.plan_version) == (None, 1)


async def test_two_time_zones_stop_the_start_and_are_refused_later(tmp_path: Path) -> None:
    settings = data_settings(tmp_path, timezone="UTC")
    other = loaded("other", timezone="Europe/Amsterdam")
    async with opened(settings) as store:
        with pytest.raises(SettingError, match=r"MEETLAT_TIMEZONE is UTC.*Europe/Amsterdam"):
            await Plans(settings, store, Given(other)).start()
        assert store.plan is None
        given = Given(loaded("good", timezone="UTC"))
        plans = Plans(settings, store, given)
        await plans.start()
        given.next = other
        await plans.look()
        assert (store.plan_version, store.publisher.timezone) == (1, "UTC")
        assert isinstance(plans.problem, SettingError)


async def test_a_kept_plan_of_another_zone_than_the_setting_stops_the_start(tmp_path: Path) -> None:
    settings = data_settings(tmp_path)
    async with opened(settings) as store:
        await store.take_plan(loaded("x", timezone="Asia/Tokyo").plan, "x")
    settings = data_settings(tmp_path, timezone="UTC")
    async with opened(settings) as store:
        with pytest.raises(SettingError, match="Asia/Tokyo"):
            await Plans(settings, store, Given(BAD)).start()
        plans = Plans(settings, store, Given(loaded("good", timezone="UTC")))
        await plans.start()
        assert store.publisher.timezone == "UTC"


async def test_a_plan_that_a_rebuild_put_back_is_taken_again(tmp_path: Path) -> None:
    """Between its copy of the old plan and its swap another one came into force."""
    settings = data_settings(tmp_path)
    given = Given(loaded("one"))
    async with opened(settings) as store:
        plans = Plans(settings, store, given)
        await plans.start()
        reopen = store.reopen

        async def another_plan_first(replace: Callable[[], None]) -> None:
            given.next = loaded("two")
            await plans.look()
            assert store.plan_version == 2
            await reopen(replace)

        store.reopen = another_plan_first  # type: ignore[method-assign]
        await rebuild_store(store, accept=False, progress=lambda *_: None)
        assert store.plan == loaded("one").plan
        await plans.look()
        assert (store.plan, store.plan_version) == (loaded("two").plan, 2)


async def test_a_plan_that_could_not_be_kept_is_taken_at_the_next_look(tmp_path: Path) -> None:
    settings = data_settings(tmp_path)
    async with opened(settings) as store:
        plans = Plans(settings, store, Given(loaded("one")))
        await store.run(lambda con: con.execute("ALTER TABLE plan_changes RENAME TO away"))
        with pytest.raises(duckdb.Error):
            await plans.look()
        await store.run(lambda con: con.execute("ALTER TABLE away RENAME TO plan_changes"))
        await plans.look()
        assert store.plan_version == 1


# --- the running program


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(service_module, "HOUSEKEEPING_SECONDS", 0.02)
    monkeypatch.setattr(service_module, "REFRESH_SECONDS", 0.02)
    monkeypatch.setattr(watcher_module, "LOOK_SECONDS", 0.0)
    yield


def shown(path: Path, query: str) -> list[tuple[Any, ...]]:
    if not path.exists():
        return []
    with duckdb.connect(str(path), read_only=True) as con:
        return con.execute(query).fetchall()


async def test_a_changed_file_is_picked_up_while_running(
    tmp_path: Path, toml: Path, monkeypatch: pytest.MonkeyPatch, quick: None
) -> None:
    monkeypatch.chdir(tmp_path)
    data = tmp_path / "data"
    late = event(time=NOON.replace(hour=23, minute=30))  # past midnight in Amsterdam
    async with running(data, FakeReader([late])) as aggregator:
        await committed(aggregator, 1)
        path = aggregator.store.publisher.path
        days = "SELECT timezone, (SELECT list(use_case) FROM use_cases) FROM meta"
        await until(lambda: shown(path, days) == [("UTC", None)], "published without a plan")
        write(toml, f'{ACME}timezone = "Europe/Amsterdam"\n{QUOTES}')
        await until(
            lambda: shown(path, days) == [("Europe/Amsterdam", ["quotes"])],
            "the plan is in force and published",
        )
        assert "meetlat_plan_valid 1.0" in (await get(aggregator, "/metrics"))[2]
        write(toml, WRONG)
        await until(lambda: b"meetlat_plan_valid 0.0" in aggregator._metrics, "it is refused")
        assert aggregator.store.plan_version == 1
        done = await command("status", data=data)
        assert done.status == 0
        (line,) = (line for line in done.out.splitlines() if line.startswith("plan "))
        assert "version 1 of meetlat.toml; not taken: meetlat.toml:" in line
        assert "meetlat plan check" in line
        done = await command("status", "--json", data=data)
        assert json.loads(done.out)["plan"]["valid"] is False
        write(toml, None)
        await until(lambda: shown(path, days) == [("UTC", None)], "there is no plan any more")
        done = await command("status", data=data)
        assert "none, house defaults" in done.out


async def test_two_time_zones_are_told_to_whoever_starts_the_aggregator(
    tmp_path: Path, toml: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(toml, f'{ACME}timezone = "Europe/Amsterdam"\n')
    settings = data_settings(tmp_path / "data", timezone="UTC")
    aggregator = Aggregator(settings, reader=FakeReader())
    with pytest.raises(MeetlatError, match="MEETLAT_TIMEZONE is UTC, and company"):
        await aggregator.startup()
    await aggregator.shutdown(1)
    write(toml, f'{ACME}timezone = "UTC"\n')
    async with running(tmp_path / "data", FakeReader(), timezone="UTC") as started:
        assert started.store.plan_version == 1


# --- doctor


@pytest.mark.parametrize(
    ("text", "kind", "says"),
    [
        (None, "note", "no plan"),
        (f"{ACME}{QUOTES}", "ok", "use cases: 1"),
        (WRONG, "bad", "the plan cannot be taken"),
        (f'{ACME}timezone = "Asia/Tokyo"\n', "bad", "MEETLAT_TIMEZONE"),
    ],
)
def test_doctor_says_how_it_is_with_the_plan(
    toml: Path, text: str | None, kind: str, says: str
) -> None:
    environ = {"MEETLAT_TIMEZONE": "UTC"}
    if text is not None:
        toml.write_text(text)
    settings = Settings(environ, file=toml if text is not None else None)
    first = next(check_plan(settings))
    assert (first.kind, says in first.what) == (kind, True)
    assert first.remedy or kind == "ok"


def test_doctor_names_the_plan_among_its_checks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "no plan in meetlat.toml" in run("doctor", data=tmp_path / "data").out
