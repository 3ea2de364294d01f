"""What the aggregator's commands share: settings from options, tables and formats."""

from __future__ import annotations

import csv
import io
import logging
import sys
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import click
import msgspec

from meetlat.errors import MeetlatError
from meetlat.settings import LOG_LEVEL, Settings

data_option = click.option(
    "--data", metavar="DIR", help="Data directory (MEETLAT_DATA).", default=None
)
log_option = click.option(
    "--log", "log", metavar="ADDRESS", help="embedded:DIR or kafka://… (MEETLAT_LOG).", default=None
)
format_option = click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "csv"]),
    default="table",
    show_default=True,
    help="How to print.",
)


def settings_from(**given: str | None) -> Settings:
    """Settings with the options that were given: `data` for MEETLAT_DATA, and so on."""
    return Settings(
        overrides={f"MEETLAT_{name.upper()}": text for name, text in given.items() if text}
    )


def start_logging(settings: Settings) -> None:
    """Log lines to standard error; libraries only from warnings on."""
    logging.basicConfig(
        level=settings[LOG_LEVEL],
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    # What Kafka's client tells of a broker that is away is in our own error, in one line.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    for noisy in ("kafka", "uvicorn"):
        logging.getLogger(noisy).setLevel(max(logging.ERROR, logging.getLogger().level))


class _Digits(str):
    """A decimal as it is written: 0.000000000, where Python says 0E-9. It stays text in JSON."""


_NUMBERS = (int, float, _Digits)


def _plain(cell: Any) -> Any:
    return _Digits(f"{cell:f}") if isinstance(cell, Decimal) else cell


def print_rows(names: Sequence[str], rows: Sequence[Sequence[Any]], form: str) -> None:
    """Print rows as a table for people, or as JSON or CSV for programs."""
    rows = [[_plain(cell) for cell in row] for row in rows]
    if form == "json":
        doubled = next((name for name in names if names.count(name) > 1), None)
        if doubled is not None:
            raise MeetlatError(
                f"two columns are called {doubled}, and JSON would hold one of them",
                remedy=f"name them apart, as `… AS {doubled}_2`",
            )
        click.echo(
            msgspec.json.encode(
                [dict(zip(names, row, strict=True)) for row in rows], enc_hook=str
            ).decode()
        )
        return
    if form == "csv":
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(names)
        writer.writerows(rows)
        click.echo(text.getvalue(), nl=False)
        return
    click.echo(table(names, rows))


def table(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A plain table: numbers right, text left."""
    shown = [["" if cell is None else str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(names, *shown, strict=True)]
    numeric = [
        bool(rows) and all(isinstance(row[i], _NUMBERS) or row[i] is None for row in rows)
        for i in range(len(names))
    ]

    def line(cells: Sequence[str]) -> str:
        return "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(cells, widths, numeric, strict=True)
        ).rstrip()

    return "\n".join([line(names), line(["─" * width for width in widths]), *map(line, shown)])


def human_bytes(count: int) -> str:
    """A number of bytes for people."""
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
