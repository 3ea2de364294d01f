"""The table that a person reads: what is true, what was counted, and whether they are equal."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from meetlat_aggregator.demo.truth import Figures

HEADINGS = ("use case", "what", "truth", "counted", "n", "equal")
_LEFT = (0, 1, 5)
_HEADLINE = re.compile(
    r"^(calls( that failed)?|tokens (in|out)|cost, .*|conversations handed over|outputs found right"
    r"|sum of scores, (csat|interviewer)|out of order, s|people applied|uses in complete weeks"
    r"|.*: (by hand|with AI)(, work, s)?|events counted|sent twice.*|withdrawn|broken.*)$"
)
# Which figure says how many observations a sum rests on.
_RESTS_ON = {
    "waiting for answers, s": "calls",
    "cost, EUR": "priced calls",
    "out of order, s": "availability checks",
    "uses in complete weeks": "people, added up over weeks",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of one use case. `n` is None where the figure is a count itself."""

    use_case: str
    what: str
    truth: Decimal
    counted: Decimal
    n: int | None

    @property
    def equal(self) -> bool:
        """To the last decimal."""
        return self.truth == self.counted


def compare(truth: Figures, counted: Figures) -> list[Row]:
    """A row for each figure that is not zero on both sides, in the order of the truth."""
    order = list(dict.fromkeys([*truth, *sorted(counted)]))
    use_cases = list(dict.fromkeys(use_case for use_case, _ in order))
    rows = []
    for use_case, what in sorted(order, key=lambda key: use_cases.index(key[0])):
        true = truth.get((use_case, what), Decimal(0))
        found = counted.get((use_case, what), Decimal(0))
        if true or found:
            rows.append(Row(use_case, what, true, found, _n(counted, use_case, what)))
    return rows


def headlines(rows: Iterable[Row]) -> list[Row]:
    """What a person reads on the first day: the main figures, and every one that differs."""
    return [row for row in rows if _HEADLINE.search(row.what) or not row.equal]


def render(rows: Iterable[Row]) -> str:
    """The table as aligned text; times in hours, though they are compared to the microsecond."""
    lines: list[tuple[str, ...]] = [HEADINGS]
    use_case = ""
    for row in rows:
        if use_case and row.use_case != use_case:
            lines.append(("",) * len(HEADINGS))
        lines.append(
            (
                "" if row.use_case == use_case else row.use_case,
                row.what.removesuffix(", s"),
                shown(row.what, row.truth),
                shown(row.what, row.counted),
                "" if row.n is None else f"{row.n:,}",
                "yes" if row.equal else "NO",
            )
        )
        use_case = row.use_case
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, tuple("─" * width for width in widths))
    return "\n".join(
        "  ".join(
            cell.ljust(width) if place in _LEFT else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def shown(what: str, value: Decimal) -> str:
    """A figure for people: `1,234`, `0.012345678`, or hours for what is kept in seconds."""
    if what.endswith(", s"):
        return f"{value / 3600:,.2f} h"
    text = f"{value:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _n(figures: Figures, use_case: str, what: str) -> int | None:
    base = _RESTS_ON.get(what)
    if base is None:
        if what.startswith("sum of "):
            base = what.removeprefix("sum of ")
        elif ":" in what or ", " in what:
            base = what.removesuffix(", s").removesuffix(", work").removesuffix(", request to end")
    if base is None or base == what:
        return None
    number = figures.get((use_case, base))
    return None if number is None else int(number)
