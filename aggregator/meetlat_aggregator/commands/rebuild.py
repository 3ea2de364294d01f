"""`meetlat rebuild`: every table anew from the archive, compared with what is there."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import click
import duckdb

from meetlat.errors import MeetlatError
from meetlat.settings import DATA, DEDUP_DAYS, EVENTS_TOPIC, Settings
from meetlat_aggregator.archive import Archive
from meetlat_aggregator.commands.common import (
    data_option,
    settings_from,
    start_logging,
    table,
)
from meetlat_aggregator.control import NotRunningError, ask
from meetlat_aggregator.database import BrokenDatabaseError, DataDirectory, unusable
from meetlat_aggregator.rebuild import rebuild_file, rebuild_store, swap
from meetlat_aggregator.store import Store

_EPILOG = """\b
Examples:
  meetlat rebuild
  meetlat rebuild --accept
"""
Show = Callable[[int, int], None]


@click.command("rebuild", epilog=_EPILOG, short_help="Recompute every table from the archive.")
@click.option("--accept", is_flag=True, help="Swap the new tables in although they differ.")
@data_option
def rebuild(accept: bool, data: str | None) -> int:
    """Recompute every table from the archive into a new file, and compare.

    Equal: the new file takes the old one's place. Different: the differences are printed, exit
    status 1, and --accept is needed. Works beside a running aggregator, which pauses meanwhile.
    """
    settings = settings_from(data=data)
    start_logging(settings)
    if not settings[DATA].is_dir():
        raise MeetlatError(f"there is no data directory {settings[DATA]}", remedy="give --data")
    with click.progressbar(
        length=1, label="recomputing", file=sys.stderr, hidden=not sys.stderr.isatty()
    ) as bar:

        def show(done: int, total: int) -> None:
            bar.length = max(total, 1)
            bar.update(done - bar.pos)

        answer = _rebuild(settings, accept, show)
    if answer["differences"]:
        click.echo(
            table(
                ["table", "only before", "only rebuilt"],
                [
                    [row["table"], row["only_before"], row["only_rebuilt"]]
                    for row in answer["differences"]
                ],
            )
        )
    if not answer["swapped"]:
        click.echo("the tables differ, and nothing was changed; --accept swaps the new ones in")
        return 1
    if answer.get("compared", True):
        click.echo("rebuilt: " + ("accepted" if answer["differences"] else "all tables are equal"))
    else:
        click.echo("rebuilt from the archive; what it lacks is read from the log at the next start")
    return 0


def _rebuild(settings: Settings, accept: bool, show: Show) -> dict[str, Any]:
    try:
        for message in ask(settings[DATA], "rebuild", accept=accept):
            if "progress" in message:
                show(*message["progress"])
            else:
                answer: dict[str, Any] = message["answer"]
        return answer
    except NotRunningError:
        return asyncio.run(_by_itself(settings, accept, show))


async def _by_itself(settings: Settings, accept: bool, show: Show) -> dict[str, Any]:
    store = Store(settings)
    try:
        await store.open()
        return await rebuild_store(store, accept=accept, progress=show)
    except (BrokenDatabaseError, duckdb.Error) as error:
        found: MeetlatError | duckdb.Error = error
        if isinstance(found, duckdb.Error):
            found = unusable(store.directory.database, found)
        if not accept or not isinstance(found, BrokenDatabaseError):
            raise found from None
        click.echo(f"{found.message}; making it anew from the archive", err=True)
    finally:
        await store.close()
    return _from_archive(settings, show)


def _from_archive(settings: Settings, show: Show) -> dict[str, Any]:
    """The database cannot be read: all that is left are the archive and the log."""
    directory = DataDirectory(settings[DATA])
    try:
        target = directory.path / "rebuild.duckdb"
        rebuild_file(
            target,
            Archive(directory.path / "archive"),
            settings[EVENTS_TOPIC],
            timedelta(days=settings[DEDUP_DAYS]),
            None,
            show,
        )
        if directory.database.exists():
            broken = directory.database.with_name("aggregator.duckdb.broken")
            directory.database.replace(broken)
            click.echo(f"the old file is kept as {broken}", err=True)
        swap(target, directory.database)
    finally:
        directory.release()
    return {"differences": [], "swapped": True, "compared": False}
