"""`meetlat kpi`: the KPI values, with what they rest on."""

from __future__ import annotations

import click

from meetlat.settings import DATA
from meetlat_aggregator.commands.common import (
    data_option,
    format_option,
    print_rows,
    settings_from,
)
from meetlat_aggregator.reader import page
from meetlat_aggregator.reader.changes import changed_most
from meetlat_aggregator.reader.choose import Wish, course, find, health, window
from meetlat_aggregator.reader.form import Form
from meetlat_aggregator.reader.period import Period, period_option
from meetlat_aggregator.reader.published import open_published, rows
from meetlat_aggregator.reader.words import Language, word

_EPILOG = """\b
Examples:
  meetlat kpi
  meetlat kpi --use-case quotes --period 2026-11
  meetlat kpi --all --part --segment standard --format csv
"""


@click.command("kpi", epilog=_EPILOG, short_help="The KPI values.")
@click.option("--use-case", metavar="ID", help="Of this use case only.")
@click.option(
    "--period", callback=period_option, metavar="PERIOD", default="28d", show_default=True,
    help="2026-11-25, 2026-W48, 2026-11, 2026-Q4, 2026, 28d or go-live.",
)  # fmt: skip
@click.option("--team", metavar="TEAM", default="", help="Of this team instead of the whole.")
@click.option("--segment", metavar="SEGMENT", default="", help="Of this segment only.")
@click.option("--part", is_flag=True, help="Show the parts of a KPI beneath it.")
@click.option("--all", "everything", is_flag=True, help="Every KPI with data, planned or not.")
@click.option(
    "--lang", type=click.Choice(["en", "nl"]), default="en", show_default=True,
    help="Language of the table.",
)  # fmt: skip
@format_option
@data_option
def kpi(
    use_case: str | None,
    period: Period,
    team: str,
    segment: str,
    part: bool,
    everything: bool,
    lang: Language,
    form: str,
    data: str | None,
) -> None:
    """Show the KPIs that the plan names: value, range, n, baseline, target, change and status.

    JSON and CSV hold the columns of the table kpi_values as they are.
    """
    wish = Wish(period, use_case, team, segment, part, everything)
    with open_published(settings_from(data=data)[DATA]) as con:
        found = find(con, wish)
        if form != "table":
            raw = [row["column_name"] for row in rows(con, "DESCRIBE kpi_values")]
            print_rows(raw, [[row[name] for name in raw] for row in found.shown], form)
            return
        figures = Form(lang)
        ((as_of, timezone),) = con.execute("SELECT as_of, timezone FROM meta").fetchall()
        days = window(found.shown, wish, as_of)
        blocks = [page.head(found.shown, period.name, days, as_of, lang)]
        blocks += page.tables(found.shown, figures)
        if not found.shown:
            blocks.append(word("nothing named", lang))
        last = list(page.changes(changed_most(course(con, wish)), found.shown, figures))
        if found.other_phase:
            names = ", ".join(page.title(row, lang) for row in found.other_phase)
            last.append(f"{names}: {word('other phase', lang)}")
        last.append(page.health_line(health(con, days, timezone), figures))
    click.echo("\n\n".join([*blocks, "\n".join(last)]))
