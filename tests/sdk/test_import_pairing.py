"""Starts and completes: how they are paired, and how their spans add up to handling time."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.importing import LIFECYCLE, PLAIN, data_of, prepared

from meetlat.imports.mapping import Handling, Lifecycle, WorkingHours
from meetlat.imports.moments import micros
from meetlat.imports.pairing import HandlingTime, Pairs, Row, Span, merged, pair
from meetlat.imports.working import WorkingTime

MINUTE = 60_000_000
HOUR = 60 * MINUTE


def rows(text: str) -> list[Row]:
    """`S0 C5` is a start at 0 and a complete at 5, `Sx7:anna` of activity x by Anna, in order."""
    found = []
    for line, word in enumerate(text.split()):
        head, _, worker = word.partition(":")
        kind = {"S": "start", "C": "complete", "O": "other"}[head[0]]
        activity = head[1] if head[1].isalpha() else "w"
        found.append(Row(int(head.lstrip("SCOwxy")), line, activity, kind, worker, ()))
    return found


def spans(text: str, activities: str = "wx", **rule: Any) -> list[tuple[int, int]]:
    return [(span.start, span.end) for span in pairs(text, activities, **rule).spans]


def pairs(text: str, activities: str = "wx", **rule: Any) -> Pairs:
    lifecycle = Lifecycle(column="l", start=("S",), complete=("C",), **rule)
    return pair(rows(text), lifecycle, frozenset(activities))


@pytest.mark.parametrize(
    ("text", "rule", "expected"),
    [
        ("S0 C5 S7 C9", {}, [(0, 5), (7, 9)]),
        ("S0 S2 C5 C9", {}, [(0, 5), (2, 9)]),
        ("S0 S2 C5 C9", {"pair": "lifo"}, [(2, 5), (0, 9)]),
        ("Sw0 Sx2 Cx5 Cw9", {}, [(2, 5), (0, 9)]),
        ("S0:ann S2:bob C5:bob C9:ann", {"within": "worker"}, [(2, 5), (0, 9)]),
        ("S0:ann S2:bob C5:bob C9:ann", {}, [(0, 5), (2, 9)]),
        ("S0:ann C5:bob", {"within": "worker"}, []),
        ("S0 O3 C5", {}, [(0, 5)]),
        ("C0 S1 C2", {}, [(1, 2)]),
        ("Sy0 Cy1", {}, []),
        ("S3 C3", {}, [(3, 3)]),
    ],
)
def test_a_complete_ends_a_start_by_the_rule(
    text: str, rule: Any, expected: list[tuple[int, int]]
) -> None:
    assert spans(text, **rule) == expected


def test_what_finds_no_partner_is_kept_apart() -> None:
    found = pairs("C0 S1 C2 S3 S4 C5 Cx6")
    assert [(span.start, span.end) for span in found.spans] == [(1, 2), (3, 5)]
    assert [row.time for row in found.starts] == [4]
    assert [row.time for row in found.completes] == [0, 6]


@given(st.lists(st.tuples(st.sampled_from("SC"), st.sampled_from("wx")), max_size=30))
def test_every_start_and_complete_is_in_one_pair_or_alone(steps: list[tuple[str, str]]) -> None:
    text = " ".join(f"{kind}{activity}{n}" for n, (kind, activity) in enumerate(steps))
    for rule in ("fifo", "lifo"):
        found = pairs(text, pair=rule)
        assert 2 * len(found.spans) + len(found.starts) + len(found.completes) == len(steps)
        assert all(span.start < span.end for span in found.spans)
    # Both rules give the same total as long as nothing stays open.
    if not found.starts:
        first, last = spans(text, pair="fifo"), spans(text, pair="lifo")
        assert sum(b - a for a, b in first) == sum(b - a for a, b in last)


def total(text: str, **rule: Any) -> int:
    row = rows("S0")[0]
    made = [Span(*map(int, span.split("-")), row) for span in text.split()]
    return HandlingTime(Handling(activities=("w",), **rule)).total(made)


@pytest.mark.parametrize(
    ("text", "summed", "once"),
    [("0-5 7-9", 7, 7), ("0-5 3-9", 11, 9), ("0-9 3-5", 11, 9), ("0-5 5-9", 9, 9), ("3-3", 0, 0)],
)
def test_overlapping_spans_count_each_or_once(text: str, summed: int, once: int) -> None:
    assert (total(text), total(text, overlap="merge")) == (summed, once)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 9)), max_size=10))
def test_merged_spans_cover_the_same_moments_once(spans: list[tuple[int, int]]) -> None:
    pieces = [(start, start + length) for start, length in spans]
    covered = {moment for start, end in pieces for moment in range(start, end)}
    assert sum(end - start for start, end in merged(pieces)) == len(covered)


def at(text: str) -> int:
    return micros(datetime.fromisoformat(text).astimezone(UTC))


OFFICE = WorkingHours(zone="Europe/Amsterdam", holidays=(date(2026, 4, 27),))


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        ("2026-03-02T10:00+01:00", "2026-03-02T11:30+01:00", 1.5),
        ("2026-03-02T07:00+01:00", "2026-03-02T20:00+01:00", 8),
        ("2026-03-02T16:00+01:00", "2026-03-03T10:00+01:00", 2),
        ("2026-03-06T16:00+01:00", "2026-03-09T10:00+01:00", 2),  # over a weekend
        ("2026-03-07T10:00+01:00", "2026-03-08T10:00+01:00", 0),
        ("2026-04-24T16:00+02:00", "2026-04-28T10:00+02:00", 2),  # weekend and King's Day
        ("2026-03-27T16:00+01:00", "2026-03-30T10:00+02:00", 2),  # and a clock change
        ("2026-03-02T17:00+01:00", "2026-03-03T09:00+01:00", 0),
        ("2026-03-02T10:00+01:00", "2026-03-02T10:00+01:00", 0),
        ("2024-02-28T12:00+01:00", "2024-03-01T12:00+01:00", 16),  # a leap day
    ],
)
def test_working_time_is_the_part_in_opening_hours(start: str, end: str, hours: float) -> None:
    assert WorkingTime(OFFICE).between(at(start), at(end)) == hours * HOUR


def test_a_night_shift_at_the_clock_change_has_the_hours_that_passed() -> None:
    nights = WorkingHours(zone="Europe/Amsterdam", days=("sun",), opens=time(0), closes=time(6))
    long, short = WorkingTime(nights), WorkingTime(nights)
    assert long.between(at("2025-10-25T12:00Z"), at("2025-10-26T12:00Z")) == 7 * HOUR
    assert short.between(at("2026-03-28T12:00Z"), at("2026-03-29T12:00Z")) == 5 * HOUR


@given(st.integers(0, 400), st.integers(0, 400), st.integers(0, 400))
def test_working_time_adds_up(first: int, second: int, third: int) -> None:
    """Property: what lies before and after a moment is the whole."""
    a, b, c = (at("2026-03-20T00:00Z") + n * HOUR for n in sorted((first, second, third)))
    clock = WorkingTime(OFFICE)
    assert clock.between(a, b) + clock.between(b, c) == clock.between(a, c) <= c - a


WORKED = PLAIN.replace("[milestones]", 'worker = "who"\n[milestones]') + LIFECYCLE
LOG = """case,activity,time,lifecycle,who
a,asked,2026-03-02T09:00:00Z,,
a,work,2026-03-02T10:00:00Z,start,ann
a,work,2026-03-02T12:00:00Z,complete,ann
a,work,2026-03-02T16:30:00Z,start,bob
a,work,2026-03-03T09:30:00Z,complete,bob
b,asked,2026-03-02T09:00:00Z,complete,
c,work,2026-03-02T09:00:00Z,complete,
c,work,2026-03-02T09:10:00Z,start,
"""


def test_handling_is_the_sum_of_the_spans_of_the_named_activities(tmp_path: Path) -> None:
    done = prepared(tmp_path, LOG, WORKED)
    data = data_of(done)
    assert data["a"]["handling"] == 19 * 3600
    assert "handling" not in data["b"] and "handling" not in data["c"]
    assert done.pairs == 2
    assert done.alone == {("work", "start"): 1, ("work", "complete"): 1}


def test_handling_in_working_hours(tmp_path: Path) -> None:
    hours = 'hours = "working"\n[handling.calendar]\nzone = "UTC"\n'
    assert data_of(prepared(tmp_path, LOG, WORKED + hours))["a"]["handling"] == 3 * 3600


def test_a_case_without_work_is_zero_when_the_map_says_so_and_one_with_half_a_span_is_not(
    tmp_path: Path,
) -> None:
    data = data_of(prepared(tmp_path, LOG, WORKED + 'without = "zero"\n'))
    assert data["b"]["handling"] == 0
    assert "handling" not in data["c"]


def test_microseconds_of_handling_survive(tmp_path: Path) -> None:
    log = (
        "case,activity,time,lifecycle,who\n"
        "a,work,2026-03-02T10:00:00.000001Z,start,\n"
        "a,work,2026-03-02T10:00:00.333334Z,complete,\n"
    )
    assert data_of(prepared(tmp_path, log, WORKED))["a"]["handling"] == 0.333333
