"""`meetlat import`: the event log of a business process, as events through the real path."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import click

from meetlat._transports import open_transport
from meetlat.commands.common import list_refused, progress_bar
from meetlat.commands.replay_rows import Row
from meetlat.commands.replay_send import Outcome, Replay
from meetlat.contract.pseudonym import is_pseudonym, pseudonym
from meetlat.errors import MeetlatError, SettingError
from meetlat.imports.mapping_file import load_map
from meetlat.imports.moments import micros
from meetlat.imports.picture import account, picture
from meetlat.imports.preparing import Prepared, prepare
from meetlat.imports.reading import open_log
from meetlat.settings import PSEUDONYM_KEY, PSEUDONYM_KEY_ID, Settings

_EPILOG = """\b
Examples:
  meetlat import orders.csv --map orders.toml --dry-run
  meetlat import orders.csv --map orders.toml
  meetlat import tickets.xlsx --map tickets.toml --endpoint http://collector:4318
"""


@click.command("import", epilog=_EPILOG, short_help="Events from the log of a business process.")
@click.argument("file")
@click.option("--map", "map_", metavar="MAP.toml", required=True, help="What its columns mean.")
@click.option("--dry-run", is_flag=True, help="Show what would come of it; send nothing.")
@click.option("--skip-bad", is_flag=True, help="Leave bad rows out; the exit status is 1 then.")
@click.option("--with-worker", is_flag=True, help="Keep the worker, as a pseudonym.")
@click.option("--endpoint", metavar="ADDRESS", help="Where to send (MEETLAT_ENDPOINT).")
def import_(
    file: str, map_: str, dry_run: bool, skip_bad: bool, with_worker: bool, endpoint: str | None
) -> int:
    """Turn FILE, an event log of a business process, into task or resolution events.

    FILE is .csv (also .gz), .parquet or Excel: a row per thing that happened, with the case,
    the activity and the time. The map says what they mean. One event is made per case, so that a
    baseline comes out of what a company already has.

    All events are made and checked before the first one is sent. A second import of the same file
    adds nothing. Bad rows are listed with their line, and then nothing is imported unless
    --skip-bad is given.
    """
    settings = Settings(overrides={"MEETLAT_ENDPOINT": endpoint} if endpoint else {})
    said = load_map(map_)
    workers = _Workers(settings) if with_worker else None
    if workers is not None and said.worker is None:
        raise click.UsageError(f"--with-worker: {map_} names no `worker` column")
    now = micros(datetime.now(UTC))
    with open_log(file, said.file) as log, progress_bar("reading", log.length) as progress:
        done = prepare(log, said, now, workers, progress)
    list_refused(done.told(), done.bad)
    _tell(account(done))
    if workers is not None:
        _tell(workers.told())
    if dry_run:
        click.echo("")
        _tell(picture(done))
        click.echo("\nnothing was sent (--dry-run)")
        return 1 if done.bad else 0
    if done.bad and not skip_bad:
        raise MeetlatError(
            f"nothing was imported: {done.bad} bad rows or cases in {file}",
            remedy="mend the file or the map, or leave them out with --skip-bad",
        )
    outcome = _send(done, settings)
    list_refused([f"event {n}: {why}" for n, why in sorted(outcome.refused)], len(outcome.refused))
    click.echo(f"{outcome.sent:,} sent, {len(outcome.refused):,} refused")
    return 1 if done.bad or outcome.refused else 0


def _tell(lines: Iterator[str]) -> None:
    for line in lines:
        click.echo(line)


def _send(done: Prepared, settings: Settings) -> Outcome:
    transport = open_transport(settings)
    try:
        with progress_bar("sending", len(done.events)) as progress:
            sending = Replay(transport, progress=progress, word="event", verb="import")
            return sending.run(
                Row(number, event, number) for number, event in enumerate(done.events, 1)
            )
    finally:
        transport.close(5.0)


class _Workers:
    """Makes pseudonyms of workers, and counts those that had to be left out."""

    def __init__(self, settings: Settings) -> None:
        self._key = settings[PSEUDONYM_KEY].reveal()
        self._key_id = settings[PSEUDONYM_KEY_ID] or None
        self._known: dict[str, str | None] = {}
        self._lost = 0
        if self._key:
            try:
                pseudonym("anybody", self._key, self._key_id)
            except ValueError as error:
                raise SettingError(
                    f"MEETLAT_PSEUDONYM_KEY does not serve: {error}", remedy="set another"
                ) from None

    def __call__(self, worker: str) -> str | None:
        if worker not in self._known:
            self._known[worker] = self._made(worker)
        found = self._known[worker]
        self._lost += found is None
        return found

    def _made(self, worker: str) -> str | None:
        if is_pseudonym(worker):
            return worker
        return pseudonym(worker, self._key, self._key_id) if self._key else None

    def told(self) -> Iterator[str]:
        """What was left out, and what to do about it."""
        if self._lost:
            events = "1 event without its" if self._lost == 1 else f"{self._lost:,} events without"
            yield f"{events} worker: no company key; set MEETLAT_PSEUDONYM_KEY"
