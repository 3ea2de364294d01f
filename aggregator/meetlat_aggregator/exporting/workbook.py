"""`meetlat-kpis.xlsx`: what a person opens. A sheet per use case, months, and the dictionary."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import duckdb
from xlsxwriter.exceptions import FileCreateError
from xlsxwriter.workbook import Workbook

from meetlat_aggregator.exporting.charts import chart, weeks
from meetlat_aggregator.exporting.dictionary import HEAD, Line
from meetlat_aggregator.exporting.sheet import Book, Sheet
from meetlat_aggregator.reader import page
from meetlat_aggregator.reader.choose import Wish, health, in_phase, window
from meetlat_aggregator.reader.form import Form, comparable
from meetlat_aggregator.reader.published import Row, rows
from meetlat_aggregator.reader.words import Language, word
from meetlat_aggregator.sqlfiles import sql

NAME = "meetlat-kpis.xlsx"
MOST_MONTHS = 50_000  # rows: a sheet that people can still use
_CHART_ROWS = 16
_FIRST_CHARTS = 20  # below this row two lines of charts do not fit on the first printed page
_NUMBERS = frozenset(
    {"value", "low", "high", "n", "baseline", "change", "change low", "change high"}
)
_TEXT: dict[str, Any] = {"align": "left", "indent": 1}  # kept off the number to its left
_COLUMNS = {
    "kpi": 30, "segment": 16, "value": 13, "low": 12, "high": 12, "n": 9, "baseline": 12,
    "target": 18, "change": 12, "change low": 13, "change high": 13, "basis": 11, "status": 18,
    "remark": 40,
}  # fmt: skip
_MONTHS = {
    "month": 12, "use case": 20, "kpi": 30, "id": 22, "team": 16, "segment": 16, "value": 13,
    "low": 12, "high": 12, "n": 9, "baseline": 12, "change": 12, "change low": 13,
    "change high": 13, "basis": 11, "phase": 12, "status": 18, "closed": 9,
}  # fmt: skip


def _numbers(columns: Iterable[str]) -> list[int]:
    """Which of the columns hold numbers."""
    return [place for place, name in enumerate(columns) if name in _NUMBERS]


def write_workbook(
    con: duckdb.DuckDBPyConnection,
    path: Path,
    wish: Wish,
    days: tuple[date, date] | None,
    dictionary: Sequence[Line],
    language: Language,
) -> None:
    """Write the workbook. `wish` says the period of the tables, `days` bounds weeks and months."""
    ((as_of, timezone),) = con.execute("SELECT as_of, timezone FROM meta").fetchall()
    workbook = Workbook(
        str(path), {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    )
    # The moment of the figures, not of writing: the same publication gives the same file.
    workbook.set_properties({"title": "Meetlat", "created": as_of or datetime(1970, 1, 1)})  # noqa: DTZ001
    book = Book(workbook)
    writer = _Writer(con, book, wish, days, as_of or datetime(1970, 1, 1), timezone, language)  # noqa: DTZ001
    writer.use_cases()
    writer.months()
    writer.dictionary(dictionary)
    try:
        workbook.close()
    except FileCreateError as error:
        raise OSError(str(error)) from None


class _Writer:
    """The sheets of one workbook."""

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        book: Book,
        wish: Wish,
        days: tuple[date, date] | None,
        as_of: datetime,
        timezone: str,
        language: Language,
    ) -> None:
        self.con, self.book, self.wish, self.days = con, book, wish, days
        self.as_of, self.timezone, self.language = as_of, timezone, language
        self.form = Form(language)
        self.footer = f"Meetlat · {word('as of', language)} {as_of:%Y-%m-%d %H:%M} UTC"

    def use_cases(self) -> None:
        """A sheet per use case, one of its weeks, and an overview in front of them all."""
        everything = replace(self.wish, everything=True)
        found = rows(self.con, sql("reader/values"), everything.given())
        by_segment = replace(everything, every_segment=True)
        segments = rows(self.con, sql("reader/values"), by_segment.given())
        overview = self.book.sheet(word("overview", self.language))
        cases: list[tuple[Sheet, list[Row]]] = []
        for use_case, group in groupby(found, key=lambda row: row["use_case"]):
            of_it = list(group)
            planned = [row for row in of_it if row["planned"] and in_phase(row)]
            shown = planned or of_it
            kpis = {row["kpi"] for row in shown}
            apart = [
                row for row in segments
                if row["use_case"] == use_case and row["segment"] and row["kpi"] in kpis
            ]  # fmt: skip
            cases.append((self._use_case(use_case, shown, apart), shown))
        self._overview(overview, cases)

    def _head(self, shown: Sequence[Row]) -> str:
        days = window(shown, self.wish, self.as_of)
        return page.head(shown, self.wish.period.name, days, self.as_of, self.language)

    def _overview(self, sheet: Sheet, cases: Sequence[tuple[Sheet, list[Row]]]) -> None:
        language = self.language
        shown = [row for _, of_it in cases for row in of_it]
        days = window(shown, self.wish, self.as_of)
        sheet.title(
            "Meetlat",
            self._head(shown),
            page.health_line(health(self.con, days, self.timezone), self.form),
        )
        statuses = ("on target", "undecided", "off target", "other")
        names = ["use case", "phase", "live since", *statuses]
        widths = [34, 18, 14, 14, 18, 14, 14]
        sheet.header([word(name, language) for name in names], widths, range(3, len(names)))
        for case, of_it in cases:
            link = f"internal:'{case.name.replace(chr(39), chr(39) * 2)}'!A1"
            look = self.book.format(font_color="#1F5FA8", underline=1)
            sheet.worksheet.write_url(sheet.row, 0, link, look, case.name)
            sheet.write(1, page.phase(of_it, language))
            sheet.write(2, of_it[0]["go_live"])
            counts = dict.fromkeys(statuses, 0)
            for row in of_it:
                counts[row["status"] if row["status"] in counts else "other"] += 1
            for column, count in enumerate(counts.values(), start=3):
                sheet.write(column, count)
            sheet.row += 1
        sheet.printed(self.footer)

    def _use_case(self, use_case: str, shown: list[Row], apart: list[Row]) -> Sheet:
        language = self.language
        name = shown[0]["name"] or use_case or word("none named", language)
        sheet = self.book.sheet(name)
        sheet.title(name, self._head(shown))
        names = [word(column, language) for column in _COLUMNS]
        sheet.header(names, list(_COLUMNS.values()), _numbers(_COLUMNS))
        for row in shown:
            self._row(sheet, row)
        if apart:
            sheet.row += 1
            sheet.write(0, word("per segment", language), bold=True)
            sheet.row += 1
            for row in apart:
                self._row(sheet, row)
        until = self.days[1] if self.days else None
        found = rows(self.con, sql("export/weeks"), {"use_case": use_case, "until": until})
        if found:
            self._weeks(sheet, shown, found, name)
        sheet.printed(self.footer)
        return sheet

    def _weeks(self, sheet: Sheet, shown: list[Row], found: list[Row], name: str) -> None:
        language = self.language
        data = self.book.sheet(name, f" {word('weekly', language)}")
        data.title(f"{name}, {word('weekly', language)}", word("weeks left empty", language))
        first = data.row + 1
        courses = weeks(data, shown, found, language)
        breaks: list[int] = []
        data.printed(self.footer)
        sheet.row += 1
        drawn = [course for course in courses if "value" in course.filled]
        for place, course in enumerate(drawn):
            # Two beside each other; four on a printed page, and none over its edge.
            if (place and place % 4 == 0) or (place == 0 and sheet.row > _FIRST_CHARTS):
                breaks.append(sheet.row)
            chart(sheet, data, course, (first, data.row - 1), language, place % 2)
            if place % 2 or course is drawn[-1]:
                sheet.row += _CHART_ROWS
        sheet.worksheet.set_h_pagebreaks(breaks)

    def _row(self, sheet: Sheet, row: Row) -> None:
        language, of = self.language, word("of", self.language)
        sheet.write(0, page.title(row, language))
        sheet.write(1, row["segment"])
        for column, name in enumerate(("value", "low", "high"), start=2):
            sheet.figure(column, row, name, of)
        if row["status"] != "suppressed":
            sheet.write(5, row["n"], num_format="#,##0")
            self._baseline(sheet, 6, row)
        sheet.write(7, self.form.target(row), **_TEXT)
        self._change(sheet, 8, row)
        sheet.write(11, word(row["basis"], language) if row["basis"] else None, **_TEXT)
        sheet.status(12, row["status"], word(row["status"], language))
        remarks = [page.compared_note(row, self.form), *page.remarks(row, language)]
        sheet.write(13, "; ".join(filter(None, remarks)), text_wrap=True)
        sheet.row += 1

    def _baseline(self, sheet: Sheet, column: int, row: Row) -> None:
        """The baseline; of a share, only when it rests on enough."""
        if self.form.baseline(row).startswith("n ="):
            sheet.write(column, self.form.baseline(row), align="right")
        else:
            sheet.figure(column, row, "baseline")

    def _change(self, sheet: Sheet, column: int, row: Row) -> None:
        if comparable(row):
            for offset, ending in enumerate(("", "_low", "_high")):
                sheet.write(column + offset, row[f"improvement{ending}"], num_format="0%")

    def months(self) -> None:
        """Values of all months, one row each, to filter and to pivot."""
        language = self.language
        sheet = self.book.sheet(word("monthly values", language))
        since, until = self.days or (None, None)
        given = {
            "since": since, "until": until, "use_case": self.wish.use_case,
            "most": MOST_MONTHS + 1,
        }  # fmt: skip
        found = rows(self.con, sql("export/months"), given)
        lines = [word("months say", language)]
        if len(found) > MOST_MONTHS:
            found = found[:MOST_MONTHS]
            lines.append(word("months cut", language).format(self.form.number(MOST_MONTHS)))
        sheet.title(word("monthly values", language), *lines)
        head = sheet.row
        names = [word(column, language) for column in _MONTHS]
        sheet.header(names, list(_MONTHS.values()), _numbers(_MONTHS))
        for row in found:
            self._month(sheet, row)
        sheet.worksheet.autofilter(head, 0, max(head, sheet.row - 1), len(_MONTHS) - 1)
        sheet.printed(self.footer)

    def _month(self, sheet: Sheet, row: Row) -> None:
        language, of = self.language, word("of", self.language)
        sheet.write(0, row["start"].date())
        names = (row["name"] or row["use_case"], page.title(row, language), row["kpi"])
        for column, text in enumerate((*names, row["team"], row["segment"]), start=1):
            sheet.write(column, text)
        for column, name in enumerate(("value", "low", "high"), start=6):
            sheet.figure(column, row, name, of)
        if row["status"] != "suppressed":
            sheet.write(9, row["n"], num_format="#,##0")
            self._baseline(sheet, 10, row)
        self._change(sheet, 11, row)
        sheet.write(14, word(row["basis"], language) if row["basis"] else None, **_TEXT)
        phase = row["phase"]
        if phase:
            sheet.write(15, word("before go-live" if phase == "baseline" else phase, language))
        sheet.status(16, row["status"], word(row["status"], language))
        sheet.write(17, row["closed"])
        sheet.row += 1

    def dictionary(self, found: Sequence[Line]) -> None:
        """Every KPI, table and column with its meaning."""
        sheet = self.book.sheet(word("data dictionary", self.language))
        sheet.title(word("data dictionary", self.language))
        head = sheet.row
        sheet.header(HEAD, [9, 26, 28, 18, 100])
        for line in found:
            bold = {"bold": True} if line.what == "table" else {}
            cells = (line.what, line.table, line.name, line.type)
            for column, text in enumerate(cells):
                sheet.write(column, text, **bold)
            sheet.write(4, line.meaning, text_wrap=True, **bold)
            sheet.row += 1
        sheet.worksheet.autofilter(head, 0, max(head, sheet.row - 1), len(HEAD) - 1)
        sheet.printed(self.footer)
