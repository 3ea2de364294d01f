"""What commands that read files show in the same way: how far they are, and what was refused."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import click

SHOWN = 20


@contextmanager
def progress_bar(label: str, length: int) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal, none in a pipe. What it gives takes the position reached, up to
    `length`; a length of 0 is not known, and no bar.
    """
    with click.progressbar(
        length=max(length, 1),
        label=label,
        file=sys.stderr,
        hidden=not (length and sys.stderr.isatty()),
    ) as bar:
        yield lambda position: bar.update(position - bar.pos)


def list_refused(told: Sequence[str], total: int) -> None:
    """Show the first refusals on standard error, and how many more there are."""
    for line in told[:SHOWN]:
        click.echo(line, err=True)
    more = total - min(len(told), SHOWN)
    if more > 0:
        click.echo(f"… and {more} more", err=True)
