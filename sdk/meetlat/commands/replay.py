"""`meetlat replay`: events from a file, through the real path, as they are."""

from __future__ import annotations

import re

import click

from meetlat._transports import open_transport
from meetlat.commands.common import SHOWN, list_refused, progress_bar
from meetlat.commands.replay_rows import open_rows
from meetlat.commands.replay_send import Outcome, Replay
from meetlat.settings import PSEUDONYM_KEY, PSEUDONYM_KEY_ID, Settings

_SPEED = re.compile(r"([0-9]+(?:\.[0-9]+)?)x")
_EPILOG = """\b
Examples:
  meetlat replay events.ndjson
  meetlat replay events.csv.gz --endpoint http://collector:4318
  meetlat replay events.parquet --speed 60x
"""


def _factor(_: click.Context, __: click.Parameter, text: str) -> float | None:
    if text == "max":
        return None
    found = _SPEED.fullmatch(text)
    if found is None or not float(found[1]):
        raise click.BadParameter(f"{text!r} is neither max nor a factor, as 1x or 60x")
    return float(found[1])


@click.command("replay", epilog=_EPILOG, short_help="Send events from a file.")
@click.argument("file")
@click.option(
    "--speed", callback=_factor, metavar="Nx|max", default="max", show_default=True,
    help="Event time against the clock: 1x as it was, 60x an hour in a minute, any N above 0.",
)  # fmt: skip
@click.option("--endpoint", metavar="ADDRESS", help="Where to send (MEETLAT_ENDPOINT).")
def replay(file: str, speed: float | None, endpoint: str | None) -> int:
    """Send the events of FILE: .ndjson, .jsonl or .csv (also .gz), .parquet, or - for NDJSON.

    They keep id, source and time, so that a second replay adds nothing. What is older than a day
    is marked as history, which takes any age. Rows that are refused are listed with their line
    and reason, and the exit status is 1 then.
    """
    settings = Settings(overrides={"MEETLAT_ENDPOINT": endpoint} if endpoint else {})
    with open_rows(file) as (length, rows, word):
        transport = open_transport(settings)
        try:
            with progress_bar("replaying", length) as progress:
                outcome = Replay(
                    transport,
                    speed,
                    settings[PSEUDONYM_KEY].reveal(),
                    settings[PSEUDONYM_KEY_ID] or None,
                    progress=progress,
                ).run(rows)
        finally:
            transport.close(5.0)
    _tell(outcome, word)
    return 1 if outcome.refused else 0


def _tell(outcome: Outcome, word: str) -> None:
    list_refused(
        [f"{word} {number}: {reason}" for number, reason in sorted(outcome.refused)[:SHOWN]],
        len(outcome.refused),
    )
    for name, count in sorted(outcome.unknown.items()):
        click.echo(f"{count} events of the unknown type {name}: kept, not counted", err=True)
    click.echo(f"{outcome.sent} sent, {len(outcome.refused)} refused")
