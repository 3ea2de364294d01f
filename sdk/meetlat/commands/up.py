"""`meetlat up`: everything on this machine, with the embedded log unless told otherwise."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

import click

from meetlat.commands.supervisor import Program, Supervisor
from meetlat.contract.pseudonym import ensure_key
from meetlat.errors import MeetlatError
from meetlat.service import serve
from meetlat.settings import (
    AGGREGATOR_LISTEN,
    COLLECTOR_LISTEN,
    DATA,
    PSEUDONYM_KEY,
    Setting,
    Settings,
)

SHUTDOWN_SECONDS = 60.0
_EPILOG = """\b
Examples:
  meetlat up
  meetlat up --data /var/lib/meetlat --collector-listen 127.0.0.1:14318
"""


@click.command("up", epilog=_EPILOG, short_help="Run everything on this machine.")
@click.option("--data", metavar="DIR", help="Where everything is kept (MEETLAT_DATA).")
@click.option("--log", metavar="ADDRESS", help="embedded:DIR or kafka://… (MEETLAT_LOG).")
@click.option("--collector-listen", metavar="HOST:PORT", help="MEETLAT_COLLECTOR_LISTEN.")
@click.option("--aggregator-listen", metavar="HOST:PORT", help="MEETLAT_AGGREGATOR_LISTEN.")
def up(
    data: str | None,
    log: str | None,
    collector_listen: str | None,
    aggregator_listen: str | None,
) -> int:
    """Run the collector and the aggregator on this machine; no other server is needed.

    Prints the addresses when all is ready. Ctrl-C stops in order and loses nothing; a second one
    forces. A program that crashes is started again. At the first start a key for pseudonyms is
    made in the data directory.
    """
    given = {
        "MEETLAT_DATA": data,
        "MEETLAT_LOG": log,
        "MEETLAT_COLLECTOR_LISTEN": collector_listen,
        "MEETLAT_AGGREGATOR_LISTEN": aggregator_listen,
    }
    overrides = {name: text for name, text in given.items() if text is not None}
    settings = Settings(overrides=overrides)
    collector = claim(settings, COLLECTOR_LISTEN)
    aggregator = claim(settings, AGGREGATOR_LISTEN)
    key_file = make_key(settings)
    environ = {
        **os.environ,
        **overrides,
        COLLECTOR_LISTEN.env: collector,
        AGGREGATOR_LISTEN.env: aggregator,
    }

    async def run() -> int:
        supervisor = Supervisor(
            programs(collector, aggregator),
            environ,
            lambda line: click.echo(f"meetlat: {line}", err=True),
        )
        telling = asyncio.create_task(_tell(supervisor, settings, collector, aggregator, key_file))
        await serve(supervisor, deadline=SHUTDOWN_SECONDS, force=supervisor.force)
        telling.cancel()
        return supervisor.status

    return asyncio.run(run())


def programs(collector: str, aggregator: str) -> list[Program]:
    """The programs in the order in which they stop: what brings events, then what counts them.

    The aggregator, told to stop, first reads what is left in the log.
    """
    return [
        Program("collector", ["collect"], f"http://{collector}/readyz"),
        Program("aggregator", ["aggregate"], f"http://{aggregator}/readyz"),
    ]


def claim(settings: Settings, setting: Setting[tuple[str, int]]) -> str:
    """HOST:PORT of a setting, found free; port 0 becomes a free one. Raises MeetlatError."""
    host, port = settings[setting]
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            port = probe.getsockname()[1]
    except OSError as error:
        raise MeetlatError(
            f"cannot listen on {host}:{port}: {error.strerror or error}",
            remedy=f"is another `meetlat up` running? else set {setting.env} to another port",
        ) from None
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def make_key(settings: Settings) -> Path | None:
    """The file with the pseudonym key, made at the first start; None when a setting gives it.

    Raises MeetlatError when it cannot be read or made, or holds too short a key.
    """
    folder = settings[DATA]
    path = folder / "pseudonym.key"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if settings[PSEUDONYM_KEY]:
            return None
        key = ensure_key(path)
    except OSError as error:
        raise MeetlatError(
            f"cannot write in the data directory {folder}: {error.strerror or error}",
            remedy="give another with --data, or mend its rights",
        ) from None
    if len(key) < 16:
        raise MeetlatError(
            f"the pseudonym key in {path} is shorter than 16 characters",
            remedy="put a longer one there, or remove the file to have one made",
        )
    return path


async def _tell(
    supervisor: Supervisor, settings: Settings, collector: str, aggregator: str, key: Path | None
) -> None:
    await supervisor.ready.wait()
    lines = [
        "meetlat is up; Ctrl-C stops it in order",
        f"  events   http://{collector}/v1/events   (programs: MEETLAT_ENDPOINT=http://{collector})",
        f"  metrics  http://{aggregator}/metrics",
        f"  tables   {settings[DATA] / 'kpi.duckdb'}   (read-only; or: meetlat sql)",
        f"  log      {settings.log}",
    ]
    if key is not None:
        lines.append(f'  key      {key}   (programs: MEETLAT_PSEUDONYM_KEY="$(cat {key})")')
    click.echo("\n".join(lines))
