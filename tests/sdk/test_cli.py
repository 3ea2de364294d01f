"""The command line: exit status, errors of one line, `--debug`, closed pipes, missing extras."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any

import click
import pytest

from meetlat import cli
from meetlat.errors import MeetlatError, SettingError


class Point:
    """An entry point that loads what it is given, or raises it."""

    def __init__(self, name: str, loads: click.Command | Exception) -> None:
        self.name = name
        self._loads = loads

    def load(self) -> click.Command:
        if isinstance(self._loads, Exception):
            raise self._loads
        return self._loads


def command(name: str, does: Callable[[], Any]) -> Point:
    return Point(name, click.Command(name, callback=does, params=[]))


def raises(error: BaseException) -> Callable[[], None]:
    def does() -> None:
        raise error

    return does


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run the command line with the given subcommands; gives status, output, errors."""

    def run(points: list[Point], *words: str) -> tuple[int, str, str]:
        def found(group: str, name: str | None = None) -> list[Point]:
            assert group == "meetlat.commands"
            return [point for point in points if name in (None, point.name)]

        monkeypatch.setattr(cli, "entry_points", found)
        with pytest.raises(SystemExit) as ended:
            cli.main(list(words))
        assert isinstance(ended.value.code, int)
        said = capsys.readouterr()
        return ended.value.code, said.out, said.err

    return run


Run = Callable[..., tuple[int, str, str]]


@pytest.mark.parametrize(("result", "status"), [(None, 0), (0, 0), (1, 1)])
def test_a_command_returns_its_status(run: Run, result: int | None, status: int) -> None:
    assert run([command("x", lambda: result)], "x")[0] == status


def test_ctx_exit_gives_its_status(run: Run) -> None:
    does = lambda: click.get_current_context().exit(1)  # noqa: E731
    assert run([command("x", does)], "x")[0] == 1


def test_a_meetlat_error_is_one_line_with_its_remedy_and_status_1(run: Run) -> None:
    error = MeetlatError("the log is\naway", remedy="start Kafka")
    status, out, err = run([command("x", raises(error))], "x")
    assert (status, out, err) == (1, "", "meetlat: the log is away; start Kafka\n")


def test_a_wrong_setting_is_wrong_use(run: Run) -> None:
    status, _, err = run([command("x", raises(SettingError("X: is bad", remedy="mend it")))], "x")
    assert (status, err) == (2, "meetlat: X: is bad; mend it\n")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nonsense"], "No such command 'nonsense'; see `meetlat --help`"),
        (["--nonsense"], "No such option '--nonsense'; see `meetlat --help`"),
        (["x", "--nonsense"], "No such option '--nonsense'; see `meetlat x --help`"),
        (["x", "more"], "Got unexpected extra argument (more); see `meetlat x --help`"),
    ],
)
def test_wrong_use_is_one_line_and_status_2(run: Run, words: list[str], says: str) -> None:
    status, out, err = run([command("x", lambda: None)], *words)
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert err.lower().replace(": -", " '-") == f"meetlat: {says}\n".lower().replace(": -", " '-")


def test_no_command_shows_the_help_and_is_wrong_use(run: Run) -> None:
    status, _, err = run([command("x", lambda: None)])
    assert status == 2
    assert "Usage: meetlat" in err


def test_an_unexpected_error_is_one_line_too(run: Run) -> None:
    status, _, err = run([command("x", raises(KeyError("lost")))], "x")
    assert (status, err.count("\n")) == (1, 1)
    assert "KeyError: 'lost'; `--debug` shows where" in err


def test_an_os_error_names_its_file(run: Run) -> None:
    error = PermissionError(13, "Permission denied", "kpi.duckdb")
    _, _, err = run([command("x", raises(error))], "x")
    assert "Permission denied: 'kpi.duckdb'" in err


@pytest.mark.parametrize("words", [["--debug", "x"], ["x", "--debug"]])
@pytest.mark.parametrize("error", [MeetlatError("no"), KeyError("no")])
def test_debug_raises_wherever_it_stands(
    monkeypatch: pytest.MonkeyPatch, words: list[str], error: Exception
) -> None:
    points = [command("x", raises(error))]
    monkeypatch.setattr(cli, "entry_points", lambda group, name=None: points)
    with pytest.raises(type(error)):
        cli.main(words)


def test_debug_behind_two_dashes_belongs_to_the_command(run: Run) -> None:
    seen: list[str] = []

    def remember(word: str) -> None:
        seen.append(word)

    taker = click.Command("x", callback=remember, params=[click.Argument(["word"])])
    assert run([Point("x", taker)], "x", "--", "--debug")[0] == 0
    assert seen == ["--debug"]


def test_ctrl_c_is_130(run: Run) -> None:
    assert run([command("x", raises(KeyboardInterrupt()))], "x")[0] == 130


def test_a_missing_extra_says_what_to_install(run: Run) -> None:
    error = ModuleNotFoundError("No module named 'duckdb'", name="duckdb")
    status, _, err = run([Point("x", error)], "x", "--any", "thing")
    assert status == 1
    assert (
        err
        == "meetlat: `meetlat x` needs duckdb, which is not installed; install meetlat[server]\n"
    )


def test_the_help_lists_a_command_whose_extra_is_missing(run: Run) -> None:
    error = ModuleNotFoundError("No module named 'duckdb'", name="duckdb")
    status, out, _ = run([Point("x", error), command("y", lambda: None)], "--help")
    assert status == 0
    assert "install" in next(line for line in out.splitlines() if line.strip().startswith("x "))


def test_an_own_module_that_is_missing_is_no_missing_extra(run: Run) -> None:
    error = ModuleNotFoundError("No module named 'meetlat.gone'", name="meetlat.gone")
    _, _, err = run([Point("x", error)], "x")
    assert "meetlat.gone" in err
    assert "install" not in err


def test_a_closed_pipe_ends_quietly() -> None:
    prints = (
        "import sys, click\n"
        "from meetlat import cli\n"
        "from types import SimpleNamespace as N\n"
        "many = click.Command('x', callback=lambda: [click.echo('y' * 99) for _ in range(9999)])\n"
        "cli.entry_points = lambda group, name=None: [N(name='x', load=lambda: many)]\n"
        "cli.main(['x'])\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", prints], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stderr is not None
    assert child.stdout.readline()
    child.stdout.close()
    said = child.stderr.read()
    child.stderr.close()
    assert (child.wait(30), said) == (141, "")


COMMANDS = sorted(point.name for point in entry_points(group="meetlat.commands"))


def walk(command: click.Command, path: str) -> list[tuple[str, click.Command]]:
    """A command and, for a group, those below it, with their paths."""
    found = [(path, command)]
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            below = command.get_command(click.Context(command), name)
            assert below is not None
            found += walk(below, f"{path} {name}")
    return found


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_every_command_shows_an_example(name: str) -> None:
    loaded = next(iter(entry_points(group="meetlat.commands", name=name))).load()
    for path, found in walk(loaded, f"meetlat {name}"):
        text = found.get_help(click.Context(found, info_name=path))
        assert "Example" in text, path
        example = text[text.index("Example") :]
        assert path in " ".join(example.split()), f"no call of `{path}` in its example"
        assert found.get_short_help_str(), path
        for option in found.params:
            if isinstance(option, click.Option):
                assert option.help, f"{path} {option.opts[0]} has no help"
