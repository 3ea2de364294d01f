"""Which period each row lies in, and which rows are a control team's: rows as codes into texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt

from meetlat_aggregator.kpi.periods import Period

Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[Any]  # int32 or int64
EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Spans:
    """The periods of one name, which do not overlap within a use case: first and last day (since
    1970) per use case and start, and which start each day belongs to, from `first` on; -1: none.
    """

    starts: list[date]
    since: Ints
    until: Ints
    first: int
    of_day: npt.NDArray[np.int32]

    @classmethod
    def of(cls, periods: Sequence[Period], use_cases: Sequence[str]) -> Spans:
        starts = sorted({period.start for period in periods})
        places = {start: place for place, start in enumerate(starts)}
        cases = {name: row for row, name in enumerate(use_cases)}
        first = min(days_of(period.first) for period in periods)
        last = max(days_of(period.last) for period in periods)
        since, until = np.zeros((2, len(cases), len(starts)), np.int64)
        of_day = np.full((len(cases), last - first + 1), -1, np.int32)
        for period in periods:
            if period.use_case in cases:
                row, place = cases[period.use_case], places[period.start]
                since[row, place], until[row, place] = days_of(period.first), days_of(period.last)
                of_day[row, days_of(period.first) - first : days_of(period.last) - first + 1] = (
                    place
                )
        return cls(starts, since, until, first, of_day)

    def place(self, use_case: Codes, day: Codes) -> Codes:
        """Which start the period has that holds each day; -1: none does."""
        from_first = day - self.first
        width = self.of_day.shape[1]
        found = self.of_day[use_case, np.clip(from_first, 0, width - 1)]
        return np.where((from_first >= 0) & (from_first < width), found, -1)


def in_control(
    codes: Mapping[str, Codes], texts: Mapping[str, Sequence[str]], teams: Mapping[str, str]
) -> npt.NDArray[np.bool_]:
    """Which rows are those of the control team of their use case (`teams`: use case → team)."""
    found = np.zeros(len(codes["team"]), bool)
    for use_case, team in teams.items():
        if use_case in texts["use_case"] and team in texts["team"]:
            found |= (codes["use_case"] == texts["use_case"].index(use_case)) & (
                codes["team"] == texts["team"].index(team)
            )
    return found


def days_of(day: date) -> int:
    """Days since 1970."""
    return (day - EPOCH).days
