"""`meetlat status`: how the aggregator is doing."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

import click
import msgspec

from meetlat.settings import DATA, Settings
from meetlat_aggregator.commands.common import data_option, human_bytes, settings_from
from meetlat_aggregator.control import ask

_EPILOG = """\b
Examples:
  meetlat status
  meetlat status --watch
"""


@click.command(
    "status", epilog=_EPILOG, short_help="Lag, commits, plan, dead letters, drops, disk."
)
@click.option("--watch", is_flag=True, help="Show it again every two seconds, until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@data_option
def status(watch: bool, as_json: bool, data: str | None) -> int:
    """Show lag, last commit, last publication, the plan, dead letters, drops and disk.

    Exit status 1 when the aggregator reports a fault, or does not run.
    """
    settings = settings_from(data=data)
    while True:
        answer = _ask(settings)
        text = msgspec.json.encode(answer).decode() if as_json else _render(answer)
        if watch:
            click.clear()
        click.echo(text)
        if not watch:
            return 1 if answer["fault"] else 0
        time.sleep(2)


def _ask(settings: Settings) -> dict[str, Any]:
    *_, last = ask(settings[DATA], "status")
    answer: dict[str, Any] = last["answer"]
    usage = shutil.disk_usage(settings[DATA])
    answer["disk_free_bytes"] = usage.free
    answer["data_bytes"] = sum(map(_size, settings[DATA].rglob("*")))
    return answer


def _size(path: Path) -> int:
    """The bytes of a file; 0 for a folder, and for what the running aggregator just removed."""
    try:
        return path.stat().st_size if path.is_file() else 0
    except FileNotFoundError:
        return 0


def _plan(plan: dict[str, Any]) -> str:
    version = plan["version"]
    in_force = f"version {version} of {plan['file']}" if version else "none, house defaults"
    return in_force if plan["valid"] else f"{in_force}; not taken: {plan['error']}"


def _render(answer: dict[str, Any]) -> str:
    waiting = sum(lag["events"] for lag in answer["lag"].values())
    oldest = max((lag["seconds"] for lag in answer["lag"].values()), default=0.0)
    lines = {
        "fault": answer["fault"] or "none",
        "plan": _plan(answer["plan"]),
        "log": f"{answer['log']}, topic {answer['topic']}",
        "lag": f"{waiting} events, {oldest:.0f} s" if waiting else "none",
        "last commit": answer["committed_at"] or "none yet",
        "last publication": answer["published_at"] or "none yet",
        "counted": f"{answer['counted']} events",
        "not counted": f"{answer['duplicate']} duplicate, {answer['late']} late, "
        f"{answer['void']} withdrawn",
        "dead letters": f"{answer['dead']}, {answer['dead_waiting']} waiting to be sent",
        "dropped by senders": str(answer["dropped"]),
        "disk": f"{human_bytes(answer['data_bytes'])} used, of it the archive "
        f"{human_bytes(answer['archive_bytes'])}; {human_bytes(answer['disk_free_bytes'])} free",
        "metrics": f"{answer['address']}/metrics",
    }
    return "\n".join(f"{name:<20}{text}" for name, text in lines.items())
