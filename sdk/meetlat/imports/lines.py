"""Finds the line of a TOML file that a key stands on, for errors that say where.

tomllib gives values without places. A key is there from the first line on up to which the file
parses and holds it: slow, but only done for an error, and never another reading than tomllib's.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from typing import Any


def line_of(text: str, path: Sequence[str | int]) -> int | None:
    """The line, from 1, where the deepest part of `path` that is there begins; None: none of it."""
    lines = text.splitlines()
    for length in range(len(path), 0, -1):
        found = _line(lines, path[:length])
        if found is not None:
            return found
    return None


def _line(lines: list[str], path: Sequence[str | int]) -> int | None:
    begins = 0
    for end, document in _prefixes(lines):
        if _holds(document, path):
            return next(n for n in range(begins, end) if _says_something(lines[n])) + 1
        begins = end
    return None


def _prefixes(lines: list[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Every beginning of the file that is a document in itself, by its number of lines."""
    for end in range(1, len(lines) + 1):
        try:
            yield end, tomllib.loads("\n".join(lines[:end]))
        except tomllib.TOMLDecodeError:
            continue  # in the middle of a value of several lines


def _says_something(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _holds(value: Any, path: Sequence[str | int]) -> bool:
    for part in path:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return False
    return True
