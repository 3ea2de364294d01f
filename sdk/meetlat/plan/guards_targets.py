"""Guards on targets: what cannot be reached, and what is too good to be believed."""

from __future__ import annotations

from collections.abc import Iterator

from meetlat.kpis.catalogue import Kpi
from meetlat.plan.guarding import Finding, Subject, guard, of
from meetlat.plan.models import Goal, OwnKpi

# Where the catalogue has no plausible end: four fifths less is a claim that asks for evidence.
PLAUSIBLE_IMPROVEMENT = 0.8
BOUNDS = {"share": (0.0, 1.0), "score": (1.0, 10.0)}
NEVER_NEGATIVE = frozenset({"s", "min", "days", "tokens", "count", "people"})


@guard(
    "target",
    "error",
    "A target that says nothing, stands upside down, or lies outside what the unit can hold.",
)
def impossible(subject: Subject) -> Iterator[Finding]:
    for path, use_case, choice in subject.choices():
        kpi = subject.kpi(choice.id)
        if choice.target is None or kpi is None:
            continue
        fault = _fault(choice.target, kpi)
        if fault:
            yield Finding(
                (*path, "target"),
                f"the target of KPI `{choice.id}` of {of(use_case)} {fault[0]}",
                fault[1],
            )


def _fault(target: Goal, kpi: Kpi | OwnKpi) -> tuple[str, str] | None:
    figures = [figure for figure in (target.low, target.high) if figure is not None]
    if not figures:
        if target.kind == "trend":
            return None
        return "has no figure", 'write `low`, or `kind = "trend"`'
    if kpi.unit == "date":
        return "is a figure, but the KPI is a date", 'write `kind = "trend"`, without figures'
    rising = target.kind != "absolute" or kpi.better == "higher"
    if rising and target.low is not None and target.high is not None and target.low > target.high:
        return "has a `low` above its `high`", "exchange the two"
    if target.kind == "absolute":
        return _outside(figures, kpi)
    if target.kind == "trend":
        return None
    if min(figures) < 0:
        return "is a negative improvement", "write a positive one: 0.5 is 50 % better"
    if max(figures) > 1 and kpi.better == "lower":
        return "is more than 100 % less", "write a share of the baseline: 0.5 is 50 % less"
    return None


def _outside(figures: list[float], kpi: Kpi | OwnKpi) -> tuple[str, str] | None:
    unit = kpi.unit
    low, high = BOUNDS.get(unit, (0.0 if unit in NEVER_NEGATIVE else float("-inf"), float("inf")))
    if unit == "share" and kpi.better == "":  # a difference of shares
        low = -1.0
    if all(low <= figure <= high for figure in figures):
        return None
    if unit == "share":
        return "is not a share from 0 to 1", "write 0.85 for 85 %"
    if unit == "score":
        return "is not a score from 1 to 10", "put it on the scale from 1 to 10"
    return "is below 0", "write a positive figure"


@guard(
    "check-this",
    "warning",
    "A target beyond the plausible end: of the catalogue, or 80 % better than the baseline.",
)
def too_good(subject: Subject) -> Iterator[Finding]:
    for path, use_case, choice in subject.choices():
        kpi = subject.kpi(choice.id)
        if kpi is not None and choice.target is not None:
            end = _beyond(choice.target, kpi)
            if end is not None:
                unit = "" if kpi.unit in ("share", "count") else f" {kpi.unit}"
                limit = (
                    f"{end:.0%} better".replace("%", " %")
                    if choice.target.kind == "relative"
                    else f"{end:g}{unit}"
                )
                yield Finding(
                    (*path, "target"),
                    f"check this: the target of KPI `{choice.id}` of {of(use_case)} is beyond "
                    f"{limit}, the plausible end",
                    "set what you can defend, or write down in `decision` why more is possible",
                )


def _beyond(target: Goal, kpi: Kpi | OwnKpi) -> float | None:
    """The plausible end that a target goes beyond; None when it does not."""
    shipped = kpi.target if isinstance(kpi, Kpi) else None
    asked = [figure for figure in (target.low, target.high) if figure is not None]
    ends: list[float] = []
    if shipped is not None and shipped.kind == target.kind and shipped.high is not None:
        ends = [figure for figure in (shipped.low, shipped.high) if figure is not None]
    if not asked or target.kind == "trend":
        return None
    if target.kind == "absolute" and kpi.better != "higher":
        return min(ends) if ends and min(asked) < min(ends) else None
    if not ends and target.kind == "relative":
        ends = [PLAUSIBLE_IMPROVEMENT]
    return max(ends) if ends and max(asked) > max(ends) else None
