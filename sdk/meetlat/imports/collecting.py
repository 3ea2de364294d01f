"""Collects the rows of an event log into cases: reads each cell, drops exact duplicates, keeps
account of every row that cannot be read.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from hashlib import blake2b
from typing import NamedTuple, TypeVar

from meetlat.errors import MeetlatError
from meetlat.imports.labels import Labels, amount, currency, fit_text, label, named
from meetlat.imports.mapping import Map
from meetlat.imports.moments import Moments
from meetlat.imports.pairing import Row
from meetlat.imports.reading import Cell, Line, Log

SHOWN = 20
LABELS = ("team", "segment", "step", "outcome", "value", "currency")
_EVERY = 1000
A = TypeVar("A")
B = TypeVar("B")


@dataclass(slots=True)
class Collected:
    """The cases of a log, each with its rows in the order of time, and the account of the rest.

    `bad` has line and reason of the first bad rows, `bad_rows` their number. `unnamed` are texts of
    a column that the map has no name for, `changes` times that a clock change left open.
    """

    word: str = "line"
    rows: int = 0
    duplicates: int = 0
    bad_rows: int = 0
    bad: list[tuple[int, str]] = field(default_factory=list)
    bad_cases: set[str] = field(default_factory=set)
    cases: dict[str, list[Row]] = field(default_factory=dict)
    activities: Counter[str] = field(default_factory=Counter)
    unnamed: dict[str, Counter[str]] = field(default_factory=dict)
    changes: Counter[str] = field(default_factory=Counter)

    def refuse(self, number: int, case: str, reason: str) -> None:
        """Keep account of a bad row."""
        self.bad_rows += 1
        if len(self.bad) < SHOWN:
            self.bad.append((number, reason))
        if case:
            self.bad_cases.add(case)


def collect(
    log: Log, said: Map, now: int, progress: Callable[[int], None] = lambda _: None
) -> Collected:
    """Read a whole log. `now` in microseconds: what lies later is a bad row.

    Raises MeetlatError when a column that the map names is not there.
    """
    rows = _Rows(log, said, now)
    found = rows.found
    seen: set[bytes] = set()
    for count, line in enumerate(log.lines, 1):
        cells = line.cells
        mark = blake2b("\x1f".join(map(str, cells)).encode(errors="surrogatepass"), digest_size=16)
        digest = mark.digest()
        if digest in seen:
            found.duplicates += 1
        else:
            seen.add(digest)
            rows.take(line)
        if count % _EVERY == 0:
            progress(line.position)
        found.rows = count
    for case_rows in found.cases.values():
        case_rows.sort(key=_in_time)
    found.unnamed = {key: one.unnamed for key, one in rows.labels.items() if one.unnamed}
    found.changes = rows.moments.changes
    progress(log.length)
    return found


def _in_time(row: Row) -> tuple[int, int]:
    return row.time, row.line


class _Column(NamedTuple):
    """Where a label stands, and how it is read."""

    place: int
    name: str
    read: Labels


def _which_there_are(columns: Sequence[str]) -> str:
    """What to do when a column is not there: a heading in one cell has another delimiter."""
    if len(columns) == 1:
        mark, count = max(((one, columns[0].count(one)) for one in ";\t|,"), key=lambda of: of[1])
        if count:
            return f"the heading is one cell; say in the map: [file] delimiter = {json.dumps(mark)}"
    return "the columns are " + ", ".join(map(repr, columns))


class _Rows:
    """Reads the rows of one log into `found`."""

    def __init__(self, log: Log, said: Map, now: int) -> None:
        self.found = Collected(log.word)
        self.moments = Moments(said.time, now)
        self.labels = _readers(said)
        where = {column: index for index, column in enumerate(log.columns)}
        missing = [column for column in said.columns() if column not in where]
        if missing:
            raise MeetlatError(
                f"there is no column {missing[0]!r}, which the map names as "
                f"{said.columns()[missing[0]]}",
                remedy=_which_there_are(log.columns),
            )
        self._width = len(log.columns)
        self._case, self._activity = where[said.case], where[said.activity]
        self._time, self._time_name = where[said.time.column], said.time.column
        self._worker = None if said.worker is None else where[said.worker]
        self._lifecycle = None if said.lifecycle is None else where[said.lifecycle.column]
        self._kinds = _kinds(said)
        columns = _label_columns(said)
        self._columns = [
            None if name not in columns
            else _Column(where[columns[name]], columns[name], self.labels[name])
            for name in LABELS
        ]  # fmt: skip
        self._names: dict[str, str] = {}
        self._said: dict[tuple[str | None, ...], tuple[str | None, ...]] = {}

    def take(self, line: Line) -> None:
        """Read one row into its case, or keep account of why not."""
        case = ""
        try:
            if len(line.cells) != self._width:
                raise ValueError(f"has {len(line.cells)} cells where the heading has {self._width}")
            case = _text(line.cells[self._case])
            if not case:
                raise ValueError("names no case")
            row = self._row(line)
            rows = self.found.cases.get(case)
            if rows is None:
                rows = self.found.cases[_about("case", fit_text, case)] = []
        except ValueError as error:
            self.found.refuse(line.number, case, str(error))
            return
        rows.append(row)
        self.found.activities[row.activity] += 1

    def _row(self, line: Line) -> Row:
        cells = line.cells
        activity = _text(cells[self._activity])
        if not activity:
            raise ValueError("names no activity")
        cell = cells[self._time]
        if cell == "":
            raise ValueError(f"{self._time_name}: says no time")
        time = _about(self._time_name, self.moments, cell)
        kind = "complete" if self._lifecycle is None else self._kind(_text(cells[self._lifecycle]))
        worker = "" if self._worker is None else _text(cells[self._worker])
        labels = tuple(
            None if column is None
            else _about(column.name, column.read, _text(cells[column.place]))
            for column in self._columns
        )  # fmt: skip
        names = self._names
        return Row(
            time,
            line.number,
            names.setdefault(activity, activity),
            kind,
            names.setdefault(worker, worker),
            self._said.setdefault(labels, labels),
        )

    def _kind(self, word: str) -> str:
        kind = self._kinds.get(word)
        if kind is None:
            raise ValueError(
                f"{word!r} is none of the words of [lifecycle]; add it to start, complete or ignore"
            )
        return kind


def _about(name: str, read: Callable[[A], B], cell: A) -> B:
    """Read a cell; an error names its column."""
    try:
        return read(cell)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _text(cell: Cell) -> str:
    return cell.isoformat() if isinstance(cell, date) else cell


def _kinds(said: Map) -> dict[str, str]:
    """Word of the lifecycle column → kind of row. A row without a word is complete."""
    rule = said.lifecycle
    if rule is None:
        return {}
    return {
        "": "complete",
        **dict.fromkeys(rule.start, "start"),
        **dict.fromkeys(rule.complete, "complete"),
        **dict.fromkeys(rule.ignore, "other"),
    }


def _label_columns(said: Map) -> dict[str, str]:
    """Label → the column that says it; none for what is the same for every case."""
    rules = (("team", said.team), ("segment", said.segment), ("step", said.step))
    found = {name: rule.column for name, rule in rules if rule is not None}
    if said.outcome is not None:
        found["outcome"] = said.outcome.column
    if said.value is not None:
        found["value"] = said.value.column
        found["currency"] = said.value.currency_column
    return {name: column for name, column in found.items() if column is not None}


def _readers(said: Map) -> dict[str, Labels]:
    decimals = said.file.decimal
    rules = (("team", said.team), ("segment", said.segment), ("step", said.step))
    found = {name: label(rule, decimals) for name, rule in rules if rule is not None}
    if said.outcome is not None:
        found["outcome"] = Labels(named(said.outcome.values, None))
    found["value"] = Labels(lambda text: amount(text, decimals))
    found["currency"] = Labels(currency)
    return found
