"""What analysts open: everything described, nothing about few people, swapped in whole."""

from __future__ import annotations

import logging
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from typing import Any

import duckdb
import pytest
from support.aggregating import DAY, HOUR, MINUTE, NOON, SECOND, Bench, Sent, event, person
from support.events import MINIMAL

from meetlat.kpis.catalogue import catalogue
from meetlat_aggregator.dictionary import TABLES
from meetlat_aggregator.kpi.values_dictionary import VALUE_TABLES
from meetlat_aggregator.publish import PUBLISHED, WORKING, Publisher

TODAY = date(2026, 3, 4)
MONDAY = date(2026, 3, 2)
REQUESTS = "SELECT sum(requests)::BIGINT FROM interactions_hourly"
# Opens the file, looks, waits for a line, looks at the same connection, opens it anew.
READER = f"""
import sys, duckdb
held = duckdb.connect(sys.argv[1], read_only=True)
print(held.execute("{REQUESTS}").fetchall()[0][0], flush=True)
sys.stdin.readline()
print(held.execute("{REQUESTS}").fetchall()[0][0], flush=True)
held.close()
print(duckdb.connect(sys.argv[1], read_only=True).execute("{REQUESTS}").fetchall()[0][0])
"""


def query(bench: Bench, text: str, **how: Any) -> list[tuple[Any, ...]]:
    with bench.published(**how) as con:
        return con.execute(text).fetchall()


def test_every_table_and_column_has_a_comment(bench: Bench) -> None:
    bench.feed(event())
    with bench.published() as con:
        tables = dict(con.execute("SELECT table_name, comment FROM duckdb_tables()").fetchall())
        columns = con.execute(
            "SELECT column_name, comment FROM duckdb_columns() WHERE NOT internal"
        ).fetchall()
        assert len(columns) > 150
    assert set(tables) == {table.name for table in (*TABLES, *VALUE_TABLES)}
    assert all(tables.values())
    assert [name for name, comment in columns if not comment] == []


def test_an_empty_database_is_published_too(bench: Bench) -> None:
    with bench.published() as con:
        for table in TABLES:
            rows = con.execute(f"SELECT count(*) FROM {table.name}").fetchall()
            expected = {"meta": 1, "kpi_catalog": len(catalogue())}.get(table.name, 0)
            assert rows == [(expected,)], table.name


def test_nobody_may_write_the_file(bench: Bench) -> None:
    with bench.published():
        assert (bench.directory / PUBLISHED).stat().st_mode & 0o777 == 0o444


def test_the_file_is_of_the_format_that_every_duckdb_from_1_0_on_opens(bench: Bench) -> None:
    """The storage version stands behind the magic bytes: 64 is that of DuckDB 0.9 to 1.1."""
    with bench.published():
        head = (bench.directory / PUBLISHED).read_bytes()[:20]
    assert head[8:12] == b"DUCK"
    assert int.from_bytes(head[12:20], "little") == 64


def test_meta_says_up_to_where_the_log_was_read(bench: Bench) -> None:
    bench.feed(event(partition=1), event(), event(time=NOON + MINUTE))
    columns = "as_of, watermark, offsets, records, schema_version, timezone"
    assert query(bench, f"SELECT {columns} FROM meta", timezone="Europe/Amsterdam") == [
        (HOUR, HOUR + MINUTE + SECOND, {0: 2, 1: 1}, 3, 5, "Europe/Amsterdam")
    ]


def test_a_reader_of_the_old_file_is_not_disturbed_and_the_next_sees_the_new(
    bench: Bench,
) -> None:
    bench.feed(event())
    with bench.published():
        pass
    # A process of its own, as an analyst is: one process shares what it has open of a path.
    reader = subprocess.Popen(
        [sys.executable, "-c", READER, str(bench.directory / PUBLISHED)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert reader.stdout is not None
    assert reader.stdout.readline() == "1\n"
    bench.feed(event())
    with bench.published() as new:
        assert new.execute(REQUESTS).fetchall() == [(2,)]
    said, _ = reader.communicate("go on\n", timeout=30)
    assert (said, reader.returncode) == ("1\n2\n", 0)


def test_publications_leave_no_draft_behind(bench: Bench) -> None:
    with bench.published():
        names = {path.name for path in bench.directory.iterdir()}
    assert names - {"archive", "aggregator.duckdb.tmp"} <= {
        PUBLISHED, WORKING, "aggregator.duckdb", "aggregator.duckdb.wal",
    }  # fmt: skip


def test_a_publication_that_failed_leaves_the_old_file_and_the_next_one_works(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.feed(event())
    with bench.published():
        pass
    before = (bench.directory / PUBLISHED).read_bytes()
    bench.feed(event())
    with monkeypatch.context() as patched:

        def fail(*_: Any) -> str:
            raise OSError(28, "No space left on device")

        patched.setattr("meetlat_aggregator.rewriting.cell_query", fail)
        with pytest.raises(OSError, match="No space"), bench.published():
            pass
    assert (bench.directory / PUBLISHED).read_bytes() == before
    assert query(bench, "SELECT sum(requests)::BIGINT FROM interactions_hourly") == [(2,)]


def test_a_stray_wal_is_removed_and_reported_before_the_swap(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.feed(event())
    with bench.published():
        pass
    wal = bench.directory / f"{PUBLISHED}.wal"
    wal.write_bytes(b"of somebody who opened it read-write")
    with caplog.at_level(logging.WARNING), bench.published() as con:
        assert con.execute("SELECT count(*) FROM meta").fetchall() == [(1,)]
    assert not wal.exists()
    assert "open it with read_only=True" in caplog.text


# --- days and weeks of the company


@pytest.mark.parametrize(
    ("zone", "at", "day"),
    [
        ("UTC", datetime(2026, 3, 28, 23, 59, 59, tzinfo=UTC), date(2026, 3, 28)),
        ("Europe/Amsterdam", datetime(2026, 3, 28, 22, 59, tzinfo=UTC), date(2026, 3, 28)),
        ("Europe/Amsterdam", datetime(2026, 3, 28, 23, 0, tzinfo=UTC), date(2026, 3, 29)),
        # summer time begins on 29 March 2026, 01:00 UTC
        ("Europe/Amsterdam", datetime(2026, 3, 29, 21, 59, tzinfo=UTC), date(2026, 3, 29)),
        ("Europe/Amsterdam", datetime(2026, 3, 29, 22, 0, tzinfo=UTC), date(2026, 3, 30)),
        # and ends on 25 October
        ("Europe/Amsterdam", datetime(2026, 10, 25, 22, 59, tzinfo=UTC), date(2026, 10, 25)),
        ("Europe/Amsterdam", datetime(2026, 10, 25, 23, 0, tzinfo=UTC), date(2026, 10, 26)),
        ("America/Los_Angeles", datetime(2026, 3, 4, 7, 0, tzinfo=UTC), date(2026, 3, 3)),
        ("Asia/Tokyo", datetime(2026, 3, 4, 15, 0, tzinfo=UTC), date(2026, 3, 5)),
    ],
)
def test_a_day_is_the_companys_own(bench: Bench, zone: str, at: datetime, day: date) -> None:
    bench.feed(event("escalation", time=at), event("task", finished=at, time=at))
    with bench.published(timezone=zone) as con:
        for table in ("escalations_daily", "tasks_daily"):
            assert con.execute(f"SELECT day FROM {table}").fetchall() == [(day,)]


def test_measures_of_a_day_are_those_of_its_hours_added_up(bench: Bench) -> None:
    bench.feed(*[event("usage", count=n, time=NOON - n * timedelta(hours=1)) for n in range(13)])
    assert query(bench, "SELECT day, events, uses FROM usage_daily") == [(TODAY, 13, 78)]


# --- people and teams


def team(name: str, people: int, first: int, **more: Any) -> list[Sent]:
    """A call by each of the people `first`… of a team."""
    return [event(team=name, user=person(first + n), **more) for n in range(people)]


def shown_teams(bench: Bench, **how: Any) -> dict[str, int]:
    text = "SELECT team, sum(requests)::BIGINT FROM interactions_hourly GROUP BY ALL"
    return dict(query(bench, text, **how))


def test_a_team_below_the_privacy_limit_is_folded_and_the_next_smallest_joins_it(
    bench: Bench,
) -> None:
    bench.feed(*team("four", 4, 0), *team("five", 5, 10), *team("nine", 9, 20))
    assert shown_teams(bench) == {"(small)": 9, "nine": 9}


def test_several_small_teams_hide_each_other_when_together_they_are_enough(bench: Bench) -> None:
    bench.feed(*team("two", 2, 0), *team("three", 3, 10), *team("nine", 9, 20))
    assert shown_teams(bench) == {"(small)": 5, "nine": 9}


def test_small_teams_of_the_same_people_are_still_few(bench: Bench) -> None:
    bench.feed(*team("a", 4, 0), *team("b", 4, 0), *team("nine", 9, 20), *team("ten", 10, 40))
    assert shown_teams(bench) == {"(small)": 17, "ten": 10}


def test_a_team_without_known_people_is_small_and_no_team_stays_no_team(bench: Bench) -> None:
    bench.feed(*team("nine", 9, 0), event(team="ghost"), event())
    assert shown_teams(bench) == {"(small)": 1, "nine": 9, "": 1}


def test_teams_of_at_least_the_limit_are_shown_and_the_limit_may_be_raised(bench: Bench) -> None:
    bench.feed(*team("five", 5, 0), *team("six", 6, 10))
    assert shown_teams(bench) == {"five": 5, "six": 6}
    assert shown_teams(bench, privacy_limit=6) == {"(small)": 11}


def test_a_team_is_judged_week_by_week(bench: Bench) -> None:
    last_week = NOON - 7 * DAY
    bench.feed(*team("six", 6, 0), *team("ten", 10, 10))
    bench.feed(*team("six", 2, 0, time=last_week), *team("ten", 10, 10, time=last_week))
    rows = query(
        bench,
        "SELECT hour, team, requests FROM interactions_hourly ORDER BY ALL",
    )
    assert rows == [
        (HOUR - 7 * DAY, "(small)", 12),
        (HOUR, "six", 6),
        (HOUR, "ten", 10),
    ]


def test_no_row_about_a_person_is_published(bench: Bench) -> None:
    bench.feed(*team("t", 6, 0, session="s-1", case="c-1"))
    bench.feed(event("task", case="c-1", user=person(1)), event("feedback", user=person(1)))
    with bench.published() as con:
        text = ""
        for table in TABLES:
            text += repr(con.execute(f"SELECT * FROM {table.name}").fetchall())
    assert "u_0" not in text
    assert "s-1" not in text
    assert "c-1" not in text


def test_no_attribute_of_an_event_is_published(bench: Bench) -> None:
    """Whether the plan lists it or not: they are kept in the archive, and told nowhere."""
    told = {"region": "told-to-nobody"}
    names = [name for name in MINIMAL if name not in ("void", "sdk_report", "collector_report")]
    bench.feed(*(event(name, attributes=told, case="c1") for name in names))
    with bench.published() as con:
        tables = [
            name for (name,) in con.execute("SELECT table_name FROM duckdb_tables()").fetchall()
        ]
        rows = {name: con.execute(f"FROM {name}").fetchall() for name in tables}
    assert sum(map(len, rows.values())) > 100
    assert [name for name in tables if "told-to-nobody" in repr(rows[name])] == []
    assert "region" not in repr(rows["interactions_hourly"])


def test_only_weeks_that_are_over_are_published_and_none_below_the_limit(bench: Bench) -> None:
    begin = datetime(2026, 3, 2, tzinfo=UTC)
    bench.feed(*[
        event(use_case="help", user=person(n), session=f"{n}/{k}", time=begin + k * MINUTE)
        for n in range(6) for k in range(4 if n < 5 else 1)
    ])  # fmt: skip
    bench.feed(*[event(use_case="few", user=person(n), time=begin) for n in range(4)])
    columns = "week, use_case, team, people, regular_people, uses, uses_squares"
    text = f"SELECT {columns} FROM user_weeks"
    bench.feed(event(time=begin + 7 * DAY - 2 * SECOND))
    assert query(bench, text) == []
    bench.feed(event(time=begin + 7 * DAY))
    assert query(bench, text) == [(MONDAY, "help", "", 6, 5, 21, 5 * 16 + 1)]
    # in New York it was Sunday still, of the week before
    assert query(bench, text, timezone="America/New_York") == [
        (MONDAY - timedelta(days=7), "help", "", 6, 5, 21, 5 * 16 + 1)
    ]


def test_a_few_regular_people_among_many_are_not_told(bench: Bench) -> None:
    begin = datetime(2026, 3, 2, tzinfo=UTC)
    bench.feed(*[
        event(user=person(n), session=f"{n}/{k}", time=begin)
        for n in range(8) for k in range(3 if n < 4 else 1)
    ])  # fmt: skip
    bench.feed(event(time=begin + 8 * DAY))
    assert query(bench, "SELECT people, regular_people FROM user_weeks") == [(8, None)]


def test_what_was_received_is_told_by_hour_and_source(bench: Bench) -> None:
    one = event(source="/a")
    bench.feed(one, one.again(), event(source="/b", output_tokens=4), Sent(b"bad", NOON))
    columns = "source, received, counted, duplicate, late, dead, refused, void, unpriced, dropped"
    assert query(bench, f"SELECT {columns} FROM data_health ORDER BY source") == [
        ("", 1, 0, 0, 0, 1, 0, 0, 0, 0),
        ("/a", 2, 1, 1, 0, 0, 0, 0, 0, 0),
        ("/b", 1, 1, 0, 0, 0, 0, 0, 1, 0),
    ]


def test_a_publication_sees_one_moment_though_batches_are_committed_meanwhile(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.feed(event())
    cursor = bench.con.cursor()
    publisher = Publisher(cursor, bench.directory)
    from meetlat_aggregator import rewriting

    real = rewriting.cell_query
    fed: list[int] = []

    def commit_meanwhile(*arguments: Any) -> str:
        if not fed:
            fed.append(1)
            bench.feed(event())
        return real(*arguments)

    monkeypatch.setattr(rewriting, "cell_query", commit_meanwhile)
    publisher.publish()
    cursor.close()
    assert fed
    with duckdb.connect(str(publisher.path), read_only=True) as con:
        (row,) = con.execute(
            "SELECT records, (SELECT sum(requests)::BIGINT FROM interactions_hourly) FROM meta"
        ).fetchall()
    assert row == (1, 1)
