"""The period that somebody names on the command line, and the days that it holds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

import click

ROLLING, SINCE = "rolling_28d", "since_go_live"
# From one period to the next, as DuckDB's intervals have it; none after a period without an end.
STEPS = {
    "day": "1 day", "week": "7 days", "month": "1 month", "quarter": "3 months", "year": "1 year",
    ROLLING: "28 days",
}  # fmt: skip
_FORMS = (
    ("day", re.compile(r"(\d{4})-(\d\d)-(\d\d)")),
    ("week", re.compile(r"(\d{4})-W(\d\d)")),
    ("month", re.compile(r"(\d{4})-(\d\d)")),
    ("quarter", re.compile(r"(\d{4})-Q([1-4])")),
    ("year", re.compile(r"(\d{4})")),
)


@dataclass(frozen=True, slots=True)
class Period:
    """A period of `kpi_values`. `start` None stands for the newest that a use case has."""

    name: str
    start: date | None = None

    @property
    def step(self) -> str | None:
        """How far it is to the next one, as an interval; None for since_go_live."""
        return STEPS.get(self.name)


def parse_period(text: str) -> Period:
    """`2026-11-25`, `2026-W48`, `2026-11`, `2026-Q4`, `2026`, `28d` or `go-live`.

    Raises ValueError that says in words what is wrong.
    """
    if text in ("28d", ROLLING):
        return Period(ROLLING)
    if text in ("go-live", SINCE):
        return Period(SINCE)
    for name, form in _FORMS:
        found = form.fullmatch(text)
        if found:
            try:
                return Period(name, _first_day(name, *map(int, found.groups())))
            except ValueError:
                raise ValueError(f"{text} is not in the calendar") from None
    raise ValueError(
        f"{text!r} is no period; write 2026-11-25, 2026-W48, 2026-11, 2026-Q4, 2026, 28d or go-live"
    )


def _first_day(name: str, year: int, part: int = 1, day: int = 1) -> date:
    if name == "week":
        return date.fromisocalendar(year, part, 1)
    return date(year, part * 3 - 2 if name == "quarter" else part, day)


def period_text(name: str, start: date) -> str:
    """How a period is written on the command line."""
    if name == "week":
        year, week, _ = start.isocalendar()
        return f"{year}-W{week:02}"
    if name == "quarter":
        return f"{start.year}-Q{(start.month + 2) // 3}"
    return {
        "month": f"{start:%Y-%m}", "year": f"{start:%Y}", ROLLING: "28d", SINCE: "go-live",
    }.get(name, f"{start:%Y-%m-%d}")  # fmt: skip


def day_after(name: str, start: date, as_of: date) -> date:
    """The day after the last one of a period; what has no end ends with `as_of`."""
    if name == SINCE:
        return max(as_of, start) + timedelta(days=1)
    if name in ("day", "week", ROLLING):
        return start + timedelta(days={"day": 1, "week": 7, ROLLING: 28}[name])
    months = start.month - 1 + {"month": 1, "quarter": 3, "year": 12}[name]
    return date(start.year + months // 12, months % 12 + 1, 1)


def period_option(_: click.Context, __: click.Parameter, text: str | None) -> Period | None:
    """Callback of an option that takes a period: wrong use (status 2) when the text is none."""
    if text is None:
        return None
    try:
        return parse_period(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
