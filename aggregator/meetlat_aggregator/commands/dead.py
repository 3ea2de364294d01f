"""`meetlat dead`: look at dead letters, send them again, accept a bad stretch."""

from __future__ import annotations

import asyncio

import click

from meetlat.errors import MeetlatError
from meetlat.settings import DATA, EVENTS_TOPIC, Settings
from meetlat_aggregator.commands.common import (
    data_option,
    format_option,
    log_option,
    print_rows,
    settings_from,
    start_logging,
)
from meetlat_aggregator.control import NotRunningError, ask
from meetlat_aggregator.dead_letters import DeadLetter, read_letters, reading, send_again
from meetlat_aggregator.poison import must_be_in_log
from meetlat_aggregator.store import Store

_EPILOG = """\b
Examples:
  meetlat dead list
  meetlat dead show meetlat.events.v1/0/1234
  meetlat dead replay --all
  meetlat dead accept --until 2000
"""


@click.group("dead", epilog=_EPILOG, short_help="Dead letters: list, show, replay, accept.")
def dead() -> None:
    """Records that do not fit the contract are kept byte for byte, with the reason."""


@dead.command("list", epilog="Example: meetlat dead list --limit 20", short_help="The newest ones.")
@click.option("--limit", default=50, show_default=True, help="How many at most.")
@format_option
@log_option
@data_option
def list_(limit: int, form: str, log: str | None, data: str | None) -> None:
    """List dead letters: where each came from, when, and what was wrong."""
    settings = settings_from(log=log, data=data)
    letters = _read(settings)[-limit:]
    if not letters and form == "table":
        click.echo(f"there are no dead letters in {settings.log}")
        return
    print_rows(
        ["origin", "at", "error", "bytes"],
        [[x.origin, x.at.isoformat(timespec="seconds"), x.error, len(x.value)] for x in letters],
        form,
    )


@dead.command("show", epilog="Example: meetlat dead show meetlat.events.v1/0/1234")
@click.argument("origin")
@log_option
@data_option
def show_(origin: str, log: str | None, data: str | None) -> None:
    """Show one dead letter; ORIGIN is topic/partition/offset, as `meetlat dead list` prints."""
    letter = _find(_read(settings_from(log=log, data=data)), origin)
    click.echo(f"error: {letter.error}" + (" (cut at 900 KiB)" if letter.cut else ""), err=True)
    click.echo(letter.value)


@dead.command("replay", epilog="Example: meetlat dead replay --all")
@click.argument("origins", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every dead letter there is.")
@log_option
@data_option
def replay(origins: tuple[str, ...], everything: bool, log: str | None, data: str | None) -> int:
    """Send dead letters through the real path once more, after what was wrong is mended.

    An event that was counted before does not count twice; one that is still bad is dead again.
    """
    settings = settings_from(log=log, data=data)
    if everything == bool(origins):
        raise click.UsageError("name the ORIGINS to replay, or give --all")
    letters = _read(settings)
    chosen = letters if everything else [_find(letters, origin) for origin in origins]
    if not chosen:
        click.echo("there are no dead letters")
        return 1
    asyncio.run(send_again(settings, chosen))
    click.echo(f"{len(chosen)} records sent again")
    return 0


@dead.command("accept", epilog="Example: meetlat dead accept --partition 3 --until 2000")
@click.option("--until", type=click.IntRange(min=0), required=True, help="Below this offset.")
@click.option("--partition", default=0, show_default=True, help="Of this partition.")
@log_option
@data_option
def accept(until: int, partition: int, log: str | None, data: str | None) -> None:
    """Accept a bad stretch: the aggregator may go on past it, into dead letters.

    Only of what is in the log already.
    """
    settings = settings_from(log=log, data=data)
    start_logging(settings)
    if not settings[DATA].is_dir():
        raise MeetlatError(f"there is no data directory {settings[DATA]}", remedy="give --data")
    try:
        for _ in ask(settings[DATA], "accept", partition=partition, until=until):
            pass
    except NotRunningError:
        asyncio.run(_accept_by_itself(settings, partition, until))
    click.echo(f"bad records of partition {partition} below offset {until} are accepted")


async def _accept_by_itself(settings: Settings, partition: int, until: int) -> None:
    async with reading(settings, settings[EVENTS_TOPIC]) as reader:
        must_be_in_log(await reader.end_offsets(), partition, until)
    store = Store(settings)
    await store.open()
    try:
        await store.accept_poison(partition, until)
    finally:
        await store.close()


def _read(settings: Settings) -> list[DeadLetter]:
    start_logging(settings)

    async def collect() -> list[DeadLetter]:
        return [letter async for letter in read_letters(settings)]

    return asyncio.run(collect())


def _find(letters: list[DeadLetter], origin: str) -> DeadLetter:
    for letter in letters:
        if letter.origin == origin:
            return letter
    raise MeetlatError(f"there is no dead letter {origin}", remedy="see `meetlat dead list`")
