"""`meetlat …` as a person runs it: exit status, what it printed, its one line of error."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from meetlat.cli import main


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    status: int
    out: str
    err: str


def run(*words: str, data: Path | None = None) -> Done:
    """Run a command in this process, without the environment's settings."""
    environ = {"MEETLAT_DATA": str(data)} if data else {}
    runner = CliRunner(env=environ)
    with runner.isolation(env=environ) as (out, err, _), _quiet_logging():
        with pytest.raises(SystemExit) as ended:
            main(list(words))
        code = ended.value.code
        assert isinstance(code, int)
        return Done(code, out.getvalue().decode(), err.getvalue().decode())


@contextmanager
def _quiet_logging() -> Iterator[None]:
    """A command's log goes to the standard error it had: take the handler away with it."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    try:
        yield
    finally:
        root.handlers[:] = before
        root.setLevel(level)
