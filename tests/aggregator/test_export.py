# ruff: noqa: DTZ001 - DuckDB's and Excel's times are naive
"""`meetlat export`: what is in the files, and that a directory is never left half-written."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet
from support.commanding import Done, run
from support.kpi_file import (
    AS_OF,
    CATALOGUE,
    insert,
    kpi_file,
    lead_time,
    publish_empty,
    value,
    writing,
)
from xlsxwriter.workbook import Workbook

from meetlat_aggregator.exporting import flat, workbook
from meetlat_aggregator.exporting.sheet import Book

# What values are made of, which nobody asks for in a workbook.
INSIDE = {"kpi_components", "kpi_buckets", "kpi_months", "kpi_month_buckets", "kpi_pending"}
HUGE = 2**100 + 1  # no float holds it


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export")
    path = kpi_file(folder)
    with writing(path) as con:
        con.execute(
            "INSERT INTO interactions_hourly BY NAME SELECT TIMESTAMP '2026-10-31 23:00:00' AS "
            f"hour, 'quotes' AS use_case, 'bot' AS tool, {HUGE}::HUGEINT AS duration_sum, "
            "0.000000001 AS cost"
        )
        con.execute("INSERT INTO kpi_components (kpi, n) VALUES ('lead_time', 1)")
    return folder


@pytest.fixture(scope="module")
def made(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole export."""
    target = tmp_path_factory.mktemp("made") / "figures"
    done = export(data, target)
    assert done.out.endswith("csv/, parquet/, dictionary.csv, dictionary.md, meetlat-kpis.xlsx\n")
    return target


@pytest.fixture(scope="module")
def book(made: Path) -> Iterator[openpyxl.Workbook]:
    opened = openpyxl.load_workbook(made / "meetlat-kpis.xlsx")
    yield opened
    opened.close()


def export(data: Path, target: Path, *words: str) -> Done:
    done = run("export", "--to", str(target), *words, data=data)
    assert (done.status, done.err) == (0, ""), done
    return done


def refused(done: Done, status: int, said: str) -> None:
    assert done.status == status, done
    assert done.err.startswith("meetlat: ")
    assert done.err.count("\n") == 1
    assert re.search(said, done.err), done.err


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*") if path.is_file()
    }  # fmt: skip


def table(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / "csv" / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def parquet(folder: Path, name: str, what: str = "*") -> list[tuple[Any, ...]]:
    with duckdb.connect() as con:
        return con.execute(f"SELECT {what} FROM '{folder}/parquet/{name}.parquet'").fetchall()


def sheet(book: openpyxl.Workbook, name: str) -> Worksheet:
    found = book[name]
    assert isinstance(found, Worksheet)
    return found


def head(found: Worksheet) -> int:
    """The row of the header: the one above which nothing moves."""
    assert found.freeze_panes is not None
    return int(re.sub(r"\D", "", str(found.freeze_panes))) - 1


def records(found: Worksheet) -> list[dict[str, Any]]:
    """The cells under the header, by its names."""
    row = head(found)
    names = [cell.value for cell in found[row]]
    return [dict(zip(names, cells, strict=True)) for cells in found.iter_rows(min_row=row + 1)]


def record(found: Worksheet, kpi: str, segment: str | None = None) -> dict[str, Any]:
    (one,) = (r for r in records(found) if r["KPI"].value == kpi and r["segment"].value == segment)
    return one


# --- CSV and Parquet


def test_every_published_table_is_there_and_what_values_are_made_of_is_not(
    data: Path, made: Path
) -> None:
    with duckdb.connect(str(data / "kpi.duckdb"), read_only=True) as con:
        tables = {name for (name,) in con.execute("SHOW TABLES").fetchall()}
    tables -= INSIDE
    assert "kpi_values" in tables and "interactions_hourly" in tables
    for form in ("csv", "parquet"):
        assert {path.name for path in (made / form).iterdir()} == {f"{t}.{form}" for t in tables}


def test_csv_has_every_row_and_column_in_utf8_with_a_header_and_in_order(
    data: Path, made: Path
) -> None:
    rows = table(made, "kpi_values")
    with duckdb.connect(str(data / "kpi.duckdb"), read_only=True) as con:
        cursor = con.execute("SELECT * FROM kpi_values")
        assert list(rows[0]) == [column[0] for column in cursor.description or ()]
        assert len(rows) == len(cursor.fetchall())
    keys = ("period", "start", "use_case", "team", "segment", "part", "kpi")
    order = [tuple(row[key] for key in keys) for row in rows]
    assert order == sorted(order)
    assert [row["day"] for row in table(made, "usage_daily")] == ["2026-10-02", "2026-11-20"]
    text = (made / "csv" / "kpi_values.csv").read_bytes()
    assert not text.startswith(b"\xef\xbb\xbf")
    assert b"\r" not in text


@pytest.mark.parametrize("text", ["=1+1", "+31", "-x", "@SUM(A1)", "\tx", "＝1", "plain"])
def test_no_text_of_a_csv_is_a_formula_and_parquet_has_it_as_it_is(
    tmp_path: Path, text: str
) -> None:
    with writing(kpi_file(tmp_path)) as con:
        con.execute("UPDATE usage_daily SET tool = ?, uses = -5", [text])
        con.execute("UPDATE use_cases SET name = ?", [text])
    target = tmp_path / "to"
    export(tmp_path, target)
    row = table(target, "usage_daily")[0]
    assert row["tool"] == (text if text == "plain" else f"'{text}")
    assert row["uses"] == "-5"  # a number is no text
    assert parquet(target, "usage_daily", "DISTINCT tool") == [(text,)]
    for found in openpyxl.load_workbook(target / "meetlat-kpis.xlsx"):
        for cells in found.iter_rows():
            assert not [cell for cell in cells if cell.data_type == "f"]


def test_dictionary_csv_has_no_formula_either(tmp_path: Path) -> None:
    with writing(kpi_file(tmp_path)) as con:
        con.execute("COMMENT ON TABLE use_cases IS '=HYPERLINK(1)'")
    export(tmp_path, tmp_path / "to", "--format", "csv")
    assert ",'=HYPERLINK(1)\n" in (tmp_path / "to" / "dictionary.csv").read_text()


def test_numbers_in_parquet_are_exact(made: Path) -> None:
    assert parquet(made, "interactions_hourly", "max(duration_sum)::HUGEINT") == [(HUGE,)]
    with duckdb.connect() as con:
        kinds = dict(
            con.execute(
                f"SELECT column_name, column_type FROM (DESCRIBE FROM "
                f"'{made}/parquet/interactions_hourly.parquet')"
            ).fetchall()
        )
    assert (kinds["duration_sum"], kinds["cost"]) == ("DECIMAL(38,0)", "DECIMAL(38,9)")
    assert str(HUGE) in {row["duration_sum"] for row in table(made, "interactions_hourly")}


def test_use_case_and_period_choose_rows_of_every_table(data: Path, tmp_path: Path) -> None:
    export(data, tmp_path / "a", "--use-case", "service", "--format", "csv,parquet")
    for name in ("kpi_values", "usage_daily", "targets", "use_cases"):
        assert {row["use_case"] for row in table(tmp_path / "a", name)} == {"service"}
    assert table(tmp_path / "a", "interactions_hourly") == []
    assert len(table(tmp_path / "a", "kpi_catalog")) == len(CATALOGUE)
    export(data, tmp_path / "b", "--period", "2026-11", "--format", "csv,parquet")
    assert [row["use_case"] for row in table(tmp_path / "b", "usage_daily")] == ["quotes"]
    starts = {row["start"] for row in table(tmp_path / "b", "kpi_values")}
    assert min(starts) == "2026-11-01 00:00:00"
    assert max(starts) == "2026-11-24 00:00:00"
    # Half past midnight on 1 November in Amsterdam is October in UTC.
    hours = [row["hour"] for row in table(tmp_path / "b", "data_health")]
    assert hours == ["2026-10-31 23:30:00", "2026-11-20 10:00:00"]
    hours = [row["hour"] for row in table(tmp_path / "b", "interactions_hourly")]
    assert hours == ["2026-10-31 23:00:00", "2026-11-20 10:00:00"]
    assert parquet(tmp_path / "b", "usage_daily", "use_case") == [("quotes",)]


def test_rows_of_hours_are_chosen_by_their_moment_not_by_the_companys_clock(
    tmp_path: Path,
) -> None:
    with writing(kpi_file(tmp_path)) as con:
        for hour in (
            "2026-10-31 22:00",
            "2026-10-31 23:00",
            "2026-11-30 22:00",
            "2026-11-30 23:00",
        ):
            row = lead_time(period="hour", start=datetime.fromisoformat(hour))
            insert(con, [row])
    export(tmp_path, tmp_path / "to", "--period", "2026-11", "--format", "csv")
    rows = table(tmp_path / "to", "kpi_values")
    hours = [row["start"] for row in rows if row["period"] == "hour"]
    assert hours == ["2026-10-31 23:00:00", "2026-11-30 22:00:00"]


# --- the workbook


def test_there_is_a_sheet_per_use_case_one_of_months_and_a_dictionary(
    book: openpyxl.Workbook,
) -> None:
    assert book.sheetnames == [
        "Overview", "Quotes", "Quotes weekly", "Customer service", "Recruiting", "Monthly values",
        "Data dictionary",
    ]  # fmt: skip


def test_values_are_numbers_in_the_format_of_their_unit(book: openpyxl.Workbook) -> None:
    found = sheet(book, "Quotes")
    row = record(found, "Lead time")
    assert (row["value"].value, row["value"].number_format) == (24, '#,##0.0" h"')
    assert (row["low"].value, row["high"].value, row["n"].value) == (21.5, 26, 412)
    assert (row["baseline"].value, row["target"].value) == (72, "50 to 70 % better")
    assert (row["change"].value, row["change"].number_format) == (2 / 3, "0%")
    assert (row["basis"].value, row["status"].value) == ("measured", "on target")
    saving = record(found, "Cost saving")
    assert (saving["value"].value, saving["value"].number_format) == (1234.4, '"€ "#,##0.00')
    failed = record(found, "Failed calls")
    assert (failed["value"].value, failed["value"].number_format) == (0.024, "0.0%")
    date = record(found, "Paid for itself")["value"]
    assert (date.value, date.number_format) == (datetime(2027, 2, 14), "yyyy-mm-dd")


def test_a_money_target_that_nobody_measured_is_in_the_companys_currency(
    book: openpyxl.Workbook,
) -> None:
    row = record(sheet(book, "Customer service"), "Repair cost")
    assert (row["value"].value, row["target"].value) == (None, "≤ € 250")


def test_a_share_of_few_is_a_text_and_a_suppressed_value_is_empty(
    book: openpyxl.Workbook,
) -> None:
    few = record(sheet(book, "Quotes"), "At most two revisions")
    assert [few[name].value for name in ("value", "low", "high", "baseline", "change")] == [
        "17 of 19", None, None, "n = 12", None,
    ]  # fmt: skip
    hidden = record(sheet(book, "Recruiting"), "Satisfaction")
    numbers = ("value", "low", "high", "n", "baseline", "change")
    assert [hidden[name].value for name in numbers] == [None] * 6
    assert hidden["status"].value == "hidden for privacy"


def test_a_suppressed_row_with_numbers_in_the_file_has_none_in_the_workbook(
    tmp_path: Path,
) -> None:
    with writing(kpi_file(tmp_path)) as con:
        con.execute(
            "UPDATE kpi_values SET status = 'suppressed', value = 0.98765, baseline = 0.98765, "
            "n = 98765, low = 0.98765, high = 0.98765, improvement = 0.98765"
        )
    export(tmp_path, tmp_path / "to", "--format", "xlsx")
    for found in openpyxl.load_workbook(tmp_path / "to" / "meetlat-kpis.xlsx"):
        for cells in found.iter_rows(values_only=True):
            assert not [cell for cell in cells if "98765" in str(cell)], found.title


def test_segments_stand_beneath_the_totals(book: openpyxl.Workbook) -> None:
    found = sheet(book, "Quotes")
    assert record(found, "Lead time", "standard")["change"].value == 0.5
    assert record(found, "Lead time", "complex")["change"].value == 0.1
    names = [row["KPI"].value for row in records(found)]
    assert names.index("Per segment") > names.index("Paid for itself")


def test_headers_stay_in_sight_and_pages_are_set_up_for_printing(
    book: openpyxl.Workbook,
) -> None:
    for found in book:
        assert isinstance(found, Worksheet)
        row = head(found)
        assert found.cell(row, 1).font.bold
        assert found.print_title_rows == f"${row}:${row}"
        assert (found.page_setup.orientation, found.page_setup.paperSize) == ("landscape", 9)
        assert found.sheet_properties.pageSetUpPr.fitToPage  # one page wide, any number high
        assert (found.page_setup.fitToWidth or 1, found.page_setup.fitToHeight) == (1, 0)
        assert "2026-11-25 04:30 UTC" in str(found.oddFooter.left.text)
        assert found.column_dimensions["A"].width > 8


def test_a_chart_shows_the_weeks_beside_baseline_and_target(book: openpyxl.Workbook) -> None:
    found, data = sheet(book, "Quotes"), sheet(book, "Quotes weekly")
    first, last = head(data) + 1, data.max_row
    assert last - first == 19
    charts = {_title(chart): chart for chart in found._charts}
    assert set(charts) == {"Lead time", "Failed calls"}
    names = [cell.value for cell in data[head(data)]]
    lines = {}
    for series in charts["Lead time"].series:
        assert series.cat.numRef.f == f"'Quotes weekly'!$A${first}:$A${last}"
        column, *rows = re.findall(r"\$([A-Z]+)\$(\d+)", series.val.numRef.f)[0]
        assert rows == [str(first)]
        assert series.val.numRef.f.endswith(f"${last}")
        lines[series.tx.v] = names[openpyxl.utils.column_index_from_string(column) - 1]
    assert lines == {
        "value": "Lead time: value", "baseline": "Lead time: baseline",
        "target": "Lead time: target",
    }  # fmt: skip
    # Without a baseline there is no line of it.
    assert {s.tx.v for s in charts["Failed calls"].series} == {"value", "target"}
    places = [chart.anchor._from for chart in found._charts]
    assert min(place.row for place in places) >= found.max_row  # below the tables
    assert places[0].row == places[1].row
    assert places[0].col < places[1].col  # beside each other
    assert found.row_breaks.brk == []  # all on the first page


def _title(chart: Any) -> str:
    return "".join(run.t for p in chart.title.tx.rich.p for run in p.r or ())


def test_the_sheet_of_weeks_has_dates_and_leaves_out_what_says_too_little(
    book: openpyxl.Workbook,
) -> None:
    data = sheet(book, "Quotes weekly")
    rows = records(data)
    weeks = [row["week"].value for row in rows]
    assert weeks == sorted(weeks)
    assert weeks[-1] == datetime(2026, 11, 16)
    assert rows[-1]["Lead time: value"].value == 24
    # 72 hours and half of them: that has to be reached; 70 % better is the ambition.
    assert [rows[-1][f"Lead time: {line}"].value for line in ("baseline", "target")] == [72, 36]
    few = weeks.index(datetime(2026, 11, 16) - timedelta(weeks=5))
    shares = [row["Failed calls: value"].value for row in rows]
    assert [i for i, share in enumerate(shares) if share is None] == [few]
    assert rows[-1]["Failed calls: target"].value == 0.01


def test_monthly_values_can_be_filtered_and_are_dates_and_numbers(
    book: openpyxl.Workbook,
) -> None:
    found = sheet(book, "Monthly values")
    rows = records(found)
    assert found.auto_filter.ref == f"A{head(found)}:R{found.max_row}"
    lead = [r for r in rows if r["id"].value == "lead_time"]
    assert [(r["month"].value, r["value"].value, r["closed"].value) for r in lead] == [
        (datetime(2026, 11, 1), 24, False), (datetime(2026, 10, 1), 25, True),
        (datetime(2026, 9, 1), 40, True),
    ]  # fmt: skip


def test_too_many_months_are_cut_and_the_sheet_says_where_the_rest_is(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbook, "MOST_MONTHS", 3)
    export(data, tmp_path / "to", "--format", "xlsx")
    found = openpyxl.load_workbook(tmp_path / "to" / "meetlat-kpis.xlsx")["Monthly values"]
    assert found["A3"].value == (
        "Only the newest 3 rows: all of them are in kpi_values (CSV, Parquet)."
    )
    assert found.max_row == 5 + 3


def test_the_overview_counts_judgements_and_tells_what_is_missing(
    book: openpyxl.Workbook,
) -> None:
    found = sheet(book, "Overview")
    assert found["A3"].value == (
        "Data: 10,001 received; 12 dropped, 2 refused, 3 late, 1 dead, 44 unpriced"
    )
    (quotes, *_) = records(found)
    assert quotes["use case"].hyperlink.location == "'Quotes'!A1"
    counts = ("on target", "undecided", "off target", "other")
    assert [quotes[name].value for name in counts] == [1, 1, 1, 2]
    assert quotes["live since"].value == datetime(2026, 3, 2)


def test_every_table_column_and_kpi_has_its_line_in_each_dictionary(
    data: Path, made: Path, book: openpyxl.Workbook
) -> None:
    with duckdb.connect(str(data / "kpi.duckdb"), read_only=True) as con:
        columns = con.execute(
            "SELECT table_name, column_name, coalesce(comment, '') FROM duckdb_columns() "
            f"WHERE NOT internal AND table_name NOT IN {tuple(INSIDE)}"
        ).fetchall()
    with (made / "dictionary.csv").open(newline="") as file:
        lines = [tuple(row.values()) for row in csv.DictReader(file)]
    told = {(line[1], line[2], line[4]) for line in lines if line[0] == "column"}
    assert told == set(columns)
    assert len([line for line in lines if line[0] == "column"]) == len(columns)
    kpis = {line[2]: line[4] for line in lines if line[0] == "kpi"}
    assert set(kpis) == {row[0] for row in CATALOGUE}
    assert kpis["lead_time"] == "Lead time. Lead time? What lead_time is"
    page = (made / "dictionary.md").read_text()
    assert all(f"`{name}`" in page for _, name, _ in columns)
    cells = [
        tuple(cell.value or "" for cell in row.values())
        for row in records(sheet(book, "Data dictionary"))
    ]
    assert cells == lines


def test_dutch_has_its_own_sheets_titles_and_definitions(data: Path, tmp_path: Path) -> None:
    export(data, tmp_path / "to", "--lang", "nl", "--format", "xlsx")
    found = openpyxl.load_workbook(tmp_path / "to" / "meetlat-kpis.xlsx")
    assert found.sheetnames[0::2] == [
        "Overzicht",
        "Quotes per week",
        "Recruiting",
        "Begrippenlijst",
    ]
    names = [cell.value for cell in found["Quotes"]["A"]]
    assert "Doorlooptijd" in names
    assert "Wat lead_time is" in (tmp_path / "to" / "dictionary.md").read_text()


@pytest.mark.parametrize(
    ("names", "sheets"),
    [
        (["a/b:c*?[d]\\", "History", "''"], ["a b c   d", "History_", "sheet"]),
        (["Same", "same", "SAME"], ["Same", "same 2", "SAME 3"]),
        (["x" * 40, "x" * 40], ["x" * 31, "x" * 29 + " 2"]),
    ],
)
def test_a_sheet_has_a_name_that_excel_takes(
    tmp_path: Path, names: list[str], sheets: list[str]
) -> None:
    with Workbook(str(tmp_path / "names.xlsx")) as made:
        book = Book(made)
        assert [book.sheet(name).name for name in names] == sheets


def test_a_use_case_without_planned_kpis_shows_those_with_data(tmp_path: Path) -> None:
    with writing(kpi_file(tmp_path)) as con:
        con.execute("DELETE FROM targets")
    export(tmp_path, tmp_path / "to", "--format", "xlsx")
    found = openpyxl.load_workbook(tmp_path / "to" / "meetlat-kpis.xlsx")["Quotes"]
    assert "Response time (p95)" in [cell.value for cell in found["A"]]


def test_the_period_of_the_workbook_is_the_one_asked_for(data: Path, tmp_path: Path) -> None:
    export(data, tmp_path / "to", "--format", "xlsx", "--period", "2026-09")
    found = openpyxl.load_workbook(tmp_path / "to" / "meetlat-kpis.xlsx")
    quotes, weeks = found["Quotes"], found["Quotes weekly"]
    assert isinstance(quotes, Worksheet) and isinstance(weeks, Worksheet)
    assert record(quotes, "Lead time")["value"].value == 40
    assert str(quotes["A2"].value).startswith("month 2026-09 · 2026-09-01 to 2026-09-30")
    assert records(weeks)[-1]["week"].value == datetime(2026, 9, 28)


def test_before_anything_was_measured_there_is_an_export_too(tmp_path: Path) -> None:
    with writing(kpi_file(tmp_path)) as con:
        for name in ("kpi_values", "targets", "use_cases", "data_health", "usage_daily"):
            con.execute(f"DELETE FROM {name}")
        con.execute("UPDATE meta SET as_of = NULL")
    export(tmp_path, tmp_path / "to")
    found = openpyxl.load_workbook(tmp_path / "to" / "meetlat-kpis.xlsx")
    assert found.sheetnames == ["Overview", "Monthly values", "Data dictionary"]
    assert table(tmp_path / "to", "kpi_values") == []


def test_numbers_that_are_none_leave_their_cells_empty(tmp_path: Path) -> None:
    with writing(kpi_file(tmp_path)) as con:
        odd = {"value": float("nan"), "low": float("-inf"), "high": float("inf")}
        insert(con, [value("quotes", "satisfaction", n=50, status="undecided", **odd)])
        con.execute("INSERT INTO targets (use_case, kpi) VALUES ('quotes', 'satisfaction')")
    export(tmp_path, tmp_path / "to", "--format", "xlsx")
    quotes = openpyxl.load_workbook(tmp_path / "to" / "meetlat-kpis.xlsx")["Quotes"]
    assert isinstance(quotes, Worksheet)
    row = record(quotes, "Satisfaction")
    assert [row[name].value for name in ("value", "low", "high")] == [None] * 3


# --- the directory


def test_the_same_publication_gives_the_same_bytes(data: Path, made: Path, tmp_path: Path) -> None:
    export(data, tmp_path / "again")
    assert files(tmp_path / "again") == files(made)


def test_the_manifest_says_of_when_and_what(made: Path) -> None:
    said = json.loads((made / "export.json").read_text())
    assert said["as_of"] == f"{AS_OF:%Y-%m-%dT%H:%M:%S}Z"
    assert (said["period"], said["use_case"]) == ("all", "all")
    assert sorted([*said["files"], "export.json"]) == sorted(files(made))


def test_an_earlier_export_is_replaced_and_its_other_files_go(data: Path, tmp_path: Path) -> None:
    target = tmp_path / "to"
    export(data, target)
    export(data, target, "--format", "csv", "--use-case", "service")
    names = {name.split("/")[0] for name in files(target)}
    assert names == {"csv", "dictionary.csv", "dictionary.md", "export.json"}
    assert {path.name for path in target.iterdir()} == names
    assert {row["use_case"] for row in table(target, "kpi_values")} == {"service"}


def test_a_directory_with_other_files_is_refused_and_stays_as_it_is(
    data: Path, tmp_path: Path
) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "mine.txt").write_text("mine")
    done = run("export", "--to", str(tmp_path), data=data)
    refused(done, 1, r"holds other files \(sub/mine.txt\); .*--force")
    assert files(tmp_path) == {"sub/mine.txt": b"mine"}


def test_force_writes_beside_other_files_and_keeps_them(data: Path, tmp_path: Path) -> None:
    (tmp_path / "csv").mkdir()
    (tmp_path / "csv" / "mine.csv").write_text("mine")
    (tmp_path / "export.json").write_text('{"files": ["../outside", "/etc/passwd", "mine"]}')
    for _ in range(2):  # the second time it finds an export and a stranger
        export(data, tmp_path, "--force", "--format", "csv")
    export(data, tmp_path, "--force", "--format", "parquet")
    assert (tmp_path / "csv" / "mine.csv").read_text() == "mine"
    assert [path.name for path in (tmp_path / "csv").iterdir()] == ["mine.csv"]


@pytest.mark.parametrize("exists", [True, False])
def test_an_export_that_fails_leaves_all_as_it_was(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exists: bool
) -> None:
    target = tmp_path / "to"
    if exists:
        export(data, target, "--use-case", "service")
    before = files(tmp_path)

    def fail(*_: object) -> None:
        raise duckdb.IOException("no space left")

    monkeypatch.setattr(flat, "write_parquet", fail)
    refused(run("export", "--to", str(target), data=data), 1, "the export failed: .*no space left")
    assert files(tmp_path) == before
    assert target.exists() == exists
    assert len(list(tmp_path.iterdir())) == exists


def test_a_name_that_is_a_file_and_a_place_that_cannot_be_are_refused(
    data: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("x")
    refused(run("export", "--to", str(tmp_path / "file"), data=data), 1, "is not a directory")
    below = str(tmp_path / "file" / "below")
    refused(run("export", "--to", below, data=data), 1, "cannot write to .*Not a directory")


def test_wrong_use_and_what_is_not_there_are_told(data: Path, tmp_path: Path) -> None:
    to = ("export", "--to", str(tmp_path / "to"))
    refused(run("export", data=data), 2, "Missing option '--to'")
    refused(run(*to, "--format", "xls", data=data), 2, "'xls' is none of xlsx, csv, parquet")
    refused(run(*to, "--format", ",", data=data), 2, "is none of")
    refused(run(*to, "--period", "soon", data=data), 2, "is no period")
    refused(run(*to, "--use-case", "x", data=data), 1, "there is no use case 'x'; there are: hr")
    refused(run(*to, "--period", "2020", data=data), 1, "no KPI values for 2020; there are: ")
    refused(run(*to, data=tmp_path), 1, "kpi.duckdb is not there")
    assert not (tmp_path / "to").exists()


def test_a_file_without_kpi_tables_is_refused(tmp_path: Path) -> None:
    with writing(publish_empty(tmp_path)) as con:
        con.execute("DROP TABLE IF EXISTS kpi_values")
    done = run("export", "--to", str(tmp_path / "to"), data=tmp_path)
    refused(done, 1, "has no KPI values: .*; an older version wrote it")
