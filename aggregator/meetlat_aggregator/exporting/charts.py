"""The course of a KPI by week as a chart of Excel's own, beside its baseline and its target."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from meetlat_aggregator.exporting.sheet import DATE, Sheet, number_format
from meetlat_aggregator.reader.form import bare_percentage, limit
from meetlat_aggregator.reader.page import title
from meetlat_aggregator.reader.published import Row
from meetlat_aggregator.reader.words import Language, word

_WIDTH = 620  # pixels
_LABELS = 14  # so many days can be read along the axis
_SMALL = {"size": 9, "bold": False}
LINES = ("value", "baseline", "target")
_LOOKS = {
    "value": {"color": "#1F5FA8", "width": 2.25},
    "baseline": {"color": "#808080", "width": 1.25, "dash_type": "dash"},
    "target": {"color": "#2E8B57", "width": 1.5, "dash_type": "round_dot"},
}


@dataclass(frozen=True, slots=True)
class Course:
    """Where on the sheet of weeks a KPI's columns stand, and which of them hold numbers."""

    row: Row
    column: int
    filled: tuple[str, ...]


def weeks(
    sheet: Sheet, shown: Sequence[Row], found: Sequence[Row], language: Language
) -> list[Course]:
    """Write the weekly numbers, three columns a KPI. A week that says too little is left empty."""
    names = [word("week", language)]
    for row in shown:
        names += [f"{title(row, language)}: {word(line, language)}" for line in LINES]
    sheet.header(names, [12, *([14] * (len(names) - 1))])
    at: dict[datetime, dict[str, Row]] = {}
    for row in found:
        at.setdefault(row["start"], {})[row["kpi"]] = row
    filled: dict[str, set[str]] = {row["kpi"]: set() for row in shown}
    for start, by_kpi in sorted(at.items()):
        sheet.write(0, start.date())
        for place, row in enumerate(shown):
            week = by_kpi.get(row["kpi"])
            if week is None or week["status"] in ("suppressed", "unknown", "too few"):
                continue
            ends = {end: week[end] for end in ("target_low", "target_high")}
            numbers = {
                "value": None if bare_percentage(week) else week["value"],
                "baseline": week["baseline"],
                "target": limit({**row, **ends}),
            }
            for offset, line in enumerate(LINES):
                shape = number_format(week["unit"], week["currency"], numbers[line])
                sheet.write(1 + 3 * place + offset, numbers[line], num_format=shape)
                if numbers[line] is not None:
                    filled[row["kpi"]].add(line)
        sheet.row += 1
    return [
        Course(row, 1 + 3 * place, tuple(line for line in LINES if line in filled[row["kpi"]]))
        for place, row in enumerate(shown)
    ]


def chart(
    onto: Sheet,
    data: Sheet,
    course: Course,
    rows: tuple[int, int],
    language: Language,
    place: int = 0,
) -> None:
    """A line chart at the current row of `onto`, of the rows `rows` of the sheet of weeks.

    `place` 1 is beside the first one.
    """
    made = onto.book.workbook.add_chart({"type": "line"})
    first, last = rows
    for line in course.filled:
        column = course.column + LINES.index(line)
        made.add_series({
            "name": word(line, language),
            "categories": [data.name, first, 0, last, 0],
            "values": [data.name, first, column, last, column],
            "line": _LOOKS[line],
            "marker": {"type": "circle", "size": 5} if line == "value" else {"type": "none"},
        })  # fmt: skip
    row = course.row
    made.set_title({"name": title(row, language), "overlay": False, "name_font": {"size": 12}})
    made.set_x_axis({
        "name": word("week from", language),
        "name_font": _SMALL,
        "num_font": {**_SMALL, "rotation": -45},
        "date_axis": True,
        "num_format": DATE,
        "major_unit": 7 * max(1, math.ceil((last - first + 1) / _LABELS)),
        "major_unit_type": "days",
        "major_gridlines": {"visible": False},
    })  # fmt: skip
    made.set_y_axis({
        "num_font": _SMALL,
        "num_format": number_format(row["unit"], row["currency"]),
        "major_gridlines": {"visible": True, "line": {"color": "#E0E0E0"}},
    })  # fmt: skip
    made.set_legend({"position": "bottom"})
    made.show_blanks_as("gap")
    made.set_size({"width": _WIDTH, "height": 300})
    offset = place * (_WIDTH + 20)
    onto.worksheet.insert_chart(onto.row, 0, made, {"object_position": 2, "x_offset": offset})
