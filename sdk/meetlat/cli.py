"""The command `meetlat`: finds its subcommands through entry points, so that it imports no service.

Exit status: 0 done, 1 the answer is "no", 2 wrong use; 130 after Ctrl-C and 141 after a closed
pipe, as shells have it. Errors are one line; `--debug`, anywhere on the line, adds the traceback.
A subcommand returns its status, or None for 0.
"""

from __future__ import annotations

import faulthandler
import os
import sys
from importlib.metadata import entry_points
from typing import Any

import click

from meetlat.errors import MeetlatError, SettingError


class _Commands(click.Group):
    """Loads a subcommand when it is asked for; a missing extra gets one clear sentence."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return sorted(point.name for point in entry_points(group="meetlat.commands"))

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # here, since click would make it status 1
            return _closed_pipe()

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        for point in entry_points(group="meetlat.commands", name=cmd_name):
            try:
                command = point.load()
            except ModuleNotFoundError as error:
                if ctx.resilient_parsing or (error.name or "").startswith("meetlat"):
                    raise
                return _missing_extra(cmd_name, str(error.name))
            assert isinstance(command, click.Command)
            return command
        return None


def _missing_extra(name: str, module: str) -> click.Command:
    help_text = f"(not installed here: needs {module}; install meetlat[server])"

    @click.command(
        name,
        short_help=help_text,
        help=help_text,
        context_settings={"ignore_unknown_options": True},
    )
    @click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
    def missing(arguments: tuple[str, ...]) -> None:  # noqa: ARG001 - swallowed on purpose
        raise MeetlatError(
            f"`meetlat {name}` needs {module}, which is not installed",
            remedy="install meetlat[server]",
        )

    return missing


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, help="Show a traceback with an error.")
@click.version_option(package_name="meetlat")
def meetlat(debug: bool) -> None:
    """Is our AI worth it? Measure it, against a baseline, with a range and n.

    Example: meetlat demo
    """


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with its status."""
    if not faulthandler.is_enabled() and sys.__stderr__ is not None:
        faulthandler.enable(sys.__stderr__)  # a crash in a library's own code says where
    given = sys.argv[1:] if arguments is None else arguments
    options = given[: given.index("--")] if "--" in given else given
    debug = "--debug" in options
    if debug:  # taken out, so that it may stand behind the subcommand too
        given = [word for word in options if word != "--debug"] + given[len(options) :]
    status = _run(given, debug=debug)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        status = _closed_pipe()
    sys.exit(status)


def _run(given: list[str], *, debug: bool) -> int:
    try:
        result = meetlat.main(args=given, prog_name="meetlat", standalone_mode=False)
    except click.Abort:
        return 130
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return 2
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else "meetlat"
        return _say(f"{error.format_message().rstrip('.')}; see `{path} --help`", 2)
    except click.ClickException as error:
        return _say(error.format_message(), error.exit_code)
    except MeetlatError as error:
        if debug:
            raise
        return _say(str(error), 2 if isinstance(error, SettingError) else 1)
    except Exception as error:
        if debug:
            raise
        what = str(error) if isinstance(error, OSError) else f"{type(error).__name__}: {error}"
        return _say(f"unexpected error: {what}; `--debug` shows where", 1)
    return result if isinstance(result, int) else 0


def _say(message: str, status: int) -> int:
    click.echo("meetlat: " + " ".join(message.split()), err=True)
    return status


def _closed_pipe() -> int:
    """Nobody reads on, as under `meetlat sql … | head`: end without a word about it."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())  # what is still in the buffer has to go somewhere
    os.close(null)
    return 141
