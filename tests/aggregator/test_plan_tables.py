"""The plan as relations for the KPIs' SQL, and working time by its calendar."""

from __future__ import annotations

import time as clock
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meetlat.plan.models import Calendar, Plan
from meetlat_aggregator.kpi.plan_tables import make_plan_tables

TODAY = date(2026, 3, 4)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
AMSTERDAM = "Europe/Amsterdam"
PLAN: dict[str, Any] = {
    "company": {"name": "Acme", "timezone": AMSTERDAM},
    "teams": [
        {
            "name": "sales",
            "cost": [
                {"from": "2026-01-01", "hourly": "50"},
                {"from": "2025-01-01", "hourly": "48.5"},
            ],
            "people": [
                {"from": "2025-01-01", "count": 10},
                {"from": "2025-07-01", "count": 12, "entitled": 8},
            ],
        },
        {"name": "support"},
    ],
    "use_cases": [
        {
            "id": "quotes",
            "name": "Quotes",
            "pack": "quotes",
            "process": "quote",
            "go_live": "2026-01-05",
            "baseline": {"from": "2025-10-01", "until": "2025-12-31"},
            "review": "2026-02-10",
            "control_team": "support",
            "hours": "working",
            "tools": ["writer", "checker"],
            "features": ["draft"],
            "segments": ["standard", "complex"],
            "teams": ["sales"],
            "regular": [{"from": "2026-02-01", "uses": 5}],
            "limits": [
                {"from": "2025-01-01", "seconds": 3},
                {"from": "2026-01-01", "seconds": 2},
                {"from": "2025-06-01", "seconds": 20, "operation": "generate"},
            ],
            "reference_prompts": [{"tool": "writer", "prompt_version": "v1"}],
        },
        {"id": "chat", "name": "Chat", "pack": "service"},
    ],
}  # fmt: skip


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"threads": 2}) as made:
        made.execute("SET TimeZone = 'UTC'")
        yield made


def rows(con: duckdb.DuckDBPyConnection, table: str) -> list[tuple[Any, ...]]:
    return con.execute(f"SELECT * FROM {table} ORDER BY ALL").fetchall()


def working(
    con: duckdb.DuckDBPyConnection, first: datetime, last: datetime | None
) -> timedelta | None:
    """`working_us` as a duration."""
    ((found,),) = con.execute(
        "SELECT working_us(?::TIMESTAMP, ?::TIMESTAMP)", [first, last]
    ).fetchall()
    return None if found is None else timedelta(microseconds=found)


def made(con: duckdb.DuckDBPyConnection, timezone: str = AMSTERDAM, **calendar: Any) -> None:
    """The tables of a plan with this calendar and nothing else."""
    company = {"name": "Acme", "timezone": timezone, "calendar": calendar}
    make_plan_tables(con, Plan.model_validate({"company": company}), TODAY)


def at(text: str, zone: str = AMSTERDAM) -> datetime:
    """A local time, as naive UTC."""
    local = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))
    return local.astimezone(UTC).replace(tzinfo=None)


def test_every_relation_says_what_the_plan_says(con: duckdb.DuckDBPyConnection) -> None:
    make_plan_tables(con, Plan.model_validate(PLAN), TODAY)
    assert rows(con, "plan_use_cases") == [
        ("chat", "service", "", None, None, None, None, "", "calendar"),
        (
            "quotes", "quotes", "quote", date(2026, 1, 5), date(2025, 10, 1), date(2025, 12, 31),
            date(2026, 2, 10), "support", "working",
        ),
    ]  # fmt: skip
    assert rows(con, "plan_tools") == [("checker", "quotes"), ("writer", "quotes")]
    assert rows(con, "plan_features") == [("quotes", "draft")]
    assert rows(con, "plan_segments") == [("quotes", "complex"), ("quotes", "standard")]
    assert rows(con, "plan_use_case_teams") == [("quotes", "sales")]
    assert rows(con, "plan_reference_prompts") == [("quotes", "writer", "v1")]


def test_a_dated_row_ends_where_the_next_one_begins_whatever_their_order(
    con: duckdb.DuckDBPyConnection,
) -> None:
    make_plan_tables(con, Plan.model_validate(PLAN), TODAY)
    assert rows(con, "plan_people") == [
        ("sales", date(2025, 1, 1), date(2025, 7, 1), 10, None),
        ("sales", date(2025, 7, 1), None, 12, 8),
    ]
    costs = [(*row[:3], str(row[3])) for row in rows(con, "plan_cost")]
    assert costs == [
        ("sales", date(2025, 1, 1), date(2026, 1, 1), "48.500000000"),
        ("sales", date(2026, 1, 1), None, "50.000000000"),
    ]
    assert rows(con, "plan_limits") == [
        ("quotes", "", date(2025, 1, 1), date(2026, 1, 1), 3.0),
        ("quotes", "", date(2026, 1, 1), None, 2.0),
        ("quotes", "generate", date(2025, 6, 1), None, 20.0),
    ]


def test_regular_use_is_three_uses_a_week_until_the_plan_says_another_number(
    con: duckdb.DuckDBPyConnection,
) -> None:
    make_plan_tables(con, Plan.model_validate(PLAN), TODAY)
    assert rows(con, "plan_regular") == [
        ("chat", date(2000, 1, 1), None, 3),
        ("quotes", date(2000, 1, 1), date(2026, 2, 1), 3),
        ("quotes", date(2026, 2, 1), None, 5),
    ]
    early = {**PLAN, "use_cases": [{**PLAN["use_cases"][1], "regular": [{"from": "1999-01-01"}]}]}
    make_plan_tables(con, Plan.model_validate(early), TODAY)
    assert rows(con, "plan_regular") == [("chat", date(1999, 1, 1), None, 3)]


def test_without_a_plan_they_are_empty_and_the_calendar_is_the_default_one(
    con: duckdb.DuckDBPyConnection,
) -> None:
    make_plan_tables(con, Plan.model_validate(PLAN), TODAY)
    make_plan_tables(con, None, TODAY)
    names = con.execute("SELECT table_name FROM duckdb_tables() WHERE temporary").fetchall()
    filled = {name for (name,) in names if rows(con, name)}
    assert filled == {"calendar_days"}
    assert working(con, at("2026-03-02", "UTC"), at("2026-03-09", "UTC")) == 40 * HOUR


def test_the_zone_is_the_given_one_where_the_plan_is_not_the_one_to_say_it(
    con: duckdb.DuckDBPyConnection,
) -> None:
    plan = Plan.model_validate({"company": {"name": "Acme"}})
    make_plan_tables(con, plan, TODAY, "Asia/Tokyo")
    nine = at("2026-03-04T09:00", "Asia/Tokyo")
    assert working(con, nine - HOUR, nine + HOUR) == HOUR


def test_the_calendar_goes_two_years_ahead_and_knows_nothing_beyond(
    con: duckdb.DuckDBPyConnection,
) -> None:
    made(con)
    days = con.execute("SELECT min(day), max(day), count(*) FROM calendar_days").fetchall()
    first, last = date(2000, 1, 1), date(2028, 3, 4)
    assert days == [(first, last, (last - first).days + 1)]
    assert working(con, at("2026-03-04"), at("2028-03-06")) is None
    assert working(con, at("2026-03-04"), None) is None


def test_a_day_says_when_work_begins_and_ends_and_a_day_off_says_zero(
    con: duckdb.DuckDBPyConnection,
) -> None:
    made(con, holidays=["2026-03-03"])
    query = (
        "SELECT opens_us // 3600000000, closes_us // 3600000000, "
        "(before_us - first_value(before_us) OVER (ORDER BY day)) // 3600000000 "
        "FROM calendar_days WHERE day BETWEEN '2026-03-01' AND '2026-03-05' ORDER BY day"
    )
    assert con.execute(query).fetchall() == [
        (0, 0, 0), (9, 17, 0), (0, 0, 8), (9, 17, 8), (9, 17, 16),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("first", "last", "hours"),
    [
        ("2026-03-04T10:00", "2026-03-04T12:30", 2.5),
        ("2026-03-04T20:00", "2026-03-05T03:00", 0),  # one night
        ("2026-03-04T16:00", "2026-03-05T10:00", 2),
        ("2026-03-06T16:30", "2026-03-09T09:30", 1),  # over the weekend
        ("2026-03-07T10:00", "2026-03-08T10:00", 0),
        ("2026-03-27T16:00", "2026-03-30T10:00", 2),  # the clock goes forward
        ("2026-10-23T16:00", "2026-10-26T10:00", 2),  # and back
        ("2026-12-24T16:00", "2026-12-28T10:00", 2),  # Christmas Day is a Friday
        ("2024-02-28T09:00", "2024-03-01T17:00", 24),  # a leap day
        ("2026-03-05T10:00", "2026-03-04T16:00", -2),  # the other way round
    ],
)
def test_working_time_by_hand(
    con: duckdb.DuckDBPyConnection, first: str, last: str, hours: float
) -> None:
    made(con, holidays=["2026-12-25"])
    assert working(con, at(first), at(last)) == hours * HOUR


def test_a_night_in_which_the_clock_changes_has_the_hours_that_passed(
    con: duckdb.DuckDBPyConnection,
) -> None:
    made(con, days=["sun"], opens=time(0), closes=time(23))
    days = {"2026-03-29": 22, "2026-10-25": 24, "2026-11-01": 23}
    for day, hours in days.items():
        following = (date.fromisoformat(day) + timedelta(days=1)).isoformat()
        assert working(con, at(day), at(following)) == hours * HOUR, day


def looped(calendar: Calendar, zone: str, first: datetime, last: datetime) -> timedelta:
    """Minute by minute on the clock on the wall: is it working time? `first` and `last` are UTC."""
    weekdays = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    total, moment = timedelta(0), first
    while moment < last:
        local = moment.replace(tzinfo=UTC).astimezone(ZoneInfo(zone))
        open_today = weekdays[local.weekday()] in calendar.days
        open_today = open_today and local.date() not in calendar.holidays
        if open_today and calendar.opens <= local.time() < calendar.closes:
            total += MINUTE
        moment += MINUTE
    return total


# The days around clock changes, and any others. An hour that the clock shows twice begins or ends
# no working day here: which of the two is meant, nobody can say.
STARTS = st.one_of(
    st.sampled_from([at(day) for day in ("2025-03-27", "2026-10-22", "2026-10-30")]),
    st.datetimes(at("2000-01-03"), at("2028-01-01")).map(
        lambda moment: moment.replace(second=0, microsecond=0)
    ),
)
HOURS = st.tuples(st.integers(0, 23), st.integers(0, 23)).filter(lambda pair: pair[0] < pair[1])
DAYS = st.sets(st.sampled_from(["mon", "tue", "wed", "thu", "fri", "sat", "sun"]), min_size=1)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([AMSTERDAM, "America/New_York", "Asia/Kolkata", "UTC"]),
    HOURS, DAYS, STARTS, st.integers(0, 5 * 1440), st.integers(0, 4), st.sampled_from([0, 30]),
)  # fmt: skip
def test_working_time_is_what_a_loop_over_the_minutes_counts(
    zone: str, hours: tuple[int, int], days: set[str], first: datetime, minutes: int, off: int,
    half: int,
) -> None:  # fmt: skip
    opens = time(hours[0], half if hours[0] > 3 and hours[0] + 1 < hours[1] else 0)
    holiday = (first + timedelta(days=off)).date()
    calendar = {"days": sorted(days), "opens": opens, "closes": time(hours[1])}
    calendar["holidays"] = [holiday]
    last = first + minutes * MINUTE
    with duckdb.connect(config={"threads": 2}) as con:
        con.execute("SET TimeZone = 'UTC'")
        made(con, zone, **calendar)
        expected = looped(Calendar.model_validate(calendar), zone, first, last)
        assert working(con, first, last) == expected


def test_a_million_rows_cost_no_more_than_some_joins_do(con: duckdb.DuckDBPyConnection) -> None:
    """0.7 s on two cores. Processor time is bounded, and with room: other programs run too."""
    made(con)
    con.execute(
        "CREATE TABLE many AS SELECT TIMESTAMP '2025-01-01' + to_microseconds("
        "(hash(i) % (365 * 86400000000))::BIGINT) AS a, a + to_minutes(i % 9000) AS b "
        "FROM range(1000000) AS t(i)"
    )
    began = clock.process_time()
    con.execute("SELECT month(a), sum(working_us(a, b)) FROM many GROUP BY 1").fetchall()
    assert clock.process_time() - began < 4
