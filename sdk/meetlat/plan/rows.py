"""Rows of the plan: what nothing unknown may stand in, and what is in force from a day on."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field

from meetlat.plan.kinds import Day


class Row(BaseModel):
    """A table of the plan."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Dated(Row):
    """A row that is in force from a day on."""

    since: Day = Field(
        alias="from",
        description="First day on which the row is in force",
        examples=[date(2026, 1, 1)],
    )


D = TypeVar("D", bound=Dated)


def in_force(rows: Iterable[D], day: date) -> D | None:
    """The row in force on a day: the one with the latest `from` up to it."""
    return max((row for row in rows if row.since <= day), key=lambda row: row.since, default=None)
