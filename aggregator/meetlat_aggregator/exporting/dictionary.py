"""The data dictionary: every table, column and KPI with its meaning, as lines for any format."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

import duckdb

from meetlat_aggregator.exporting.flat import Table
from meetlat_aggregator.reader.published import rows
from meetlat_aggregator.reader.words import Language

HEAD = ("what", "table", "name", "type", "meaning")
_FORMULA = re.compile(r"[=+@\t\r＝＋－＠-]")
_INTRODUCTION = """# Data dictionary

Hours are UTC; days, weeks and months are the company's own. An absent dimension is `''`, never
empty. No row is about one person, and a team below the privacy limit is `(small)`. In CSV a text
that begins with `=`, `+`, `-` or `@` has an apostrophe in front, so that no spreadsheet takes it
for a formula; Parquet has it as it is.
"""


@dataclass(frozen=True, slots=True)
class Line:
    """One thing and what it means. `what` is table, column or kpi."""

    what: str
    table: str
    name: str
    type: str
    meaning: str


def lines(
    con: duckdb.DuckDBPyConnection, tables: Sequence[Table], language: Language
) -> list[Line]:
    """Every KPI, then every table and its columns."""
    found = []
    for row in rows(con, "SELECT * FROM kpi_catalog ORDER BY level, kpi"):
        title, question, definition = (
            row[f"{part}_{language}"] or row[f"{part}_en"] or ""
            for part in ("title", "question", "definition")
        )
        meaning = " ".join(filter(None, (f"{title}.", question, definition)))
        found.append(Line("kpi", "kpi_values", row["kpi"], row["unit"] or "", meaning))
    for table in tables:
        found.append(Line("table", table.name, "", "", table.meaning))
        found += [Line("column", table.name, c.name, c.type, c.meaning) for c in table.columns]
    return found


def write_csv(found: Sequence[Line], path: Path) -> None:
    """`dictionary.csv`."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEAD)
        for line in found:
            writer.writerow(f"'{t}" if _FORMULA.match(t) else t for t in astuple(line))


def write_markdown(found: Sequence[Line], path: Path) -> None:
    """`dictionary.md`."""
    text = _INTRODUCTION + "\n## KPIs\n\n| KPI | unit | meaning |\n| --- | --- | --- |\n"
    for line in found:
        if line.what == "kpi":
            text += f"| `{line.name}` | {line.type} | {_cell(line.meaning)} |\n"
        elif line.what == "table":
            text += f"\n## `{line.table}`\n\n"
            text += f"{line.meaning}.\n\n" if line.meaning else ""
            text += "| column | type | meaning |\n| --- | --- | --- |\n"
        else:
            text += f"| `{line.name}` | {line.type} | {_cell(line.meaning)} |\n"
    path.write_text(text, "utf-8")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
