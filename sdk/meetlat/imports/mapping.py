"""The map as pydantic models: the only owner of what may stand in `MAP.toml`, key by key.

The map says what the columns and activities of an event log mean. docs/import.md shows every key.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from meetlat.contract.fields import Currency, Text
from meetlat.plan.models import Calendar

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,99}$")]
Column = Annotated[str, Field(min_length=1, max_length=200)]
Activities = Annotated[tuple[Text, ...], Field(min_length=1)]
Take = Literal["first", "last"]
MILESTONES = ("requested", "started", "first_draft", "decided", "finished")
ENDS = ("resolved", "unresolved", "abandoned", "reopened")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class File(_Strict):
    """How the file is written."""

    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = Field(
        ",", description="CSV: what stands between two cells"
    )
    encoding: str = Field("utf-8-sig", description="CSV: its encoding")
    sheet: str | None = Field(None, description="Excel: the sheet; without it the first one")
    decimal: Literal[".", ","] = Field(".", description="What stands before a number's decimals")

    @field_validator("encoding")
    @classmethod
    def _known(cls, name: str) -> str:
        try:
            "".encode(name)
        except LookupError:
            raise ValueError("is not an encoding, as utf-8 or cp1252") from None
        return name


class Time(_Strict):
    """When a row happened."""

    column: Column = Field(description="The column with the time")
    format: str | None = Field(
        None, description="As Python's strptime has it, or epoch, epoch_ms; without it ISO 8601"
    )
    zone: str | None = Field(None, description="The zone of times that say none")
    ambiguous: Literal["first", "second", "refuse"] = Field(
        "first", description="Which one a time is that the clock shows twice, in autumn"
    )
    nonexistent: Literal["forward", "refuse"] = Field(
        "forward", description="What becomes of a time that the clock leaps over, in spring"
    )

    @field_validator("zone")
    @classmethod
    def _known(cls, name: str | None) -> str | None:
        return None if name is None else _zone(name)


class Lifecycle(_Strict):
    """Which rows begin a piece of work and which complete it, and how the two are paired."""

    column: Column = Field(description="The column that says start, complete, …")
    start: Activities = Field(description="What it says when work starts")
    complete: Activities = Field(description="What it says when work is complete")
    ignore: tuple[Text, ...] = Field((), description="What else it says, that counts for nothing")
    pair: Literal["fifo", "lifo"] = Field(
        "fifo", description="A complete ends the oldest open start (fifo), or the newest (lifo)"
    )
    within: Literal["activity", "worker"] = Field(
        "activity", description="Paired within case and activity, or within those and the worker"
    )

    @model_validator(mode="after")
    def _once(self) -> Lifecycle:
        said = [*self.start, *self.complete, *self.ignore]
        for word in said:
            if said.count(word) > 1:
                raise ValueError(f"names {word!r} twice; leave it in one of the three lists")
        return self


def _as_label(given: Any) -> Any:
    return {"constant": given} if isinstance(given, str) else given


def _as_milestone(given: Any) -> Any:
    given = [given] if isinstance(given, str) else given
    return {"activities": given} if isinstance(given, list) else given


class LabelModel(_Strict):
    """A name for a case: a constant, a column as it is, a column by a table, or a number's size."""

    constant: Text | None = Field(None, description="The same for every case; plain text means it")
    column: Column | None = Field(None, description="The column that says it")
    values: dict[str, Text] = Field({}, description="What the column says → the name")
    below: dict[Text, Decimal] = Field(
        {}, description="Name → limit: the name of the lowest limit that the number lies below"
    )
    otherwise: Text | None = Field(None, description="The name of all others")
    take: Take = Field("first", description="Of several rows the first that says it, or the last")

    @model_validator(mode="after")
    def _one_way(self) -> LabelModel:
        if (self.constant is None) == (self.column is None):
            raise ValueError("takes a constant or a column, one of the two")
        if self.constant is not None and (self.values or self.below or self.otherwise):
            raise ValueError("values, below and otherwise belong to a column")
        if self.values and self.below:
            raise ValueError("takes values or below, one of the two")
        if self.below and self.otherwise is None:
            raise ValueError("below needs otherwise: the name of what lies above all limits")
        if self.otherwise and not (self.values or self.below):
            raise ValueError("otherwise needs values or below")
        return self


Label = Annotated[LabelModel, BeforeValidator(_as_label)]


class MilestoneModel(_Strict):
    """A moment of a case: when one of some activities was there."""

    activities: Activities = Field(description="The activities that mark it")
    take: Take | None = Field(
        None, description="Of several rows the first or the last; finished: last, the others: first"
    )


Milestone = Annotated[MilestoneModel, BeforeValidator(_as_milestone)]


class Milestones(_Strict):
    """Which activities mark the moments of a task."""

    requested: Milestone | None = Field(None, description="The customer asked")
    started: Milestone | None = Field(None, description="The work started; a start counts too")
    first_draft: Milestone | None = Field(None, description="The first draft was there")
    decided: Milestone | None = Field(None, description="The customer decided")
    finished: Milestone | None = Field(None, description="The case ended; without it: not yet")

    def of(self, name: str) -> MilestoneModel | None:
        """The milestone of that name."""
        found: MilestoneModel | None = getattr(self, name)
        return found


class Revisions(_Strict):
    """What a round of revision is."""

    activities: Activities = Field(description="Each of these is one round")
    after: Literal["first_draft", "first"] = Field(
        "first_draft", description="Counted after the first draft, or after the first of themselves"
    )


class Outcome(_Strict):
    """How a case ended."""

    activities: dict[Text, Text] = Field({}, description="Activity → outcome; the last one decides")
    column: Column | None = Field(None, description="The column that says it, its last word")
    values: dict[str, Text] = Field({}, description="What the column says → outcome")

    @model_validator(mode="after")
    def _one_way(self) -> Outcome:
        if bool(self.activities) == (self.column is not None):
            raise ValueError("takes activities or a column, one of the two")
        if self.values and self.column is None:
            raise ValueError("values belong to a column")
        return self


class Value(_Strict):
    """What a case is worth."""

    column: Column = Field(description="The column with the amount")
    currency: Currency | None = Field(None, description="ISO 4217, the same for all")
    currency_column: Column | None = Field(None, description="The column with the ISO 4217 code")
    take: Take = Field("last", description="Of several rows the first that says it, or the last")

    @model_validator(mode="after")
    def _one_currency(self) -> Value:
        if (self.currency is None) == (self.currency_column is None):
            raise ValueError("takes currency or currency_column, one of the two")
        return self


class WorkingHours(Calendar):
    """The plan's working calendar, and the zone whose clock it goes by."""

    zone: str = "UTC"

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        return _zone(name)

    @model_validator(mode="after")
    def _opens_first(self) -> WorkingHours:
        if self.opens >= self.closes:
            raise ValueError("opens must lie before closes")
        return self


class Handling(_Strict):
    """How much human work a case took: the sum of the spans from start to complete."""

    activities: Activities = Field(description="The activities that are human work")
    hours: Literal["calendar", "working"] = Field(
        "calendar", description="Spans by the clock, or the part of them in working hours"
    )
    calendar: WorkingHours | None = Field(None, description="The working hours")
    overlap: Literal["sum", "merge"] = Field(
        "sum", description="Spans at the same time each count in full, or the moment counts once"
    )
    without: Literal["unknown", "zero"] = Field(
        "unknown", description="What a case without any of these activities took"
    )

    @model_validator(mode="after")
    def _has_calendar(self) -> Handling:
        if self.hours == "working" and self.calendar is None:
            raise ValueError('hours = "working" needs [handling.calendar]')
        if self.hours == "calendar" and self.calendar is not None:
            raise ValueError('[handling.calendar] needs hours = "working"')
        return self


class Ending(_Strict):
    """What else a resolution event says of every case."""

    by: Literal["bot", "human"] = Field("human", description="Who brought the end about")
    ticket: bool | None = Field(None, description="Was a ticket made")
    channel: Text | None = Field(None, description="chat, mail, phone, …")


class Map(_Strict):
    """`MAP.toml`: what the columns and activities of a file mean."""

    name: Name = Field(description="Names the log: its events come from /import/NAME")
    version: Annotated[int, Field(ge=1, le=99_999)] = Field(
        1, description="Raise it when the map changed, so that a new import corrects the last one"
    )
    emit: Literal["task", "resolution"] = Field("task", description="Which events are made")
    use_case: Text = Field(description="The use case that the events belong to")
    process: Text | None = Field(None, description="The process; tasks need it")
    step: Label | None = Field(None, description="The rows are of this step, or say theirs")
    steps: dict[Text, Activities] = Field({}, description="Step → its activities")
    team: Label | None = Field(None, description="The team that did the work")
    segment: Label | None = Field(None, description="The class of the case")
    assisted: bool = Field(False, description="Was the work done with AI; history was not")
    case: Column = Field(description="The column that says which case a row belongs to")
    activity: Column = Field(description="The column that says what happened")
    worker: Column | None = Field(None, description="The column that says who did it")
    ignore: tuple[Text, ...] = Field((), description="Activities that count for nothing, knowingly")
    file: File = Field(File(), description="How the file is written")
    time: Time = Field(description="When a row happened")
    lifecycle: Lifecycle | None = Field(None, description="Starts and completes")
    milestones: Milestones = Field(Milestones(), description="The moments of a task")
    revisions: Revisions | None = Field(None, description="What a round of revision is")
    outcome: Outcome | None = Field(None, description="How a case ended")
    value: Value | None = Field(None, description="What a case is worth")
    handling: Handling | None = Field(None, description="How much human work it took")
    resolution: Ending | None = Field(None, description="What else a resolution says")

    @model_validator(mode="after")
    def _fits_together(self) -> Map:
        if self.emit == "task":
            if self.process is None:
                raise ValueError("process is missing: a task is of a business process")
            if self.milestones.finished is None:
                raise ValueError("milestones.finished is missing: which activity ends a case")
            if self.resolution is not None:
                raise ValueError('[resolution] needs emit = "resolution"')
        else:
            if self.outcome is None:
                raise ValueError("outcome is missing: a resolution is nothing else")
            if self.step is not None or self.steps:
                raise ValueError("step and steps belong to tasks")
            for said in (*self.outcome.activities.values(), *self.outcome.values.values()):
                if said not in ENDS:
                    raise ValueError(f"outcome {said!r} is none of a resolution: {', '.join(ENDS)}")
        if self.step is not None and self.steps:
            raise ValueError("steps stand beside step; takes one of the two")
        if self.handling is not None and self.lifecycle is None:
            raise ValueError("handling needs [lifecycle]: spans go from a start to a complete")
        if self.lifecycle is not None and self.lifecycle.within == "worker" and not self.worker:
            raise ValueError('lifecycle.within = "worker" needs worker, the column that says who')
        if (
            self.revisions is not None
            and self.revisions.after == "first_draft"
            and self.milestones.first_draft is None
        ):
            raise ValueError('revisions need milestones.first_draft, or after = "first"')
        return self

    @property
    def step_of_all(self) -> str | None:
        """The step that every row is of; None: cases are whole, or rows say their steps."""
        return None if self.step is None else self.step.constant

    def columns(self) -> dict[str, str]:
        """The columns that the map names → by which key."""
        found = {self.case: "case", self.activity: "activity", self.time.column: "time.column"}
        for key, part in (("step", self.step), ("team", self.team), ("segment", self.segment)):
            if part is not None and part.column is not None:
                found.setdefault(part.column, f"{key}.column")
        optional: dict[str, str | None] = {"worker": self.worker}
        if self.lifecycle is not None:
            optional["lifecycle.column"] = self.lifecycle.column
        if self.outcome is not None:
            optional["outcome.column"] = self.outcome.column
        if self.value is not None:
            optional["value.column"] = self.value.column
            optional["value.currency_column"] = self.value.currency_column
        for key, column in optional.items():
            if column is not None:
                found.setdefault(column, key)
        return found

    def activities(self) -> set[str]:
        """Every activity that the map gives a meaning."""
        found: set[str] = set()
        for name in MILESTONES:
            milestone = self.milestones.of(name)
            found.update(() if milestone is None else milestone.activities)
        for part in (self.revisions, self.handling):
            found.update(() if part is None else part.activities)
        found.update(() if self.outcome is None else self.outcome.activities)
        for activities in self.steps.values():
            found.update(activities)
        return found


def _zone(name: str) -> str:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("is not a time zone name, as Europe/Amsterdam") from None
    return name
