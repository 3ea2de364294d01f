"""Guards on dates: baseline, go-live, review, and rows that are in force from a day on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from meetlat.kpis.catalogue import Kpi
from meetlat.plan.guarding import Finding, Subject, again, guard, listed, of
from meetlat.plan.guards_kpis import has_baseline
from meetlat.plan.history import ABOUT
from meetlat.plan.models import SETTLING, Choice, Dated, Row, UseCase
from meetlat.plan.positions import Path

SHORTEST_BASELINE = timedelta(weeks=8)
REVIEW_FROM, REVIEW_TO = timedelta(days=28), timedelta(days=42)
LATE = timedelta(days=183)


@guard(
    "no-baseline",
    "warning",
    "A KPI that is compared with before has no baseline: no improvement, saving or ROI is shown.",
)
def no_baseline(subject: Subject) -> Iterator[Finding]:
    for path, use_case in subject.use_cases():
        bare = [one.id for one in use_case.kpis if _is_bare(subject, one, use_case)]
        if bare:
            yield Finding(
                path,
                f"{of(use_case)} has no baseline for {listed(bare)}: no improvement, saving or "
                "ROI can be shown",
                "record one: the days before go-live as [use_cases.baseline], an older log with "
                "`meetlat import`, or figures by hand in [[use_cases.baselines]]",
            )


def _is_bare(subject: Subject, choice: Choice, use_case: UseCase) -> bool:
    """Whether a KPI is compared with before, and nothing is known of before."""
    kpi = subject.kpi(choice.id)
    if kpi is None or has_baseline(kpi, use_case):
        return False
    target = choice.target or (kpi.target if isinstance(kpi, Kpi) else None)
    relative = target is not None and target.kind == "relative"
    return relative or (isinstance(kpi, Kpi) and kpi.baseline)


@guard(
    "short-baseline",
    "warning",
    "The baseline window is shorter than 8 weeks. One full cycle of the work is enough too.",
)
def short_baseline(subject: Subject) -> Iterator[Finding]:
    for path, use_case in subject.use_cases():
        window = use_case.baseline
        if window is not None and window.since <= window.until:
            days = (window.until - window.since).days + 1
            if days < SHORTEST_BASELINE.days:
                yield Finding(
                    (*path, "baseline"),
                    f"the baseline of {of(use_case)} is {days} days, shorter than 8 weeks",
                    "take 8 weeks or one full cycle of the work, not only the time after a peak",
                )


@guard(
    "baseline-window",
    "error",
    "The baseline window ends before it begins, or reaches into the time with AI.",
)
def baseline_window(subject: Subject) -> Iterator[Finding]:
    for path, use_case in subject.use_cases():
        window = use_case.baseline
        if window is None:
            continue
        if window.until < window.since:
            yield Finding(
                (*path, "baseline", "until"),
                f"the baseline of {of(use_case)} ends on {window.until}, before it begins",
                f"write a day after {window.since}",
            )
        if use_case.go_live is not None and window.until >= use_case.go_live:
            yield Finding(
                (*path, "baseline", "until"),
                f"the baseline of {of(use_case)} runs to {window.until}, but AI is used from "
                f"{use_case.go_live}",
                f"end it on {use_case.go_live - timedelta(days=1)} or before",
            )


@guard("no-go-live", "warning", "A use case has no `go_live`: no phase, no comparison.")
def no_go_live(subject: Subject) -> Iterator[Finding]:
    for path, use_case in subject.use_cases():
        if use_case.go_live is None and (*path, "go_live") not in subject.unfilled:
            yield Finding(
                path,
                f"{of(use_case)} has no `go_live`: nothing can be told before from after",
                "write the first day with AI, planned or past",
            )


@guard("go-live-ahead", "warning", "Go-live lies in the future: until then all is baseline.")
def go_live_ahead(subject: Subject) -> Iterator[Finding]:
    for path, use_case in subject.use_cases():
        if use_case.go_live is not None and use_case.go_live > subject.today:
            yield Finding(
                (*path, "go_live"),
                f"{of(use_case)} goes live on {use_case.go_live}; until then every value is "
                "baseline",
                "nothing to do when the day is right; use the time to record the baseline",
            )


@guard(
    "phases-overlap",
    "error",
    "The review lies before the end of the settling week, or events begin after the review.",
)
def phases_overlap(subject: Subject) -> Iterator[Finding]:
    for path, use_case in subject.use_cases():
        live, review, first = use_case.go_live, use_case.review, use_case.measured_from
        if live is not None and review is not None and review < live + SETTLING:
            yield Finding(
                (*path, "review"),
                f"the review of {of(use_case)} on {review} lies before the end of the settling "
                f"week ({live + SETTLING - timedelta(days=1)})",
                f"plan it from {live + REVIEW_FROM} to {live + REVIEW_TO}",
            )
        if review is not None and first is not None and first > review:
            yield Finding(
                (*path, "measured_from"),
                f"{of(use_case)} is measured from {first}, after its review on {review}",
                "plan the review at least four weeks after measuring begins",
            )


@guard("review-time", "warning", "The review is not 28 to 42 days after go-live.")
def review_time(subject: Subject) -> Iterator[Finding]:
    for path, use_case in subject.use_cases():
        live, review = use_case.go_live, use_case.review
        if live is None or review is None or review < live + SETTLING:
            continue
        if not REVIEW_FROM <= review - live <= REVIEW_TO:
            early = review - live < REVIEW_FROM
            why = "first figures are weak" if early else "a bad start goes on too long"
            yield Finding(
                (*path, "review"),
                f"the review of {of(use_case)} is {(review - live).days} days after go-live: {why}",
                f"plan it from {live + REVIEW_FROM} to {live + REVIEW_TO}",
            )


@guard(
    "late",
    "warning",
    "Measuring starts more than six months after go-live, or a use case went live so long ago "
    "and has no baseline: what was before is forgotten by then.",
)
def late(subject: Subject) -> Iterator[Finding]:
    for path, use_case in subject.use_cases():
        live, first = use_case.go_live, use_case.measured_from
        if live is not None and first is not None and first - live > LATE:
            yield Finding(
                (*path, "measured_from"),
                f"{of(use_case)} is measured from {first}, more than six months after go-live",
                "get the months before out of a log with `meetlat import`, and say in reports "
                "that the start was not measured",
            )
        before = use_case.baseline is not None or use_case.baselines
        if live is not None and first is None and not before and subject.today - live > LATE:
            yield Finding(
                (*path, "go_live"),
                f"{of(use_case)} went live more than six months ago, and nothing says how it was "
                "before",
                "record a baseline from an older log with `meetlat import`, or write in "
                "`measured_from` since when events are kept",
            )


@guard("dated-twice", "error", "Two rows about the same thing with the same `from`.")
def dated_twice(subject: Subject) -> Iterator[Finding]:
    yield from _dated_twice(subject.plan, ())


def _dated_twice(row: Row, path: Path) -> Iterator[Finding]:
    for name in type(row).model_fields:
        value = getattr(row, name)
        if isinstance(value, Row):
            yield from _dated_twice(value, (*path, name))
        elif isinstance(value, tuple) and value and isinstance(value[0], Row):
            for index in again(_identity(value)):
                yield Finding(
                    (*path, name, index, "from"),
                    f"two rows of `{name}` are about the same and begin on {value[index].since}",
                    "keep one of the two, or give the later one its own `from`",
                )
            for index, below in enumerate(value):
                yield from _dated_twice(below, (*path, name, index))


def _identity(rows: Sequence[Row]) -> list[tuple[Any, ...]]:
    about = ABOUT.get(type(rows[0]), ())
    dated = [row for row in rows if isinstance(row, Dated)]
    return [(row.since, *(getattr(row, key) for key in about)) for row in dated]


@guard("calendar", "error", "The working day ends before it begins, or a day stands there twice.")
def calendar(subject: Subject) -> Iterator[Finding]:
    hours = subject.plan.company.calendar
    path: Path = ("company", "calendar")
    if hours.opens >= hours.closes:
        yield Finding(
            (*path, "closes"),
            f"the working day ends at {hours.closes:%H:%M}, not after {hours.opens:%H:%M}",
            "write a later time; work over midnight counts in calendar hours",
        )
    for name, days in (("days", hours.days), ("holidays", hours.holidays)):
        for index in again(days):
            yield Finding(
                (*path, name, index), f"{days[index]} stands twice in `{name}`", "keep one of them"
            )
