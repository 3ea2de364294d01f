"""Where everything stands in a TOML file: the line of each table, key and element of an array.

`tomllib` gives values without places. This reads text that `tomllib` has taken, so it need not
judge: it only follows keys, brackets and strings. A test compares its paths with those of
`tomllib` over generated texts.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field

Path = tuple[str | int, ...]
_BARE_KEY = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
_BLANK = " \t"
_ENDS_SCALAR = frozenset(",]}#\n")


@dataclass(frozen=True)
class Positions:
    """The line (from 1) of each path. `unfilled` are the marked places not filled in yet."""

    lines: Mapping[Path, int] = field(default_factory=dict)
    unfilled: frozenset[Path] = frozenset()

    def line(self, path: Path) -> int:
        """The line of a path; of what is not in the file, that of the table it belongs in."""
        for length in range(len(path), 0, -1):
            found = self.lines.get(path[:length])
            if found is not None:
                return found
        return 1


def find(text: str) -> dict[Path, int]:
    """The lines of all paths of a TOML text that `tomllib` takes."""
    return _Reader(text.replace("\r\n", "\n")).read()


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line = 1
        self._counted = 0  # up to where lines are counted
        self._lines: dict[Path, int] = {}
        self._tables: dict[Path, int] = {}  # arrays of tables: how many elements so far

    def read(self) -> dict[Path, int]:
        table: Path = ()
        while self._skip():
            if self._text.startswith("[[", self._at):
                self._at += 2
                table = self._header(array=True)
                self._at += 2
            elif self._text[self._at] == "[":
                self._at += 1
                table = self._header(array=False)
                self._at += 1
            else:
                self._pair(table)
        return self._lines

    def _here(self) -> int:
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        return self._line

    def _skip(self, blank: str = " \t\n", comments: bool = True) -> bool:
        """Go on to what comes next; False at the end."""
        text = self._text
        while self._at < len(text):
            if text[self._at] in blank:
                self._at += 1
            elif comments and text[self._at] == "#":
                end = text.find("\n", self._at)
                self._at = len(text) if end < 0 else end
            else:
                return True
        return False

    def _mark(self, path: Path, line: int) -> None:
        self._lines.setdefault(path, line)

    def _header(self, *, array: bool) -> Path:
        line = self._here()
        *parents, last = self._key()
        path: Path = ()
        for part in parents:
            path = (*path, part)
            self._mark(path, line)
            if path in self._tables:
                path = (*path, self._tables[path] - 1)
        path = (*path, last)
        self._mark(path, line)
        if array:
            index = self._tables.get(path, 0)
            self._tables[path] = index + 1
            path = (*path, index)
            self._mark(path, line)
        return path

    def _key(self) -> list[str]:
        """A key, dotted or not; stops behind it and the blanks after it."""
        parts = []
        while True:
            self._skip(_BLANK, comments=False)
            parts.append(self._key_part())
            self._skip(_BLANK, comments=False)
            if self._at >= len(self._text) or self._text[self._at] != ".":
                return parts
            self._at += 1

    def _key_part(self) -> str:
        start = self._at
        if self._text[start] in "\"'":
            self._string()
            read: str = tomllib.loads(f"k={self._text[start : self._at]}")["k"]
            return read
        while self._at < len(self._text) and self._text[self._at] in _BARE_KEY:
            self._at += 1
        return self._text[start : self._at]

    def _pair(self, table: Path) -> None:
        line = self._here()
        path = table
        for part in self._key():
            path = (*path, part)
            self._mark(path, line)
        self._at += 1  # the equals sign
        self._skip(_BLANK, comments=False)
        self._value(path)

    def _value(self, path: Path) -> None:
        first = self._text[self._at]
        if first in "\"'":
            self._string()
        elif first == "[":
            self._array(path)
        elif first == "{":
            self._inline(path)
        else:
            while self._at < len(self._text) and self._text[self._at] not in _ENDS_SCALAR:
                self._at += 1

    def _array(self, path: Path) -> None:
        self._at += 1
        index = 0
        while self._skip() and self._text[self._at] != "]":
            if self._text[self._at] == ",":
                self._at += 1
                continue
            self._mark((*path, index), self._here())
            self._value((*path, index))
            index += 1
        self._at += 1

    def _inline(self, path: Path) -> None:
        self._at += 1
        while self._skip() and self._text[self._at] != "}":
            if self._text[self._at] == ",":
                self._at += 1
                continue
            self._pair(path)
        self._at += 1

    def _string(self) -> None:
        text, quote = self._text, self._text[self._at]
        if not text.startswith(quote * 3, self._at):
            self._at = self._end_of(quote, self._at + 1)
            return
        self._at = self._end_of(quote * 3, self._at + 3)
        for _ in range(2):  # a long string may end in quotes of its own
            if text.startswith(quote, self._at):
                self._at += 1

    def _end_of(self, closing: str, start: int) -> int:
        at = start
        while not self._text.startswith(closing, at):
            at += 2 if self._text[at] == "\\" and closing[0] == '"' else 1
        return at + len(closing)
