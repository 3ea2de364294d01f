"""Reads `meetlat.toml`: the plan, or every problem of it with its line.

Nothing that stands in a file makes it raise. The table `[settings]` belongs to
`meetlat.settings` and is skipped here.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from pathlib import Path as File
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from meetlat.kpis.catalogue import Kpi
from meetlat.plan.guards import check
from meetlat.plan.models import Plan
from meetlat.plan.positions import Path, Positions, find
from meetlat.plan.problems import Problem, dotted, in_order
from meetlat.plan.wording import path_of, say

MOST_BYTES = 1_000_000
UNFILLED = "FILL IN"
_INT64 = 2**63


@dataclass(frozen=True)
class Loaded:
    """A file as it was read.

    `plan` is there when nothing is an error: what computes takes this one. `read` is there also
    when a guard objects, to be shown. `digest` is the SHA-256 of the file, '' when it cannot be
    read.
    """

    plan: Plan | None
    problems: tuple[Problem, ...]
    digest: str
    read: Plan | None = None

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that keep the plan from being used."""
        return tuple(problem for problem in self.problems if problem.severity == "error")

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """The problems that leave a figure out, or weak."""
        return tuple(problem for problem in self.problems if problem.severity == "warning")


def load(
    path: str | File,
    *,
    catalogue: Mapping[str, Kpi] | None = None,
    today: date | None = None,
) -> Loaded:
    """Read a plan. Never raises for what is in the file, or for its absence.

    `catalogue` is the shipped one, `today` the day in the company's time zone, unless given.
    """
    try:
        with File(path).open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        why = f"cannot be read: {error.strerror or error}"
        how = "`meetlat plan init` writes a plan to begin with"
        return Loaded(None, (Problem(1, "", why, how, rule="file"),), "")
    return parse(data, catalogue=catalogue, today=today)


def parse(
    data: bytes,
    *,
    catalogue: Mapping[str, Kpi] | None = None,
    today: date | None = None,
) -> Loaded:
    """As `load`, from the bytes of a file."""
    digest = sha256(data).hexdigest()
    read = _toml(data)
    if isinstance(read, Problem):
        return Loaded(None, (read,), digest)
    raw, lines = read
    raw.pop("settings", None)
    positions = Positions(lines)
    problems = list(_too_big(raw, positions))
    if problems:
        return Loaded(None, in_order(problems), digest)
    unfilled = frozenset(path for path, value in _walk(raw) if _is_unfilled(path, value))
    for path in unfilled:
        _remove(raw, path)
    positions = Positions(lines, unfilled)
    try:
        plan = Plan.model_validate(raw)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            path = path_of(detail)
            reason, remedy = say(detail)
            if path in unfilled:
                reason = f"`{dotted(path)}` is still to be filled in"
            problems.append(Problem(positions.line(path), dotted(path), reason, remedy))
        return Loaded(None, in_order(problems), digest)
    day = today or datetime.now(ZoneInfo(plan.company.timezone)).date()
    found = check(plan, positions, catalogue=catalogue, today=day)
    fine = not any(problem.severity == "error" for problem in found)
    return Loaded(plan if fine else None, found, digest, plan)


def _toml(data: bytes) -> tuple[dict[str, Any], dict[Path, int]] | Problem:
    """The file as TOML, and the lines of its paths; or why it is not TOML."""
    if len(data) > MOST_BYTES:
        why = f"the file is larger than {MOST_BYTES:,} bytes"
        return Problem(1, "", why, "keep a plan small; data belong in events", rule="file")
    if data.startswith(b"\xef\xbb\xbf"):
        why = "the file begins with a byte order mark"
        return Problem(1, "", why, "save it as UTF-8 without one", rule="file")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        why = "this line is not UTF-8"
        return Problem(line, "", why, "save the file as UTF-8", rule="file")
    try:
        return tomllib.loads(text, parse_float=_decimal), find(text)
    except tomllib.TOMLDecodeError as error:
        return _syntax(str(error), text)
    except RecursionError:
        line = _longest(text, r"[\[{\s]+")
        return Problem(line, "", "lists or tables lie too deep", "write them flatter", rule="toml")
    except ValueError:  # Python reads no whole number of more than 4,300 digits
        line = _longest(text, r"[0-9_]+")
        return Problem(line, "", "a number is too long", "write a smaller one", rule="toml")


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:  # an exponent beyond all bounds
        return Decimal("NaN")


_KEY = re.compile(r"\('[^()]*\)")  # a key as Python shows it: ('company', 'rates')
_AT = re.compile(r"^(.*) \(at (?:line (\d+), column (\d+)|end of document)\)$", re.DOTALL)


def _syntax(message: str, text: str) -> Problem:
    found = _AT.match(message)
    last = text.rstrip().count("\n") + 1
    what, line, column = found.groups() if found else (message, None, None)
    place = f" at column {column}" if column else " at the end of the file"
    what = _KEY.sub(lambda match: ".".join(re.findall(r"'([^']*)'", match[0])), what)
    what = what[:1].lower() + what[1:]
    why = f"this is not TOML{place}: {' '.join(what[:200].split())}"
    how = 'a line is `name = value`: "text" in quotes, a number as 52.50, a date as 2026-04-01'
    if "overwrite" in what or "twice" in what:
        how = "remove one of the two; several of a kind begin with [[double brackets]]"
    return Problem(min(int(line), last) if line else last, "", why, how, rule="toml")


def _longest(text: str, pattern: str) -> int:
    """The line in which the longest run of a pattern begins."""
    found = max(re.finditer(pattern, text), key=lambda match: len(match[0]), default=None)
    return text.count("\n", 0, found.start()) + 1 if found else 1


def _walk(raw: dict[str, Any]) -> Iterator[tuple[Path, Any]]:
    """Every value with its path, tables and lists too."""
    waiting: list[tuple[Path, Any]] = [((), raw)]
    while waiting:
        path, value = waiting.pop()
        yield path, value
        if isinstance(value, dict):
            waiting += [((*path, key), below) for key, below in value.items()]
        elif isinstance(value, list):
            waiting += [((*path, index), below) for index, below in enumerate(value)]


def _too_big(raw: dict[str, Any], positions: Positions) -> Iterator[Problem]:
    for path, value in _walk(raw):
        if isinstance(value, int) and not -_INT64 <= value < _INT64:
            why = f"`{dotted(path)}` is a number that is too large"
            yield Problem(positions.line(path), dotted(path), why, "write a smaller one")


def _is_unfilled(path: Path, value: Any) -> bool:
    """Whether a value is a marked place of a template: it counts as absent."""
    marked = isinstance(value, str) and value.strip().startswith(UNFILLED)
    return marked and isinstance(path[-1], str)


def _remove(raw: Any, path: Path) -> None:
    *parents, last = path
    for part in parents:
        raw = raw[part]
    del raw[last]
