"""The command `meetlat`: finds its subcommands through entry points, so that it imports no service.

Exit status: 0 done, 1 the answer is "no", 2 wrong use. Errors are one line; `--debug` adds the
traceback.
"""

from __future__ import annotations

import sys
from importlib.metadata import entry_points

import click

from meetlat.errors import MeetlatError


class _Commands(click.Group):
    """Loads a subcommand when it is asked for; a missing extra gets one clear sentence."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return sorted(point.name for point in entry_points(group="meetlat.commands"))

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
@click.pass_context
def meetlat(ctx: click.Context, debug: bool) -> None:
    """Is our AI worth it? Measure it, against a baseline, with a range and n.

    Example: meetlat demo
    """
    ctx.obj = {"debug": debug}


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with its status."""
    given = sys.argv[1:] if arguments is None else arguments
    try:
        result = meetlat.main(args=given, prog_name="meetlat", standalone_mode=False)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except click.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except MeetlatError as error:
        if "--debug" in given:
            raise
        click.echo(f"meetlat: {error}", err=True)
        sys.exit(1)
    sys.exit(result if isinstance(result, int) else 0)
