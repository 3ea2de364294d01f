"""The same event log from CSV, gzip, Parquet and Excel makes the same events."""

from __future__ import annotations

import builtins
import csv
import gzip
import io
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.importing import PLAIN, ROWS, data_of, prepared

from meetlat.errors import MeetlatError

MAP = PLAIN + '[segment]\ncolumn = "size"\n[value]\ncolumn = "amount"\ncurrency = "EUR"\n'
ZONED = MAP.replace('"time" }', '"time", zone = "Europe/Amsterdam" }')
NINE = datetime(2026, 3, 2, 9, 0, 0, 123000, tzinfo=UTC)
HEAD = ["case", "activity", "time", "size", "amount", "note"]
# Typed as a file has them: numbers for cases, times without a zone, empty cells.
TYPED: list[list[Any]] = [
    [7.0, "asked", datetime(2026, 3, 2, 9), 1.5, 100, None],  # noqa: DTZ001 - as a sheet has it
    [7.0, " sent ", datetime(2026, 3, 2, 11), None, None, True],  # noqa: DTZ001
    [7.0, "closed", date(2026, 3, 3), None, None, "done"],
]
TEXT = (
    "case,activity,time,size,amount,note\n"
    "7,asked,2026-03-02 09:00,1.5,100,\n"
    "7,sent,2026-03-02 11:00,,,true\n"
    "7,closed,2026-03-03,,,done\n"
)


def excel(path: Path, *sheets: tuple[str, list[list[Any]]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets:
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def test_an_excel_file_says_what_the_csv_says(tmp_path: Path) -> None:
    file = excel(tmp_path / "log.xlsx", ("Log", [HEAD, *TYPED]))
    done = prepared(tmp_path, file, ZONED)
    assert done.events == prepared(tmp_path, TEXT, ZONED).events
    assert data_of(done)["7"]["segment"] == "1.5"
    assert data_of(done)["7"]["requested"] == "2026-03-02T08:00:00.000000Z"


def test_a_sheet_is_chosen_by_its_name_and_a_missing_one_told(tmp_path: Path) -> None:
    file = excel(tmp_path / "log.xlsx", ("Read me", [["hello"]]), ("Log", [HEAD, *TYPED]))
    chosen = ZONED + '[file]\nsheet = "Log"\n'
    assert len(prepared(tmp_path, file, chosen).events) == 1
    with pytest.raises(MeetlatError, match="no sheet 'Logs'; it has 'Read me', 'Log'"):
        prepared(tmp_path, file, ZONED + '[file]\nsheet = "Logs"\n')
    with pytest.raises(MeetlatError, match="the columns are 'hello'"):
        prepared(tmp_path, file, ZONED)


def test_bad_rows_of_a_sheet_have_their_row_and_blank_ones_are_passed_over(
    tmp_path: Path,
) -> None:
    rows = [HEAD, [None] * 6, TYPED[0], [8, "asked", "soon", None, None, None]]
    done = prepared(tmp_path, excel(tmp_path / "log.xlsx", ("Log", rows)), ZONED)
    (told,) = done.told()
    assert told.startswith("row 4: time: 'soon'")


def test_a_damaged_excel_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "log.xlsx").write_bytes(b"no workbook")
    with pytest.raises(MeetlatError, match="is no Excel file that can be read"):
        prepared(tmp_path, tmp_path / "log.xlsx", ZONED)


def parquet(path: Path, **columns: Any) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


def test_a_parquet_file_says_what_the_csv_says(tmp_path: Path) -> None:
    local = [
        datetime(2026, 3, 2, 9),  # noqa: DTZ001 - as a file has it
        datetime(2026, 3, 2, 11),  # noqa: DTZ001
        datetime(2026, 3, 3),  # noqa: DTZ001
    ]
    file = parquet(
        tmp_path / "log.parquet",
        case=pa.array([7, 7, 7]),
        activity=pa.array(["asked", "sent", "closed"]).dictionary_encode(),
        time=pa.array(local, pa.timestamp("us")),
        size=pa.array([1.5, None, None]),
        amount=pa.array([Decimal(100), None, None], pa.decimal128(9, 0)),
        note=pa.array([None, "true", "done"]),
    )
    assert prepared(tmp_path, file, ZONED).events == prepared(tmp_path, TEXT, ZONED).events


def test_parquet_times_with_a_zone_keep_it_and_nanoseconds_are_cut(tmp_path: Path) -> None:
    moment = pa.array([1_772_442_000_123_456_789], pa.timestamp("ns", "Europe/Amsterdam"))
    file = parquet(tmp_path / "log.parquet", case=["a"], activity=["asked"], time=moment)
    assert data_of(prepared(tmp_path, file))["a"]["requested"] == "2026-03-02T09:00:00.123456Z"


def test_bad_rows_of_parquet_have_their_number(tmp_path: Path) -> None:
    file = parquet(
        tmp_path / "l.parquet", case=["a", None], activity=["asked"] * 2, time=[NINE] * 2
    )
    assert prepared(tmp_path, file).told() == ["row 2: names no case"]


def test_a_file_that_is_no_parquet_is_told(tmp_path: Path) -> None:
    (tmp_path / "log.parquet").write_bytes(b"no table")
    with pytest.raises(MeetlatError, match="is no Parquet file"):
        prepared(tmp_path, tmp_path / "log.parquet")


def test_gzip_and_other_encodings_and_delimiters_are_read(tmp_path: Path) -> None:
    plain = prepared(tmp_path, ROWS).events
    (tmp_path / "log.csv.gz").write_bytes(gzip.compress(ROWS.encode()))
    assert prepared(tmp_path, tmp_path / "log.csv.gz").events == plain
    (tmp_path / "marked.csv").write_bytes(ROWS.encode("utf-8-sig"))
    assert prepared(tmp_path, tmp_path / "marked.csv").events == plain
    (tmp_path / "wide.csv").write_bytes(ROWS.replace(",", "\t").encode("utf-16"))
    how = '[file]\ndelimiter = "\\t"\nencoding = "utf-16"\n'
    assert prepared(tmp_path, tmp_path / "wide.csv", PLAIN + how).events == plain
    (tmp_path / "west.csv").write_bytes(
        "case,activity,time\né,asked,2026-03-02T09:00Z\n".encode("cp1252")
    )
    with pytest.raises(MeetlatError, match=r'is not text in UTF-8; .*encoding = "cp1252"'):
        prepared(tmp_path, tmp_path / "west.csv")
    how = '[file]\nencoding = "cp1252"\n'
    assert set(data_of(prepared(tmp_path, tmp_path / "west.csv", PLAIN + how))) == {"é"}


@pytest.mark.parametrize(("mark", "said"), [(";", '";"'), ("\t", r'"\t"'), ("|", '"|"')])
def test_another_delimiter_is_recognised_and_said(mark: str, said: str, tmp_path: Path) -> None:
    other = ROWS.replace(",", mark)
    with pytest.raises(MeetlatError) as caught:
        prepared(tmp_path, other)
    assert f"say in the map: [file] delimiter = {said}" in str(caught.value)
    plain = prepared(tmp_path, ROWS).events
    assert prepared(tmp_path, other, PLAIN + f"[file]\ndelimiter = {said}\n").events == plain


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    whole = gzip.compress(ROWS.encode() * 500)
    (tmp_path / "cut.csv.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(MeetlatError, match=r"is damaged.*get a whole copy"):
        prepared(tmp_path, tmp_path / "cut.csv.gz")
    with pytest.raises(MeetlatError, match=r"line 3: .*convert it"):
        prepared(tmp_path, ROWS.splitlines()[0] + '\na,b,c\na,"b"x,c\n')


@pytest.mark.parametrize("name", ["log.txt", "log", "log.parquet.gz", "log.xlsx.gz", "log.json"])
def test_another_kind_of_file_is_wrong_use(name: str, tmp_path: Path) -> None:
    with pytest.raises(click.UsageError, match="is none of"):
        prepared(tmp_path, tmp_path / name)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    for name in ("log.csv", "log.xlsx", "log.parquet"):
        with pytest.raises(MeetlatError, match="No such file"):
            prepared(tmp_path, tmp_path / name)


@pytest.mark.parametrize(
    ("name", "module", "says"),
    [("log.xlsx", "python_calamine", "python-calamine"), ("log.parquet", "pyarrow", "pyarrow")],
)
def test_a_reader_that_is_not_installed_is_told(
    name: str, module: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: Callable[..., Any] = builtins.__import__

    def without(wanted: str, *more: Any, **named: Any) -> Any:
        if wanted.partition(".")[0] == module:
            raise ModuleNotFoundError(name=module)
        return found(wanted, *more, **named)

    (tmp_path / name).write_bytes(b"x")
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MeetlatError, match=f"needs {says}.*install meetlat.server"):
        prepared(tmp_path, tmp_path / name)


def test_the_readers_are_loaded_only_when_they_are_needed(tmp_path: Path) -> None:
    import subprocess

    code = (
        "import sys; import meetlat.commands.import_; "
        "print(sorted({'pyarrow', 'python_calamine', 'duckdb', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout == "[]\n"


def test_cells_that_hold_line_breaks_and_quotes_are_read(tmp_path: Path) -> None:
    out = io.StringIO()
    csv.writer(out).writerows(
        [["case", "activity", "time", "note"], ["a", "asked", NINE.isoformat(), 'x\n"y", z']]
    )
    assert set(data_of(prepared(tmp_path, out.getvalue()))) == {"a"}


def test_a_time_of_any_offset_in_a_typed_cell_is_the_same_moment(tmp_path: Path) -> None:
    east = NINE.astimezone(timezone(timedelta(hours=5, minutes=30)))
    file = parquet(tmp_path / "l.parquet", case=["a"], activity=["asked"], time=[east])
    assert data_of(prepared(tmp_path, file))["a"]["requested"] == "2026-03-02T09:00:00.123000Z"
