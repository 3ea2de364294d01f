"""`meetlat doctor`: checks the set-up, one line a check, each with what to do."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import click
import duckdb

from meetlat.errors import MeetlatError
from meetlat.plan.models import in_force
from meetlat.settings import DATA, EVENTS_TOPIC, PSEUDONYM_KEY, Settings
from meetlat_aggregator.commands.common import (
    data_option,
    human_bytes,
    log_option,
    settings_from,
    start_logging,
)
from meetlat_aggregator.dead_letters import reading
from meetlat_aggregator.kpi.plan_file import fault, read_plan
from meetlat_aggregator.local_day import make_local_day
from meetlat_aggregator.publish import PUBLISHED
from meetlat_aggregator.sqlfiles import sql

_EPILOG = """\b
Example:
  meetlat doctor --data /var/lib/meetlat
"""
LOW_DISK_BYTES = 2_000_000_000
_MARKS = {"ok": "ok  ", "note": "note", "bad": "BAD "}


@dataclass(frozen=True, slots=True)
class Finding:
    """One check's result: `ok`, `note` (look at it) or `bad` (it will not work)."""

    kind: str
    what: str
    remedy: str = ""


@click.command("doctor", epilog=_EPILOG, short_help="Check the set-up.")
@log_option
@data_option
def doctor(log: str | None, data: str | None) -> int:
    """Check the disk, the key, the plan, the log, the clock, the tables and gaps in telemetry.

    Exit status 1 when something is bad.
    """
    settings = settings_from(log=log, data=data)
    start_logging(settings)
    bad = False
    for finding in check_all(settings):
        bad = bad or finding.kind == "bad"
        remedy = f"; {finding.remedy}" if finding.remedy else ""
        click.echo(f"{_MARKS[finding.kind]}  {finding.what}{remedy}")
    return 1 if bad else 0


def check_all(settings: Settings) -> Iterator[Finding]:
    """Run every check."""
    checks: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
        check_directory,
        check_disk,
        check_key,
        check_plan,
        check_log,
        check_published,
        check_telemetry,
        check_currencies,
    )
    for check in checks:
        yield from check(settings)


def check_directory(settings: Settings) -> Iterator[Finding]:
    """The data directory is there, writable, and others cannot write it."""
    path = settings[DATA]
    if not path.is_dir():
        yield Finding(
            "note", f"the data directory {path} is not there yet", "`meetlat up` makes it"
        )
    elif not os.access(path, os.W_OK):
        yield Finding("bad", f"the data directory {path} is not writable", "mend its rights")
    elif path.stat().st_mode & 0o022:
        yield Finding("bad", f"others can write {path}", f"chmod go-w {path}")
    else:
        yield Finding("ok", f"data directory {path}")


def check_disk(settings: Settings) -> Iterator[Finding]:
    """There is room for the archive and for a second copy of the tables."""
    path = _existing(settings[DATA])
    free = shutil.disk_usage(path).free
    if free < LOW_DISK_BYTES:
        yield Finding("bad", f"only {human_bytes(free)} free at {path}", "free some disk")
    else:
        yield Finding("ok", f"{human_bytes(free)} of disk free")


def check_key(settings: Settings) -> Iterator[Finding]:
    """There is a pseudonym key, and only its owner reads it."""
    path = settings[DATA] / "pseudonym.key"
    if settings[PSEUDONYM_KEY]:
        yield Finding("ok", "pseudonym key from MEETLAT_PSEUDONYM_KEY")
    elif not path.exists():
        yield Finding(
            "note",
            "no pseudonym key: `user` is dropped from events",
            "`meetlat up` makes one, or set MEETLAT_PSEUDONYM_KEY",
        )
    elif path.stat().st_mode & 0o077:
        yield Finding("bad", f"others can read {path}", f"chmod 600 {path}")
    else:
        yield Finding("ok", f"pseudonym key {path}")


def check_plan(settings: Settings) -> Iterator[Finding]:
    """The plan can be in force."""
    try:
        loaded = read_plan(settings.file)
    except OSError as error:
        yield Finding("bad", f"cannot read {settings.file}: {error.strerror}", "mend its rights")
        return
    problem = fault(settings, loaded)
    if problem is not None:
        yield Finding("bad", f"the plan cannot be taken: {problem.message}", problem.remedy)
    elif loaded.plan is None:
        yield Finding(
            "note", f"no plan in {settings.file}: house defaults", "`meetlat plan init` writes one"
        )
    else:
        yield Finding("ok", f"plan {settings.file}, use cases: {len(loaded.plan.use_cases)}")
    warnings = [one for one in loaded.problems if one.severity != "error"]
    if warnings:
        yield Finding("note", f"warnings of the plan: {len(warnings)}", "see `meetlat plan check`")


def check_log(settings: Settings) -> Iterator[Finding]:
    """The log answers, and its clock agrees with this machine's."""

    async def look() -> tuple[dict[int, int], int | None]:
        async with reading(settings, settings[EVENTS_TOPIC]) as reader:
            ends = await reader.end_offsets()
        last = {partition: end - 1 for partition, end in ends.items() if end > 0}
        if not last:
            return ends, None
        async with reading(settings, settings[EVENTS_TOPIC], last) as reader:
            records = await reader.read(len(last), 2.0)
        return ends, max((record.append_time for record in records), default=None)

    try:
        ends, append_time = asyncio.run(look())
    except MeetlatError as error:
        yield Finding(
            "bad", f"the log {settings.log} does not answer: {error.message}", error.remedy
        )
        return
    yield Finding("ok", f"log {settings.log}: {sum(ends.values())} records so far")
    if append_time is not None and append_time / 1e6 > time.time() + 5:
        yield Finding("bad", "the log's clock is ahead of this machine's", "set the clocks (NTP)")
    else:
        yield Finding("ok", f"clock {datetime.now(UTC).isoformat(timespec='seconds')}")


def check_published(settings: Settings) -> Iterator[Finding]:
    """The published tables open."""
    path = settings[DATA] / PUBLISHED
    if not path.exists():
        yield Finding("note", f"{path} is not published yet", "start `meetlat up`")
        return
    try:
        with duckdb.connect(str(path), read_only=True) as con:
            as_of, version = con.execute("SELECT as_of, version FROM meta").fetchall()[0]
    except duckdb.Error as error:
        reason = str(error).splitlines()[0]
        yield Finding("bad", f"{path} does not open: {reason}", "delete it; it is published again")
        return
    yield Finding("ok", f"{path.name} as of {as_of or 'never'} UTC, by meetlat {version}")


def check_telemetry(settings: Settings) -> Iterator[Finding]:
    """Gaps in the telemetry of the last seven days: silence, drops, refusals, unknown prices."""
    path = settings[DATA] / PUBLISHED
    if not path.exists():
        return
    since = datetime.now(UTC).replace(tzinfo=None) - timedelta(days=7)
    try:
        with duckdb.connect(str(path), read_only=True) as con:
            rows = con.execute(sql("doctor"), {"since": since}).fetchall()
            unpriced = con.execute(sql("doctor_unpriced"), {"since": since}).fetchall()
    except duckdb.Error:
        return  # check_published has said so
    for source, lost, dead, silent_hours in rows:
        name = source or "(dead letters)"
        if lost:
            yield Finding("note", f"{name}: {lost} events dropped or refused", "see its log")
        if dead:
            yield Finding("note", f"{dead} dead letters", "see `meetlat dead list`")
        if source and (silent_hours or 0) >= 24:
            yield Finding("note", f"{name}: silent for {silent_hours} hours", "is it still in use?")
    for tool, model, number, used in unpriced:
        yield Finding(
            "note",
            f"{tool}, {f'model {model}' if model else 'no model named'}: no price is known for "
            f"{number} of {used} calls with tokens",
            "write one into the plan ([[prices]])" if model else "let its events name the model",
        )


def check_currencies(settings: Settings) -> Iterator[Finding]:
    """Every amount of money can be turned into the company's currency."""
    path = settings[DATA] / PUBLISHED
    try:
        plan = read_plan(settings.file).plan
        if plan is None or not path.exists():
            return
        with duckdb.connect(str(path), read_only=True) as con:
            ((timezone,),) = con.execute("SELECT timezone FROM meta").fetchall()
            make_local_day(con, timezone)
            own = {"own": plan.company.currency}
            rows = con.execute(sql("doctor_currencies"), own).fetchall()
    except (OSError, duckdb.Error):
        return  # the checks before have said so
    for currency, days in groupby(rows, key=itemgetter(0)):
        rates = [rate for rate in plan.company.rates if rate.currency == currency]
        lacking = [(day, amounts) for _, day, amounts in days if in_force(rates, day) is None]
        if lacking:
            yield Finding(
                "note",
                f"amounts in {currency} without an exchange rate, which KPIs leave out: "
                f"{sum(amounts for _, amounts in lacking)}, the first of {lacking[0][0]}",
                "write a rate into the plan ([[company.rates]]) from that day on",
            )


def _existing(path: Path) -> Path:
    path = path.absolute()
    while not path.exists():
        path = path.parent
    return path
