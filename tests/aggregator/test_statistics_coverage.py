"""The ranges hold the truth as often as docs/statistics.md says: measured, with known truth."""

from __future__ import annotations

from math import sqrt

import pytest
from support.coverage import BEGIN, CASES, END, PAGE, Case

ON_PAGE = {
    f"{cells[0]}: {cells[1]}": cells[2:]
    for line in PAGE.read_text().split(BEGIN)[1].split(END)[0].splitlines()[2:]
    if (cells := [cell.strip() for cell in line.strip("|").split("|")])
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_measured_coverage_is_within_its_bounds_and_on_the_page(case: Case) -> None:
    seen = case.measure()
    low, high = case.bounds
    assert low <= seen.share <= high
    share, intervals, bounds = ON_PAGE[case.name]
    assert (intervals, bounds) == (f"{seen.intervals:,}", f"{low:g}–{high:g}")
    # Another numpy may draw other numbers: two such measurements differ by no more than chance.
    chance = 4 * sqrt(2 * seen.share * (1 - seen.share) / seen.intervals)
    assert float(share) == pytest.approx(seen.share, abs=0.001 + chance)


def test_the_page_has_these_lines_and_no_others() -> None:
    assert list(ON_PAGE) == [case.name for case in CASES]
