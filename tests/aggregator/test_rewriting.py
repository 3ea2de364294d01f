"""Only what changed is rewritten, and it comes out as if everything had been."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.aggregating import DAY, MINUTE, NOON, Bench, Sent, event, person, void
from support.stories import cuts, fewest, stories

from meetlat_aggregator import publish as publish_module
from meetlat_aggregator import rewriting
from meetlat_aggregator.dictionary import TABLES
from meetlat_aggregator.publish import PUBLISHED, WORKING
from meetlat_aggregator.rewriting import Rewriting

pytestmark = pytest.mark.timeout(400)  # laws take long on a busy machine

ZONE = "America/New_York"


def shown(bench: Bench) -> dict[str, Counter[str]]:
    """All rows of the published tables, in no order; what tells publications apart is left out."""
    with bench.published(timezone=ZONE) as con:
        found = {}
        for table in TABLES:
            columns = "* EXCLUDE (publication)" if table.name == "meta" else "*"
            rows = con.execute(f"SELECT {columns} FROM {table.name}").fetchall()
            found[table.name] = Counter(map(repr, rows))
        return found


def shown_anew(bench: Bench) -> dict[str, Counter[str]]:
    """Made anew some days after another, as large tables are."""
    (bench.directory / WORKING).unlink()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(rewriting, "_SMALL", 0)
        return shown(bench)


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """How each publication was written."""
    found: list[str] = []
    for name in ("everything", "what_changed"):
        real = getattr(Rewriting, name)

        def noted(*arguments: Any, name: str = name, real: Any = real) -> None:
            found.append(name)
            real(*arguments)

        monkeypatch.setattr(Rewriting, name, noted)
    return found


@fewest
@given(st.data())
def test_publications_one_after_another_show_what_one_made_anew_shows(data: st.DataObject) -> None:
    story = data.draw(stories())
    directory = Path(tempfile.mkdtemp(prefix="meetlat-test-"))
    bench = Bench(directory, file_records=7)
    for first, last in pairwise(data.draw(cuts(len(story), 4))):
        bench.feed(*story[first:last])
        changed = shown(bench)
    assert changed == shown_anew(bench)
    bench.close()
    shutil.rmtree(directory)


def test_only_what_changed_is_rewritten(bench: Bench, written: list[str]) -> None:
    bench.feed(event(id="a"), event(id="b", time=NOON - 3 * DAY))
    shown(bench)
    with duckdb.connect(str(bench.directory / WORKING)) as con:
        con.execute("UPDATE interactions_hourly SET requests = 1000 WHERE hour < '2026-03-03'")
        con.execute("UPDATE interactions_hourly SET requests = 2000 WHERE hour >= '2026-03-03'")
    bench.feed(event(id="c"))
    with bench.published(timezone=ZONE) as con:
        rows = con.execute("SELECT requests FROM interactions_hourly ORDER BY hour").fetchall()
    assert rows == [(1000,), (2,)], "the old hour is as it was left, the touched one is right"
    assert written == ["everything", "what_changed"]


def test_a_conversation_ends_and_matures_by_the_watermark_alone(
    bench: Bench, written: list[str]
) -> None:
    bench.feed(event(id="a", session="s"))
    seen = []
    for after in (0 * DAY, 31 * MINUTE, 6 * DAY, 8 * DAY):
        bench.feed(event("probe", id=f"p{after}", time=NOON + after))
        with bench.published(timezone=ZONE) as con:
            seen += con.execute("SELECT ended, mature, silent FROM conversations_daily").fetchall()
    assert seen == [(0, 0, 0), (1, 0, 1), (1, 0, 1), (1, 1, 1)]
    assert written == ["everything", *["what_changed"] * 3]


def test_a_week_of_people_appears_when_the_watermark_completes_it(bench: Bench) -> None:
    for number in range(5):
        bench.feed(event(id=f"{number}", user=person(number), session=f"s{number}"))
    weeks = "SELECT people FROM user_weeks"
    with bench.published(timezone=ZONE) as con:
        assert con.execute(weeks).fetchall() == []
    bench.feed(event("probe", id="later", time=NOON + 7 * DAY))
    with bench.published(timezone=ZONE) as con:
        assert con.execute(weeks).fetchall() == [(5,)]


def test_a_team_that_grows_past_the_limit_is_shown_in_its_earlier_hours_too(bench: Bench) -> None:
    """And is hidden again there when a withdrawal takes it below the limit."""
    teams = "SELECT hour, team FROM interactions_hourly ORDER BY ALL"
    many = [event(id=f"{n}", user=person(n), team="big", time=NOON - DAY) for n in range(4)]
    bench.feed(*many)
    with bench.published(timezone=ZONE) as con:
        assert {team for _, team in con.execute(teams).fetchall()} == {"(small)"}
    fifth = event(id="fifth", user=person(9), team="big")
    bench.feed(fifth)
    with bench.published(timezone=ZONE) as con:
        assert [team for _, team in con.execute(teams).fetchall()] == ["big", "big"]
    bench.feed(void(fifth, id="v"))
    with bench.published(timezone=ZONE) as con:
        assert [team for _, team in con.execute(teams).fetchall()] == ["(small)"]


def test_a_task_that_is_finished_later_leaves_the_day_where_it_was_open(bench: Bench) -> None:
    bench.feed(event("task", id="a", case="c", handling=5))
    shown(bench)
    done = NOON + 2 * DAY
    bench.feed(event("task", id="b", case="c", time=done, finished=done.isoformat()))
    with bench.published(timezone=ZONE) as con:
        rows = con.execute("SELECT day::VARCHAR, state, tasks FROM tasks_daily").fetchall()
    assert rows == [("2026-03-06", "finished", 1)]


@pytest.mark.parametrize("what", ["older", "broken", "of another database", "gone"])
def test_a_working_file_that_is_not_the_last_publication_is_made_anew(
    bench: Bench, what: str, written: list[str], tmp_path: Path
) -> None:
    working = bench.directory / WORKING
    bench.feed(event(id="a"))
    shown(bench)
    older = working.read_bytes()
    bench.feed(event(id="b"))
    shown(bench)
    if what == "older":
        working.write_bytes(older)
    elif what == "broken":
        working.write_bytes(b"no database at all")
    elif what == "gone":
        working.unlink()
    else:
        other = Bench(tmp_path / "other")
        other.feed(event(id="z"))
        shown(other)
        shutil.copy(other.directory / WORKING, working)
        other.close()
    bench.feed(event(id="c", time=NOON - 120 * MINUTE))
    with bench.published(timezone=ZONE) as con:
        total = con.execute("SELECT sum(requests)::BIGINT FROM interactions_hourly").fetchall()
    assert total == [(3,)]
    assert written[-1] == "everything"


@pytest.mark.parametrize("step", ["_remember", "_swap_in"])
def test_a_publication_that_a_crash_interrupts_is_finished_by_the_next(
    bench: Bench, step: str, monkeypatch: pytest.MonkeyPatch, written: list[str]
) -> None:
    small = [event(id=f"{n}", user=person(n), team="t") for n in range(5)]
    bench.feed(*small[:4])
    shown(bench)
    bench.feed(small[4])
    with monkeypatch.context() as patched:
        patched.setattr(publish_module.Publisher, step, _crash)
        with pytest.raises(RuntimeError, match="crash"):
            shown(bench)
    bench.reopen()
    bench.feed(void(small[4], id="v"))
    assert shown(bench) == shown_anew(bench)
    assert written == ["everything", "what_changed", "what_changed", "everything"]


def _crash(*_: Any) -> None:
    raise RuntimeError("crash")


def test_another_time_zone_or_privacy_limit_makes_everything_anew(
    bench: Bench, written: list[str]
) -> None:
    bench.feed(event())
    for how in ({}, {"privacy_limit": 6}, {"privacy_limit": 6, "timezone": ZONE}):
        with bench.published(**how):
            pass
    assert written == ["everything"] * 3


def test_what_was_published_is_no_longer_noted_as_changed(bench: Bench) -> None:
    bench.feed(event(), Sent(b"bad"))
    assert bench.row("SELECT count(*) FROM touched")[0] > 0
    shown(bench)
    assert bench.row("SELECT count(*) FROM touched") == (0,)
    assert (bench.directory / PUBLISHED).exists()
