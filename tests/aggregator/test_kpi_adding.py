"""Sums of periods and cuts are those of plain Python, whether made of days or of whole months."""

from __future__ import annotations

import calendar
import itertools
from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meetlat_aggregator.kpi.adding import SUMS, Wanted, add_sums, add_waits
from meetlat_aggregator.kpi.periods import Period, apart

FIRST = date(2025, 11, 10)
DAYS = 130
TEAMS, SEGMENTS, CASES = ("", "north", "south"), ("", "complex"), ("quotes", "hr")
Cell = dict[str, Any]
Key = tuple[str, date, str, str, str, str]  # period, start, use case, team, segment, cut


@st.composite
def cells(draw: st.DrawFn) -> Cell:
    return {
        "kpi": "k", "part": "", "day": FIRST + timedelta(days=draw(st.integers(0, DAYS - 1))),
        "use_case": draw(st.sampled_from(CASES)), "team": draw(st.sampled_from(TEAMS)),
        "segment": draw(st.sampled_from(SEGMENTS)),
        "n": float(draw(st.integers(0, 9))),
        "total": draw(st.none() | st.integers(0, 50).map(float)),
        "weight": None, "squares": None, "bucket": draw(st.integers(-1, 4)),
        "count": draw(st.integers(1, 5)),
    }  # fmt: skip


PERIODS = [
    Period(case, name, start, first, last)
    for case in CASES
    for name, start, first, last in (
        ("day", date(2025, 12, 1), date(2025, 12, 1), date(2025, 12, 1)),
        ("day", date(2025, 12, 2), date(2025, 12, 2), date(2025, 12, 2)),
        ("week", date(2025, 11, 10), date(2025, 11, 10), date(2025, 11, 12)),  # until go-live
        ("week", date(2025, 12, 29), date(2025, 12, 29), date(2026, 1, 4)),
        ("month", date(2025, 12, 1), date(2025, 12, 1), date(2025, 12, 31)),
        ("month", date(2026, 1, 1), date(2026, 1, 1), date(2026, 1, 31)),
        ("quarter", date(2025, 10, 1), date(2025, 11, 17), date(2025, 12, 31)),
        ("quarter", date(2026, 1, 1), date(2026, 1, 1), date(2026, 3, 31)),
        ("year", date(2026, 1, 1), date(2026, 1, 1), date(2026, 12, 31)),
        ("since_go_live", date(2025, 11, 10), date(2025, 11, 17), date(2026, 3, 3)),
    )
]
WANTED = Wanted(PERIODS, {"quotes": "south"}, frozenset({"k"}), {"k": frozenset(CASES)})


def cuts_of(cell: Cell) -> Iterable[tuple[str, str, str]]:
    control = (cell["use_case"], cell["team"]) == ("quotes", "south")
    for cut in ("total", "team", "segment", "both"):
        if control and cut in ("total", "segment"):
            continue
        yield (
            cut, cell["team"] if cut in ("team", "both") else "",
            cell["segment"] if cut in ("segment", "both") else "",
        )  # fmt: skip


def added(rows: Iterable[float | None]) -> float | None:
    known = [row for row in rows if row is not None]
    return sum(known) if known else None


def key_of(row: Cell) -> Key:
    return (
        row["period"], row["start"], row["use_case"], row["team"], row["segment"], row["cut"]
    )  # fmt: skip


def by_hand(drawn: list[Cell]) -> dict[Key, Any]:
    """Per period and cut: n, total, days, Σ total², Σ total·n, Σ n² over days."""
    found: dict[Key, Any] = {}
    for period in PERIODS:
        days: dict[tuple[str, str, str], dict[date, list[Cell]]] = defaultdict(
            lambda: defaultdict(list)
        )
        for cell in drawn:
            if cell["use_case"] == period.use_case and period.first <= cell["day"] <= period.last:
                for cut in cuts_of(cell):
                    days[cut][cell["day"]].append(cell)
        for (cut, team, segment), of in days.items():
            daily = [
                (added(c["n"] for c in some), added(c["total"] for c in some))
                for some in of.values()
            ]
            key = (period.name, period.start, period.use_case, team, segment, cut)
            found[key] = (
                added(n for n, _ in daily), added(t for _, t in daily), float(len(daily)),
                added(None if t is None else t * t for _, t in daily),
                added(None if t is None or n is None else t * n for n, t in daily),
                added(None if n is None else n * n for n, _ in daily),
            )  # fmt: skip
    return found


def day_rows(drawn: list[Cell]) -> list[Cell]:
    """The rows of `sql/kpi/day_sums.sql` for days that some period needs."""
    needed = {day for period in PERIODS for day in apart(period)}
    return [
        {**cell, "first": cell["day"], "last": cell["day"], "month": False, "weekly": False,
         "cut": "", "days": None, "total_total": None, "total_n": None, "n_n": None}
        for cell in drawn if cell["day"] in needed
    ]  # fmt: skip


def month_rows(drawn: list[Cell]) -> list[Cell]:
    """Whole months, as `sql/kpi/months.sql` makes them: per cut, with the sums between days."""
    months: dict[Any, dict[date, list[Cell]]] = defaultdict(lambda: defaultdict(list))
    for cell in drawn:
        for cut in cuts_of(cell):
            key = (cell["day"].replace(day=1), cell["use_case"], *cut)
            months[key][cell["day"]].append(cell)
    rows = []
    for (first, case, cut, team, segment), of in months.items():
        daily = [
            (added(c["n"] for c in some), added(c["total"] for c in some)) for some in of.values()
        ]
        last = first.replace(day=calendar.monthrange(first.year, first.month)[1])
        rows.append(
            {"kpi": "k", "part": "", "use_case": case, "team": team, "segment": segment, "cut": cut,
             "first": first, "last": last, "month": True, "weekly": False,
             "n": added(n for n, _ in daily), "total": added(t for _, t in daily),
             "weight": None, "squares": None, "days": float(len(daily)),
             "total_total": added(None if t is None else t * t for _, t in daily),
             "total_n": added(None if t is None or n is None else t * n for n, t in daily),
             "n_n": added(None if n is None else n * n for n, _ in daily)}
        )  # fmt: skip
    return rows


COLUMNS = pa.schema(
    [(name, pa.string()) for name in ("kpi", "part", "use_case", "team", "segment", "cut")]
    + [("first", pa.date32()), ("last", pa.date32()), ("month", pa.bool_()), ("weekly", pa.bool_())]
    + [(name, pa.float64()) for name in (*SUMS, "days", "total_total", "total_n", "n_n")]
)


@settings(deadline=None, max_examples=60)
@given(st.lists(cells(), min_size=1, max_size=40))
def test_sums_of_days_and_months_are_those_of_plain_python(drawn: list[Cell]) -> None:
    parts = pa.Table.from_pylist([*day_rows(drawn), *month_rows(drawn)], schema=COLUMNS)
    rows = [row for table in add_sums(parts, WANTED) for row in table.to_pylist()]
    made = {
        key_of({**row, "start": row["start"].date()}):
        tuple(row[name] for name in ("n", "total", "days", "total_total", "total_n", "n_n"))
        for row in rows
    }  # fmt: skip
    assert made == by_hand(drawn)
    assert len(made) == len(rows)


@settings(deadline=None, max_examples=60)
@given(st.lists(cells(), min_size=1, max_size=40))
def test_waits_of_days_and_months_are_those_of_plain_python(drawn: list[Cell]) -> None:
    months: dict[Any, int] = defaultdict(int)
    for cell in drawn:
        where = tuple(cell[name] for name in ("use_case", "team", "segment", "bucket"))
        months[cell["day"].replace(day=1), where] += cell["count"]
    monthly = [
        {"kpi": "k", "part": "", "cut": "", "first": first, "month": True, "weekly": False,
         "last": first.replace(day=calendar.monthrange(first.year, first.month)[1]),
         **dict(zip(("use_case", "team", "segment", "bucket"), where, strict=True)), "count": count}
        for (first, where), count in months.items()
    ]  # fmt: skip
    schema = pa.schema(
        [*list(COLUMNS)[:10], pa.field("bucket", pa.int32()), pa.field("count", pa.int64())]
    )
    parts = pa.Table.from_pylist([*day_rows(drawn), *monthly], schema=schema)
    made = {
        key_of(row):
        [(wait["bucket"], wait["count"]) for wait in row["waits"]]
        for table in add_waits(parts, WANTED) for row in table.to_pylist()
    }  # fmt: skip
    expected: dict[Any, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for period, cell in itertools.product(PERIODS, drawn):
        if cell["use_case"] == period.use_case and period.first <= cell["day"] <= period.last:
            for cut, team, segment in cuts_of(cell):
                start = datetime.combine(period.start, datetime.min.time())
                key = (period.name, start, period.use_case, team, segment, cut)
                expected[key][cell["bucket"]] += cell["count"]
    assert made == {key: sorted(waits.items()) for key, waits in expected.items()}


@pytest.mark.parametrize(
    ("name", "first", "last", "days"),
    [
        ("year", date(2026, 1, 1), date(2026, 12, 31), 0),
        ("quarter", date(2025, 11, 17), date(2025, 12, 31), 14),
        ("since_go_live", date(2025, 11, 17), date(2026, 3, 3), 17),
        ("month", date(2025, 12, 1), date(2025, 12, 31), 0),
        ("month", date(2025, 12, 8), date(2025, 12, 31), 24),
        ("rolling_28d", date(2026, 2, 1), date(2026, 2, 28), 28),
    ],
)
def test_only_days_beside_whole_months_stand_apart(
    name: str, first: date, last: date, days: int
) -> None:
    assert len(list(apart(Period("quotes", name, first, first, last)))) == days
