"""What the events of an import would say, as far as a person has to see it before they are sent."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from meetlat.imports.tasks import Task


@dataclass(slots=True)
class Group:
    """The tasks of one segment or step: how many, and their times in microseconds."""

    cases: int = 0
    finished: int = 0
    lead: list[int] = field(default_factory=list)
    draft: list[int] = field(default_factory=list)
    handling: list[int] = field(default_factory=list)
    revisions: list[int] = field(default_factory=list)

    def add(self, task: Task) -> None:
        """One more task."""
        self.cases += 1
        self.finished += "finished" in task.moments
        for values, value in (
            (self.lead, task.lead_time),
            (self.draft, task.draft_time),
            (self.handling, task.handling),
            (self.revisions, task.revisions),
        ):
            if value is not None and value >= 0:  # KPIs leave the others out too
                values.append(value)


@dataclass(slots=True)
class Measures:
    """All tasks of an import. `backwards` are those that end before they begin."""

    all: Group = field(default_factory=Group)
    segments: dict[str, Group] = field(default_factory=dict)
    steps: dict[str, Group] = field(default_factory=dict)
    outcomes: Counter[str] = field(default_factory=Counter)
    teams: Counter[str] = field(default_factory=Counter)
    first: int | None = None
    last: int | None = None
    backwards: int = 0

    def add(self, task: Task, *, whole: bool) -> None:
        """One more task; `whole` is False for a step of a case."""
        if not whole:
            self.steps.setdefault(task.step or "", Group()).add(task)
            return
        self.all.add(task)
        self.segments.setdefault(task.segment or "", Group()).add(task)
        self.outcomes[task.outcome or ""] += 1
        self.teams[task.team or ""] += 1
        began = min(task.moments.values(), default=task.time)
        self.first = began if self.first is None else min(self.first, began)
        self.last = task.time if self.last is None else max(self.last, task.time)
        lead = task.lead_time
        self.backwards += lead is not None and lead < 0
