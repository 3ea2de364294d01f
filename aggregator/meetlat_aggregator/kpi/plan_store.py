"""Keeps the plan in the live database, every version of it with what it changed.

A row with a new `from` is a change and leaves the past alone; an edited row is a correction and the
past is computed again. So each version says from which day on values are no longer true, and
whoever computes them can find out what it missed, also after a crash.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Literal

import duckdb
from pydantic import ValidationError

from meetlat.plan.history import Change, diff
from meetlat.plan.models import Plan
from meetlat_aggregator.sqlfiles import sql

Since = date | Literal["everything"] | None
# Who somebody is has no place in a history that is published.
PERSONAL = frozenset({"owner", "to", "selection_decided_by"})
_log = logging.getLogger("meetlat.aggregator")


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a plan that was taken: the version in force, what it changed, and from which
    day on values have to be computed again ("everything": all of them; None: none).
    """

    version: int
    changes: tuple[Change, ...]
    recompute_since: Since


@dataclass(frozen=True, slots=True)
class PlanStore:
    """The tables `plan_versions` and `plan_changes` on a connection to the live database."""

    con: duckdb.DuckDBPyConnection

    def current(self) -> Plan | None:
        """The plan in force; None when there is none, or when this program cannot read it."""
        text = self._in_force()[2]
        return None if text is None else _parse(text)

    def version(self) -> int:
        """The version in force; 0 before the first one."""
        return self._in_force()[0]

    def digest(self) -> str:
        """Of the file that the version in force came from; '' without a plan."""
        return self._in_force()[1]

    def take(self, plan: Plan | None, digest: str, now: datetime) -> Taken:
        """Put a plan in force (None: from now on there is none). `now` is naive UTC.

        A file that says the same in other words is no new version. Raises duckdb.Error after a
        rollback.
        """
        version, _, text = self._in_force()
        changes = _changes(None if text is None else _parse(text), plan)
        con = self.con
        con.execute("BEGIN")
        try:
            if changes:
                version += 1
                con.execute("UPDATE plan_versions SET in_force = false WHERE in_force")
                con.execute(
                    "INSERT INTO plan_versions VALUES (?, ?, ?, ?, true)",
                    [version, now, digest, _text(plan)],
                )
                if plan is None or plan.privacy.agreement is None:
                    con.execute(sql("plan/forget_users"))
                con.executemany(
                    "INSERT INTO plan_changes VALUES (?, ?, ?, ?, ?, ?)",
                    [[version, *row] for row in map(_row, changes)],
                )
            else:
                con.execute(
                    "UPDATE plan_versions SET digest = ?, plan = ? WHERE in_force",
                    [digest, _text(plan)],
                )
            con.execute("COMMIT")
        except BaseException:
            with suppress(duckdb.TransactionException):  # it may have ended by the failure
                con.execute("ROLLBACK")
            raise
        return Taken(version, changes, since_of(change.since for change in changes))

    def recompute_since(self, version: int) -> Since:
        """What has to be computed again by who computed last with that version."""
        rows = self.con.execute(
            "SELECT since FROM plan_changes WHERE version > ?", [version]
        ).fetchall()
        return since_of(since for (since,) in rows)

    def _in_force(self) -> tuple[int, str, str | None]:
        rows = self.con.execute(
            "SELECT version, digest, plan FROM plan_versions WHERE in_force"
        ).fetchall()
        return rows[0] if rows else (0, "", None)


def since_of(days: Iterable[date | None]) -> Since:
    """The first of the days from which on something else holds; everything, where one has none."""
    found = list(days)
    if None in found:
        return "everything"
    return min((day for day in found if day is not None), default=None)


def _changes(old: Plan | None, new: Plan | None) -> tuple[Change, ...]:
    if old is None and new is None:
        return ()
    if old is None:
        return (Change("new", "", None, None, None),)
    if new is None:
        return (Change("removed", "", None, None, None),)
    return tuple(diff(old, new))


def _text(plan: Plan | None) -> str | None:
    """The plan as canonical JSON. What it does not say stays unsaid: a default is not a choice."""
    if plan is None:
        return None
    said = plan.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return json.dumps(said, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


@lru_cache(maxsize=4)
def _parse(text: str) -> Plan | None:
    try:
        return Plan.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        _log.warning(
            "cannot read the plan that another version of meetlat kept (%s: %s); "
            "it is taken from its file again",
            where,
            first["msg"],
        )
        return None


def _row(change: Change) -> Sequence[Any]:
    """A change as it is kept, without anything personal. A report is known by its recipients."""
    path = "reports" if change.path.startswith("reports[") else change.path
    before, after = _json(impersonal(change.before)), _json(impersonal(change.after))
    return [change.kind, path, change.since, before, after]


def impersonal(value: Any) -> Any:
    """A value of the plan without the names and addresses of people in it."""
    if isinstance(value, dict):
        return {key: impersonal(part) for key, part in value.items() if key not in PERSONAL}
    return [impersonal(part) for part in value] if isinstance(value, list) else value


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value, sort_keys=True, ensure_ascii=False)
