"""Turns the rows of a case into what they say of a task: its moments, outcome, rounds and work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from meetlat.imports.collecting import LABELS
from meetlat.imports.mapping import MILESTONES, LabelModel, Map
from meetlat.imports.pairing import HandlingTime, Pairs, Row, pair

_PLACE = {name: index for index, name in enumerate(LABELS)}


@dataclass(slots=True)
class Task:
    """A case, or one step of it. Times and `handling` in microseconds; None is "not known"."""

    case: str
    step: str | None
    time: int  # of its last row
    rows: int
    moments: dict[str, int] = field(default_factory=dict)
    team: str | None = None
    segment: str | None = None
    outcome: str | None = None
    value: str | None = None
    currency: str | None = None
    revisions: int | None = None
    handling: int | None = None
    worker: str = ""

    @property
    def lead_time(self) -> int | None:
        """From asked (else started) to finished."""
        finished = self.moments.get("finished")
        began = self.moments.get("requested", self.moments.get("started"))
        return None if finished is None or began is None else finished - began

    @property
    def draft_time(self) -> int | None:
        """From asked to the first draft."""
        asked, draft = self.moments.get("requested"), self.moments.get("first_draft")
        return None if asked is None or draft is None else draft - asked


class Tasks:
    """Makes tasks by one map. `alone` counts, per activity, starts and completes without a
    partner; `pairs` those that have one.
    """

    def __init__(self, said: Map) -> None:
        self.pairs = 0
        self.alone: Counter[tuple[str, str]] = Counter()
        self._said = said
        self._milestones = [
            (name, frozenset(one.activities), one.take or _usual(name), _kinds(name))
            for name in MILESTONES
            if (one := said.milestones.of(name)) is not None
        ]
        self._work = frozenset(() if said.handling is None else said.handling.activities)
        self._paired = self._work.union(*said.steps.values())
        self._handling = None if said.handling is None else HandlingTime(said.handling)
        self._steps = {name: frozenset(activities) for name, activities in said.steps.items()}

    def of(self, case: str, rows: list[Row]) -> Iterator[Task]:
        """The tasks of a case: the case itself, then one per step where the map asks for steps."""
        said = self._said
        pairs = Pairs([], [], [])
        if said.lifecycle is not None:
            pairs = pair(rows, said.lifecycle, self._paired)
            self._count(pairs)
        whole = Task(case, _constant(said.step), rows[-1].time, len(rows))
        self._fill(whole, rows, pairs)
        yield whole
        for name, own in self._parts(rows).items():
            yield self._part(whole, name, own, pairs)

    def _count(self, pairs: Pairs) -> None:
        self.pairs += len(pairs.spans)
        self.alone.update((row.activity, "start") for row in pairs.starts)
        self.alone.update((row.activity, "complete") for row in pairs.completes)

    def _fill(self, task: Task, rows: list[Row], pairs: Pairs) -> None:
        said = self._said
        for name, activities, take, kinds in self._milestones:
            times = [row.time for row in rows if row.activity in activities and row.kind in kinds]
            if times:
                task.moments[name] = times[0] if take == "first" else times[-1]
        task.team = _label(said.team, "team", rows)
        task.segment = _label(said.segment, "segment", rows)
        task.outcome = self._outcome(rows)
        if said.value is not None:
            task.value = _said(rows, "value", said.value.take)
            if task.value is not None:
                task.currency = said.value.currency or _said(rows, "currency", said.value.take)
        task.revisions = self._revisions(rows)
        task.handling = self._work_in(rows, pairs)
        task.worker = _last_worker(rows)

    def _outcome(self, rows: list[Row]) -> str | None:
        rule = self._said.outcome
        if rule is None:
            return None
        if rule.column is not None:
            return _said(rows, "outcome", "last")
        for row in reversed(rows):
            if row.kind == "complete" and row.activity in rule.activities:
                return rule.activities[row.activity]
        return None

    def _revisions(self, rows: list[Row]) -> int | None:
        """Rounds after the first draft, in the order of the rows; None before there is a draft."""
        rule, drafts = self._said.revisions, self._said.milestones.first_draft
        if rule is None:
            return None
        done = [row for row in rows if row.kind == "complete"]
        begins: tuple[str, ...] = rule.activities
        if rule.after == "first_draft":
            begins = () if drafts is None else drafts.activities
        first = next((n for n, row in enumerate(done) if row.activity in begins), None)
        if first is None:
            return None
        return sum(row.activity in rule.activities for row in done[first + 1 :])

    def _work_in(self, rows: list[Row], pairs: Pairs) -> int | None:
        """Handling of these rows, which `pairs` may hold more than."""
        rule = self._said.handling
        if rule is None or self._handling is None:
            return None
        own = {row.line for row in rows}
        spans = [
            span
            for span in pairs.spans
            if span.started.activity in self._work and span.started.line in own
        ]
        if spans:
            return self._handling.total(spans)
        touched = any(row.activity in self._work for row in rows)
        return 0 if rule.without == "zero" and not touched else None

    def _parts(self, rows: list[Row]) -> Mapping[str, list[Row]]:
        """Step → its rows, in the order in which the steps begin."""
        found: dict[str, list[Row]] = {}
        by_column = self._said.step is not None and self._said.step.column is not None
        for row in rows:
            if by_column and (name := row.labels[_PLACE["step"]]) is not None:
                found.setdefault(name, []).append(row)
            for name, activities in self._steps.items():
                if row.activity in activities:
                    found.setdefault(name, []).append(row)
        return found

    def _part(self, whole: Task, name: str, rows: list[Row], pairs: Pairs) -> Task:
        """One step: from its first row to its last complete, unless a start is still open."""
        part = Task(whole.case, name, rows[-1].time, len(rows))
        part.team, part.segment = whole.team, whole.segment
        begun = [row.time for row in rows if row.kind != "other"]
        if begun:
            part.moments["started"] = begun[0]
        done = [row.time for row in rows if row.kind == "complete"]
        open_starts = {row.line for row in pairs.starts}
        if done and not any(row.line in open_starts for row in rows):
            part.moments["finished"] = done[-1]
        part.handling = self._work_in(rows, pairs)
        part.worker = _last_worker(rows)
        return part


def _usual(milestone: str) -> str:
    return "last" if milestone == "finished" else "first"


def _kinds(milestone: str) -> frozenset[str]:
    """An activity is there when it is complete; work has started when it starts."""
    return frozenset(("start", "complete") if milestone == "started" else ("complete",))


def _constant(rule: LabelModel | None) -> str | None:
    return None if rule is None else rule.constant


def _label(rule: LabelModel | None, name: str, rows: list[Row]) -> str | None:
    if rule is None:
        return None
    return rule.constant or _said(rows, name, rule.take)


def _said(rows: list[Row], name: str, take: str) -> str | None:
    """What the first or the last row says that says anything."""
    place = _PLACE[name]
    ordered = rows if take == "first" else reversed(rows)
    return next((row.labels[place] for row in ordered if row.labels[place] is not None), None)


def _last_worker(rows: list[Row]) -> str:
    return next((row.worker for row in reversed(rows) if row.worker), "")
