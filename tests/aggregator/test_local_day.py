"""The macro `local_day` says the day of the time zone, whatever the zone and the time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meetlat_aggregator.local_day import make_local_day

ZONES = ("Europe/Amsterdam", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Kathmandu", "UTC")
EXACT = "((moment AT TIME ZONE 'UTC') AT TIME ZONE '{}')::DATE"
NOW = datetime.now(UTC).replace(tzinfo=None)


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        yield con


@settings(deadline=None, max_examples=60)
@given(
    zone=st.sampled_from(ZONES),
    moments=st.lists(
        st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1))  # noqa: DTZ001 - UTC
        | st.datetimes(NOW - timedelta(days=1500), NOW + timedelta(days=800)),
        min_size=1,
    ),
)
def test_it_is_the_day_that_the_time_zone_database_says(
    con: duckdb.DuckDBPyConnection, zone: str, moments: list[datetime]
) -> None:
    make_local_day(con, zone)
    con.execute("CREATE OR REPLACE TEMP TABLE moments (moment TIMESTAMP)")
    con.executemany("INSERT INTO moments VALUES (?)", [[moment] for moment in moments])
    asked = f"SELECT moment, local_day(moment), {EXACT.format(zone)} FROM moments"
    for moment, made, exact in con.execute(asked).fetchall():
        assert made == exact, moment


@pytest.mark.parametrize("zone", ZONES)
def test_it_is_right_in_every_quarter_of_an_hour_of_the_years_it_has_offsets_of(
    con: duckdb.DuckDBPyConnection, zone: str
) -> None:
    make_local_day(con, zone)
    ((wrong, asked),) = con.execute(
        f"SELECT count(*) FILTER (local_day(moment) IS DISTINCT FROM {EXACT.format(zone)}), "
        "count(*) FROM (SELECT unnest(generate_series($since::TIMESTAMP, "
        "$until::TIMESTAMP, INTERVAL 15 MINUTE)) - INTERVAL 1 MICROSECOND AS moment)",
        {"since": NOW - timedelta(days=365 * 5), "until": NOW + timedelta(days=365 * 3)},
    ).fetchall()
    assert (wrong, asked > 250_000) == (0, True)


def test_no_moment_has_no_day(con: duckdb.DuckDBPyConnection) -> None:
    make_local_day(con, "Europe/Amsterdam")
    assert con.execute("SELECT local_day(NULL::TIMESTAMP)").fetchall() == [(None,)]


def test_a_summer_evening_in_utc_is_the_next_day_in_amsterdam(
    con: duckdb.DuckDBPyConnection,
) -> None:
    make_local_day(con, "Europe/Amsterdam")
    shown = con.execute("SELECT local_day(TIMESTAMP '2026-07-01 22:30:00')").fetchall()
    assert shown == [(date(2026, 7, 2),)]
