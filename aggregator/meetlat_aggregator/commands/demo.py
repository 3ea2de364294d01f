"""`meetlat demo`: everything on this machine, with a simulated company to look at."""

from __future__ import annotations

import asyncio
import os
import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import click

from meetlat.commands.supervisor import Supervisor
from meetlat.commands.up import SHUTDOWN_SECONDS, claim, make_key, programs
from meetlat.errors import MeetlatError
from meetlat.service import serve
from meetlat.settings import AGGREGATOR_LISTEN, COLLECTOR_LISTEN, CONFIG_ENV, Settings
from meetlat_aggregator.demo.company import Period, last_monday
from meetlat_aggregator.demo.feed import Place
from meetlat_aggregator.demo.plan import NAME, plan_text
from meetlat_aggregator.demo.run import Demo, introduction

_EPILOG = """\b
Examples:
  meetlat demo
  meetlat demo --exit
  meetlat demo --data ./demo --seed 7
"""


@click.command("demo", epilog=_EPILOG, short_help="A simulated company: truth beside counted.")
@click.option("--data", metavar="DIR", help="An empty directory to keep; default: a temporary one.")
@click.option("--exit", "leave", is_flag=True, help="End after the table, with 0 (equal) or 1.")
@click.option("--all", "every", is_flag=True, help="Show every figure, not the main ones alone.")
@click.option("--seed", default=1, show_default=True, help="Another seed, another company.")
@click.option(
    "--weeks",
    type=click.IntRange(2, 60),
    default=10,
    show_default=True,
    help="Weeks of history without AI, and as many with it.",
)
@click.option(
    "--collector-listen", metavar="HOST:PORT", default="127.0.0.1:0", help="Default: a free port."
)
@click.option(
    "--aggregator-listen", metavar="HOST:PORT", default="127.0.0.1:0", help="Default: a free port."
)
def demo(
    data: str | None,
    leave: bool,
    every: bool,
    seed: int,
    weeks: int,
    collector_listen: str,
    aggregator_listen: str,
) -> int:
    """Run Meetlat with a simulated company, and show that it counts right.

    Its history is sent in seconds; then a table shows what is true beside what was counted. The
    same seed gives the same figures each time. It stays live until Ctrl-C. It has a plan of its
    own, so that `meetlat kpi` has targets and baselines to show. MEETLAT_ settings and your
    meetlat.toml are not used, so that nothing else is touched.
    """
    with ExitStack() as stack:
        folder = _folder(data, stack)
        period = Period(last_monday(datetime.now(UTC)), before=weeks, after=weeks)
        config = folder / NAME
        config.write_text(plan_text(period), "utf-8")
        overrides = {
            "MEETLAT_DATA": str(folder),
            COLLECTOR_LISTEN.env: collector_listen,
            AGGREGATOR_LISTEN.env: aggregator_listen,
            "MEETLAT_LOG_LEVEL": "WARNING",
            "MEETLAT_PUBLISH_SECONDS": "2",
            "MEETLAT_BATCH_EVENTS": "15000",  # so that the progress bar moves
        }
        settings = Settings({}, overrides, config)
        collector = claim(settings, COLLECTOR_LISTEN)
        aggregator = claim(settings, AGGREGATOR_LISTEN)
        key_file = make_key(settings)
        assert key_file is not None, "no setting gives a key here"
        place = Place(collector, aggregator, folder, config, key_file.read_text().strip())
        environ = {
            **{name: text for name, text in os.environ.items() if not _ours(name)},
            **overrides,
            COLLECTOR_LISTEN.env: collector,
            AGGREGATOR_LISTEN.env: aggregator,
            CONFIG_ENV: str(config),
        }
        supervisor = Supervisor(
            programs(collector, aggregator),
            environ,
            lambda line: click.echo(f"meetlat: {line}", err=True),
        )
        running = Demo(
            place, supervisor, period, seed, leave=leave, kept=data is not None or not leave,
            every=every, say=click.echo,
        )  # fmt: skip
        click.echo(introduction(period, seed, place))
        asyncio.run(serve(running, deadline=SHUTDOWN_SECONDS, force=supervisor.force))
        if supervisor.status:
            return supervisor.status
        return {None: 130, True: 0, False: 1}[running.equal]


def _folder(data: str | None, stack: ExitStack) -> Path:
    if data is None:
        return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="meetlat-demo-")))
    folder = Path(data).absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        used = any(folder.iterdir())
    except OSError as error:
        raise MeetlatError(
            f"cannot use {folder}: {error.strerror or error}", remedy="give another with --data"
        ) from None
    if used:
        raise MeetlatError(
            f"{folder} is not empty, so the figures would not be the demo's alone",
            remedy="give an empty directory, or look at an earlier demo with "
            f"`meetlat kpi --data {folder}`",
        )
    return folder


def _ours(name: str) -> bool:
    return name.startswith("MEETLAT_")
