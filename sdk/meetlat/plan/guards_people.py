"""Guards on people: head counts, agreements, attributes, and who gets reports."""

from __future__ import annotations

import re
from collections.abc import Iterator

from meetlat.plan.guarding import Finding, Subject, again, guard, listed, of
from meetlat.plan.history import ABOUT
from meetlat.plan.models import Report, in_force
from meetlat.plan.problems import shown

COUNT_KPIS = frozenset({"throughput"})
ENTITLED_KPIS = frozenset({"adoption_rate", "usage_intensity"})
FEWEST = 5
PERSONAL = re.compile(
    r"(^|[_.-])(e?mail|phone|(first|last|full|user|sur)?name|user(id)?|address|birth\w*|age"
    r"|gender|sex|bsn|ssn|salary|nationality|religion|health)([_.-]|$)"
)
ADDRESS = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>.]+")


@guard(
    "no-head-count",
    "warning",
    "A KPI per person needs the teams' head counts from go-live on; without them it is unknown.",
)
def no_head_count(subject: Subject) -> Iterator[Finding]:
    for path, use_case in subject.use_cases():
        chosen = [c.id for c in use_case.kpis if c.id in COUNT_KPIS | ENTITLED_KPIS]
        for index, name in enumerate(use_case.teams if chosen else ()):
            rows = [row for t in subject.plan.teams if t.name == name for row in t.people]
            if name not in subject.team_names:
                continue
            now = in_force(rows, use_case.go_live) if use_case.go_live else next(iter(rows), None)
            if not rows:
                missing, needing = "no head count", chosen
            elif now is None:
                missing, needing = (
                    f"no head count on {use_case.go_live}, the day of go-live",
                    chosen,
                )
            elif now.entitled is None and ENTITLED_KPIS & set(chosen):
                missing = "no number of people `entitled` to use the AI"
                needing = [one for one in chosen if one in ENTITLED_KPIS]
            else:
                continue
            yield Finding(
                (*path, "teams", index),
                f"team {shown(name)} has {missing}: {listed(needing)} of {of(use_case)} stays "
                "unknown",
                "add [[teams.people]] with `from`, `count` and `entitled`",
            )


@guard(
    "control-head-count",
    "warning",
    "A control team is known by its head count from the baseline on; else nothing is taken off.",
)
def control_head_count(subject: Subject) -> Iterator[Finding]:
    for path, use_case in subject.use_cases():
        since = use_case.baseline.since if use_case.baseline else use_case.go_live
        for team in subject.plan.teams:
            if team.name == use_case.control_team and not (since and in_force(team.people, since)):
                yield Finding(
                    (*path, "control_team"),
                    f"the control team {shown(team.name)} of {of(use_case)} has no head count "
                    f"{f'on {since}' if since else 'yet'}: work without AI is shown as (small) "
                    "then, and nothing is taken off",
                    "add [[teams.people]] with `from` and `count`, from the baseline on",
                )


@guard("entitled", "error", "More people entitled to use the AI than there are in the team.")
def entitled(subject: Subject) -> Iterator[Finding]:
    for index, team in enumerate(subject.plan.teams):
        for row_index, row in enumerate(team.people):
            if row.entitled is not None and row.entitled > row.count:
                yield Finding(
                    ("teams", index, "people", row_index, "entitled"),
                    f"team {shown(team.name)} has {row.entitled} people entitled, of {row.count}",
                    "write at most the head count",
                )


@guard(
    "small-team",
    "warning",
    f"A team of fewer than {FEWEST} people: it is never shown by itself.",
)
def small_team(subject: Subject) -> Iterator[Finding]:
    for index, team in enumerate(subject.plan.teams):
        now = in_force(team.people, subject.today)
        if now is not None and 0 < now.count < FEWEST:
            yield Finding(
                ("teams", index),
                f"team {shown(team.name)} has {now.count} people: it appears as (small), never by "
                "itself",
                "put it together with another team where you want to see figures",
            )


@guard(
    "privacy",
    "error",
    "Outside `demo = true` a plan names its purpose, the agreement or why none is needed, the "
    "impact assessment and, for pack `hr`, the human who decides.",
)
def privacy(subject: Subject) -> Iterator[Finding]:
    if subject.plan.company.demo:
        return
    said = subject.plan.privacy
    needed = [
        ("purpose", said.purpose is not None, "what the figures are for, and what not"),
        (
            "agreement",
            said.agreement is not None or said.no_agreement_because is not None,
            "the agreement with the works council, or in `no_agreement_because` why none is needed",
        ),
        ("impact_assessment", said.impact_assessment is not None, "the reference of it"),
        (
            "selection_decided_by",
            said.selection_decided_by is not None
            or all(use_case.pack != "hr" for use_case in subject.plan.use_cases),
            "who decides, since AI helps to select people",
        ),
    ]
    open_places = {"agreement", "no_agreement_because"}
    for name, there, what in needed:
        marked = open_places if name in open_places else {name}
        if not there and not any(("privacy", one) in subject.unfilled for one in marked):
            yield Finding(
                ("privacy", name),
                f"`{name}` is missing in [privacy]",
                f"write {what}; only made-up data (`demo = true`) need none",
            )


@guard(
    "two-agreements",
    "error",
    "Both an agreement and a reason why none is needed.",
)
def two_agreements(subject: Subject) -> Iterator[Finding]:
    said = subject.plan.privacy
    if said.agreement is not None and said.no_agreement_because is not None:
        yield Finding(
            ("privacy", "no_agreement_because"),
            "there is an agreement, and a reason why none is needed",
            "keep the one that is true",
        )


@guard(
    "personal-attribute",
    "warning",
    "An attribute that sounds like personal data.",
)
def personal_attribute(subject: Subject) -> Iterator[Finding]:
    for index, name in enumerate(subject.plan.attributes):
        if PERSONAL.search(name):
            yield Finding(
                ("attributes", index),
                f"attribute `{name}` sounds like personal data",
                "leave it out: nothing about one person belongs in attributes",
            )


@guard(
    "recipient",
    "error",
    "A report to what is no e-mail address, or about an unknown use case.",
)
def recipient(subject: Subject) -> Iterator[Finding]:
    for index, report in enumerate(subject.plan.reports):
        for place, to in enumerate(report.to):
            if "@" in to and not ADDRESS.fullmatch(to):
                yield Finding(
                    ("reports", index, "to", place),
                    f"{shown(to)} is not an e-mail address",
                    "write one as director@example.com, or a folder",
                )
        for place, name in enumerate(report.use_cases):
            if name not in subject.use_case_ids:
                yield Finding(
                    ("reports", index, "use_cases", place),
                    f"a report is about use case `{name}`, which is not in the plan",
                    "write the `id` of a use case",
                )


@guard("report-twice", "error", "The same report stands there twice.")
def report_twice(subject: Subject) -> Iterator[Finding]:
    rows = [
        tuple(getattr(report, name) for name in ABOUT[Report]) for report in subject.plan.reports
    ]
    for index in again(rows):
        report = subject.plan.reports[index]
        yield Finding(
            ("reports", index),
            f"the {report.rhythm} report for {report.audience} stands there twice",
            "put all its recipients in one `to`",
        )


@guard(
    "own-figures",
    "warning",
    "A report for users without an agreement: their own figures stay off.",
)
def own_figures(subject: Subject) -> Iterator[Finding]:
    for index, report in enumerate(subject.plan.reports):
        if report.audience == "users" and subject.plan.privacy.agreement is None:
            yield Finding(
                ("reports", index, "audience"),
                "users get a report, but without an agreement their own figures stay off",
                "write the `agreement` in [privacy]; without it they see their team's figures",
            )
