"""`meetlat export`: the figures as files, for people and for programs."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from meetlat.settings import DATA
from meetlat_aggregator.commands.common import data_option, settings_from
from meetlat_aggregator.exporting.export import FORMATS, Order
from meetlat_aggregator.exporting.export import export as write
from meetlat_aggregator.reader.choose import Wish
from meetlat_aggregator.reader.period import Period, period_option
from meetlat_aggregator.reader.published import open_published
from meetlat_aggregator.reader.words import Language

_EPILOG = """\b
Examples:
  meetlat export --to figures
  meetlat export --to figures --format xlsx --use-case quotes --period 2026-11
  meetlat export --to nightly --format parquet
"""


def _formats(_: click.Context, __: click.Parameter, text: str) -> list[str]:
    found = [name.strip() for name in text.split(",") if name.strip()]
    unknown = next((name for name in found if name not in FORMATS), None)
    if unknown is not None or not found:
        raise click.BadParameter(f"{unknown or text!r} is none of {', '.join(FORMATS)}")
    return found


@click.command("export", epilog=_EPILOG, short_help="The figures as Excel, CSV and Parquet.")
@click.option(
    "--to", "target", metavar="DIR", required=True, type=click.Path(path_type=Path),
    help="Directory of the files; made when it is not there.",
)  # fmt: skip
@click.option(
    "--format", "formats", callback=_formats, metavar="LIST", default=",".join(FORMATS),
    show_default=True, help="Which files, with commas between.",
)  # fmt: skip
@click.option("--use-case", metavar="ID", help="Of this use case only.")
@click.option(
    "--period", callback=period_option, metavar="PERIOD",
    help="Only what lies in it: 2026-11-25, 2026-W48, 2026-11, 2026-Q4, 2026, 28d or go-live. "
    "Without it, everything; the workbook's tables show the last 28 days then.",
)  # fmt: skip
@click.option(
    "--lang", type=click.Choice(["en", "nl"]), default="en", show_default=True,
    help="Language of the workbook and of the KPIs in the dictionary.",
)  # fmt: skip
@click.option("--force", is_flag=True, help="Write into a directory that holds other files.")
@data_option
def export(
    target: Path,
    formats: list[str],
    use_case: str | None,
    period: Period | None,
    lang: Language,
    force: bool,
    data: str | None,
) -> None:
    """Write meetlat-kpis.xlsx, csv/, parquet/ and a data dictionary into a directory.

    They are of one publication, and appear when all are complete. A directory with an earlier
    export is brought up to date; one with other files is refused.
    """
    wish = Wish(period, use_case) if period else Wish(use_case=use_case)
    order = Order(wish, period is not None, formats, lang)
    with (
        open_published(settings_from(data=data)[DATA]) as con,
        click.progressbar(
            length=100, label="exporting", file=sys.stderr, hidden=not sys.stderr.isatty()
        ) as bar,
    ):
        made = write(
            con, target, order, force=force,
            progress=lambda done, total: bar.update(100 * done // total - bar.pos),
        )  # fmt: skip
    click.echo(f"{len(made)} files in {target}: {_summary(made)}")


def _summary(made: list[str]) -> str:
    folders = {name.split("/")[0] + "/" for name in made if "/" in name}
    return ", ".join(sorted(folders) + [name for name in made if "/" not in name])
