"""A worksheet as we write it: text is never a formula, a date is one, a number keeps its unit."""

from __future__ import annotations

import math
import re
from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from xlsxwriter.format import Format
from xlsxwriter.workbook import Workbook
from xlsxwriter.worksheet import Worksheet

from meetlat_aggregator.reader.form import bare_percentage
from meetlat_aggregator.reader.published import Row

_SIGNS = {"EUR": '"€ "', "USD": '"$ "', "GBP": '"£ "'}
_MONEY, _SMALL_MONEY = "#,##0.00", "#,##0.0000"
_UNITS = {
    "share": "0.0%",
    "%": '0.0" %"',
    "s": '0.0" s"',
    "min": '#,##0.0" min"',
    "h": '#,##0.0" h"',
    "days": '#,##0.0" d"',
    "tokens": "#,##0",
    "people": "#,##0.0",
    "score": "0.0",
}
DATE = "yyyy-mm-dd"
MOMENT = "yyyy-mm-dd hh:mm"
_STATUS_COLOURS = {"on target": "#C6E7C8", "off target": "#F6C9C4", "undecided": "#FBE8B0"}
_FORBIDDEN = re.compile(r"[\[\]:*?/\\]")
_LINE = 15  # points
_BOLD = 1.25  # how much wider a bold letter, and a word that does not break, may be
_LONGEST_NAME = 31  # Excel's bound


def number_format(unit: str | None, currency: str | None, size: float | None = None) -> str:
    """How Excel shows a value of this unit."""
    if unit == "money":
        sign = _SIGNS.get(currency or "", f'"{currency} "' if currency else "")
        small = size is not None and 0 < abs(size) < 1
        return sign + (_SMALL_MONEY if small else _MONEY)
    return _UNITS.get(unit or "", "#,##0.0#")


@dataclass
class Book:
    """A workbook, its formats made once each, and its sheets' names."""

    workbook: Workbook
    formats: dict[tuple[tuple[str, Any], ...], Format] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)

    def format(self, **said: Any) -> Format:
        """A cell format."""
        key = tuple(sorted({"valign": "top", **said}.items()))
        if key not in self.formats:
            self.formats[key] = self.workbook.add_format(dict(key))
        return self.formats[key]

    def sheet(self, name: str, ending: str = "") -> Sheet:
        """A worksheet with a name that Excel takes and no other one has."""
        plain = _FORBIDDEN.sub(" ", name).strip(" '") or "sheet"
        if plain.lower() == "history":  # Excel keeps this name for itself
            plain += "_"
        number, shown = 1, plain[: _LONGEST_NAME - len(ending)] + ending
        while shown.lower() in self.taken:
            number += 1
            tail = f" {number}{ending}"
            shown = plain[: _LONGEST_NAME - len(tail)] + tail
        self.taken.add(shown.lower())
        made = self.workbook.add_worksheet(shown)
        made.hide_gridlines(2)
        return Sheet(self, made, shown)


@dataclass
class Sheet:
    """A worksheet that is filled row by row."""

    book: Book
    worksheet: Worksheet
    name: str
    row: int = 0

    def title(self, text: str, *below: str) -> None:
        """The heading, lines beneath it, and an empty row."""
        self.worksheet.write_string(0, 0, text, self.book.format(bold=True, font_size=14))
        for number, line in enumerate(below, start=1):
            self.worksheet.write_string(number, 0, line, self.book.format(font_color="#606060"))
        self.row = len(below) + 2

    def header(
        self, names: Sequence[str], widths: Sequence[int], numbers: Container[int] = ()
    ) -> None:
        """A header that stays in sight, on screen and on every printed page.

        Over `numbers`, which stand to the right, names do too. A row is as high as its names need:
        not every program does that by itself.
        """
        said = {"bold": True, "bg_color": "#E4EAF0", "bottom": 1, "text_wrap": True}
        lines = 1
        for column, (name, width) in enumerate(zip(names, widths, strict=True)):
            look = self.book.format(**said, **({"align": "right"} if column in numbers else {}))
            self.worksheet.write_string(self.row, column, name, look)
            self.worksheet.set_column(column, column, width)
            lines = max(lines, math.ceil(len(name) * _BOLD / width))
        self.worksheet.set_row(self.row, _LINE * lines)
        self.worksheet.freeze_panes(self.row + 1, 1)
        self.worksheet.repeat_rows(self.row)
        self.row += 1

    def write(self, column: int, value: Any, **said: Any) -> None:
        """One cell of the current row; nothing for None and for what is no number."""
        look = self.book.format(**said)
        at = (self.row, column)
        if isinstance(value, bool):
            self.worksheet.write_boolean(*at, value, look)
        elif isinstance(value, datetime | date):
            if "num_format" not in said:
                look = self.book.format(num_format=DATE, align="left", **said)
            self.worksheet.write_datetime(*at, value, look)
        elif isinstance(value, int | float) and math.isfinite(value):
            self.worksheet.write_number(*at, value, look)
        elif isinstance(value, str) and value:
            self.worksheet.write_string(*at, value, look)

    def figure(self, column: int, row: Row, name: str, of: str = "of") -> None:
        """A value of a row in its unit; "17 of 19" where a percentage would be bare."""
        number = row[name]
        if row["status"] == "suppressed":
            return
        if name == "value" and row.get("value_date") is not None:
            self.write(column, row["value_date"])
        elif row["unit"] == "share" and bare_percentage(row) and name in ("value", "low", "high"):
            counted = row.get("counted")
            if name == "value" and counted is not None:
                self.write(column, f"{counted:.0f} {of} {row['n']}", align="right")
        else:
            shown = number_format(row["unit"], row["currency"], number)
            self.write(column, number, num_format=shown)

    def status(self, column: int, status: str, text: str) -> None:
        """The status, with a colour where it is a judgement."""
        colour = _STATUS_COLOURS.get(status)
        self.write(column, text, **({"bg_color": colour} if colour else {}))

    def printed(self, footer: str) -> None:
        """A4, landscape, as wide as a page."""
        self.worksheet.set_landscape()
        self.worksheet.set_paper(9)
        self.worksheet.fit_to_pages(1, 0)
        self.worksheet.set_margins(left=0.5, right=0.5, top=0.6, bottom=0.7)
        self.worksheet.set_footer(f"&L{footer.replace('&', '&&')}&C&A&R&P / &N")
