"""Guards on the choice of KPIs: few, of all levels, known, and each with a consequence."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import get_args

from meetlat.kpis.catalogue import Kpi
from meetlat.plan.guarding import Finding, Subject, again, guard, listed, of
from meetlat.plan.kinds import Phase
from meetlat.plan.models import Choice, OwnKpi, UseCase
from meetlat.plan.positions import Path

MOST_KPIS = 7
MOST_PER_LEVEL = 2
LEVELS = {1: "technical", 2: "process", 3: "business", 4: "adoption"}
PHASES: tuple[Phase, ...] = get_args(Phase)
STEP_KPIS = frozenset({"screening_time", "time_to_first_draft"})
WHOLE = "end_to_end_lead_time"
NEVER_COUNTS = frozenset({"count", "tokens", "people"})


def in_phase(use_case: UseCase, phase: Phase) -> list[tuple[int, Choice]]:
    """The KPIs that count in a phase, with their places."""
    return [
        (index, choice)
        for index, choice in enumerate(use_case.kpis)
        if not choice.phases or phase in choice.phases
    ]


@guard(
    "too-many-kpis",
    "error",
    f"More than {MOST_KPIS} KPIs in one phase of a use case. The message names the surplus.",
)
def too_many(subject: Subject) -> Iterator[Finding]:
    for path, use_case in subject.use_cases():
        surplus: dict[int, list[str]] = {}
        for phase in PHASES:
            for index, _ in in_phase(use_case, phase)[MOST_KPIS:]:
                surplus.setdefault(index, []).append(phase)
        if surplus:
            index = min(surplus)
            most = max(len(in_phase(use_case, phase)) for phase in PHASES)
            names = listed(use_case.kpis[index].id for index in sorted(surplus))
            phases = dict.fromkeys(phase for found in surplus.values() for phase in found)
            when = "" if len(phases) == len(PHASES) else f" in phase {listed(phases)}"
            yield Finding(
                (*path, "kpis", index),
                f"{of(use_case)} has {most} KPIs{when}, more than {MOST_KPIS}",
                f"remove {names}, or bind KPIs to `phases`",
            )


@guard(
    "levels",
    "warning",
    f"A level (technical, process, business, adoption) has no KPI, or more than {MOST_PER_LEVEL}.",
)
def levels(subject: Subject) -> Iterator[Finding]:
    for path, use_case in subject.use_cases():
        if not use_case.kpis:
            continue
        level_of = {
            choice.id: kpi.level for choice in use_case.kpis if (kpi := subject.kpi(choice.id))
        }
        for level, word in LEVELS.items():
            fullest = max(
                (
                    [c.id for _, c in in_phase(use_case, phase) if level_of.get(c.id) == level]
                    for phase in PHASES
                ),
                key=len,
            )
            if not fullest and len(level_of) == len({choice.id for choice in use_case.kpis}):
                yield Finding(
                    path,
                    f"{of(use_case)} has no KPI of level {level} ({word})",
                    "choose one, so that nothing is judged from one side only",
                )
            if len(fullest) > MOST_PER_LEVEL:
                last = [choice.id for choice in use_case.kpis].index(fullest[MOST_PER_LEVEL])
                yield Finding(
                    (*path, "kpis", last),
                    f"{of(use_case)} has {len(fullest)} KPIs of level {level} ({word}):"
                    f" {listed(fullest)}",
                    f"keep the {MOST_PER_LEVEL} that decide something",
                )


@guard("no-kpis", "warning", "A use case has no KPIs, so nothing is judged.")
def no_kpis(subject: Subject) -> Iterator[Finding]:
    for path, use_case in subject.use_cases():
        if not use_case.kpis:
            yield Finding(
                path,
                f"{of(use_case)} has no KPIs: nothing is judged",
                "choose 3 to 5, each in a table [[use_cases.kpis]]",
            )


@guard("no-use-cases", "warning", "The plan has no use case.")
def no_use_cases(subject: Subject) -> Iterator[Finding]:
    if not subject.plan.use_cases:
        yield Finding(
            (),
            "the plan has no use case: nothing is judged",
            "add a table [[use_cases]]; `meetlat plan init` writes an example",
        )


@guard("no-decision", "error", "A KPI without a `decision`: nothing would follow from a miss.")
def no_decision(subject: Subject) -> Iterator[Finding]:
    for path, use_case, choice in subject.choices():
        if choice.decision is None and (*path, "decision") not in subject.unfilled:
            yield Finding(
                path,
                f"KPI `{choice.id}` of {of(use_case)} has no `decision`",
                "write what will be done when it misses its target, or remove the KPI",
            )


@guard(
    "no-reference",
    "error",
    "A KPI with neither a target (of the plan or the catalogue) nor a baseline.",
)
def no_reference(subject: Subject) -> Iterator[Finding]:
    for path, use_case, choice in subject.choices():
        kpi = subject.kpi(choice.id)
        if kpi is None or choice.target or (isinstance(kpi, Kpi) and kpi.target):
            continue
        if not has_baseline(kpi, use_case):
            yield Finding(
                path,
                f"KPI `{choice.id}` of {of(use_case)} has neither a target nor a baseline",
                "add `target = {low = …}`, a baseline window, or [[use_cases.baselines]] by hand",
            )


def has_baseline(kpi: Kpi | OwnKpi, use_case: UseCase) -> bool:
    """Whether a KPI can be compared with a time before: by hand, or by the window's events."""
    by_hand = any(row.kpi == kpi.id for row in use_case.baselines)
    counted = isinstance(kpi, OwnKpi) or kpi.baseline
    return by_hand or (counted and use_case.baseline is not None)


@guard(
    "raw-count",
    "error",
    "A raw count (so many requests, so many tokens) without a target: it says nothing of worth.",
)
def raw_count(subject: Subject) -> Iterator[Finding]:
    for path, use_case, choice in subject.choices():
        kpi = subject.kpi(choice.id)
        if kpi is None or kpi.shape != "sum" or kpi.unit not in NEVER_COUNTS or choice.target:
            continue
        if isinstance(kpi, OwnKpi) or kpi.target is None:
            yield Finding(
                path,
                f"KPI `{choice.id}` of {of(use_case)} is a raw count without a target",
                "give it a target that means success, or choose a KPI of the outcome behind it",
            )


@guard("unknown-kpi", "error", "A KPI that is neither in the catalogue nor in `[[kpis]]`.")
def unknown_kpi(subject: Subject) -> Iterator[Finding]:
    for path, use_case, choice in subject.choices():
        kpi = subject.kpi(choice.id)
        if kpi is None:
            yield unknown((*path, "id"), choice.id, subject)
        elif isinstance(kpi, OwnKpi) and kpi.use_case not in (None, use_case.id):
            yield Finding(
                (*path, "id"),
                f"KPI `{choice.id}` is for use case `{kpi.use_case}`, not for {of(use_case)}",
                "remove `use_case` from it in [[kpis]], or choose another KPI",
            )


def unknown(path: Path, name: str, subject: Subject) -> Finding:
    """What is said of a KPI that is not there, with the nearest names."""
    names = [*subject.catalogue, *subject.own]
    near = get_close_matches(name, names, 1, 0.85) or get_close_matches(name, names, 3, 0.7)
    advice = f"did you mean {' or '.join(f'`{one}`' for one in near)}?" if near else "remove it;"
    return Finding(
        path,
        f"KPI `{name}` is not known",
        f"{advice} docs/kpis.md lists the catalogue, [[kpis]] adds your own",
    )


@guard("kpi-twice", "error", "A use case chooses the same KPI twice.")
def kpi_twice(subject: Subject) -> Iterator[Finding]:
    for path, use_case in subject.use_cases():
        for index in again(choice.id for choice in use_case.kpis):
            yield Finding(
                (*path, "kpis", index, "id"),
                f"KPI `{use_case.kpis[index].id}` stands twice in {of(use_case)}",
                "keep one of the two",
            )


@guard(
    "other-pack",
    "warning",
    "A KPI of another pack than the use case's: its data are seldom there.",
)
def other_pack(subject: Subject) -> Iterator[Finding]:
    for path, use_case, choice in subject.choices():
        kpi = subject.catalogue.get(choice.id)
        if kpi is not None and kpi.pack not in ("all", "people", use_case.pack):
            yield Finding(
                (*path, "id"),
                f"KPI `{choice.id}` is of pack `{kpi.pack}`, {of(use_case)} of `{use_case.pack}`",
                "see that its events are sent for this use case, or choose another KPI",
            )


@guard(
    "isolated",
    "warning",
    f"Steps are measured without `{WHOLE}`: a quicker step wins nothing if the next one waits.",
)
def isolated(subject: Subject) -> Iterator[Finding]:
    for path, use_case in subject.use_cases():
        chosen = {choice.id for choice in use_case.kpis}
        if chosen and WHOLE not in chosen and (use_case.steps or chosen & STEP_KPIS):
            what = "steps" if use_case.steps else "a step"
            yield Finding(
                (*path, "steps") if use_case.steps else path,
                f"{of(use_case)} measures {what} but not the whole way",
                f"choose `{WHOLE}` too: a quicker step wins nothing if the one before stays slow",
            )


@guard(
    "learning-curve",
    "warning",
    "`learning_curve` without an agreement: it stays off. Tasks of before the agreement follow "
    "with `meetlat rebuild`.",
)
def learning_curve(subject: Subject) -> Iterator[Finding]:
    for path, use_case, choice in subject.choices():
        if choice.id == "learning_curve" and subject.plan.privacy.agreement is None:
            yield Finding(
                path,
                f"`learning_curve` of {of(use_case)} needs to know whose task it was",
                "write the `agreement` in [privacy]; without it the KPI stays off. Tasks of before "
                "it follow with `meetlat rebuild`, where the agreement covers them",
            )


@guard(
    "reference-prompt",
    "warning",
    "`token_saving` without a prompt version to compare with.",
)
def reference_prompt(subject: Subject) -> Iterator[Finding]:
    for path, use_case, choice in subject.choices():
        if choice.id == "token_saving" and not use_case.reference_prompts:
            yield Finding(
                path,
                f"`token_saving` of {of(use_case)} has nothing to compare with",
                "name the version of before in [[use_cases.reference_prompts]]",
            )
