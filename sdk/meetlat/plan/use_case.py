"""One use case of AI in the plan: when it runs, who works with it, and what it is judged by."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Literal

from pydantic import Field, field_validator

from meetlat.kpis.catalogue import Target
from meetlat.plan.kinds import (
    Blank,
    Count,
    Day,
    Id,
    Line,
    Money,
    Number,
    Phase,
    Seconds,
    Text,
)
from meetlat.plan.rows import Dated, Row

SETTLING = timedelta(days=7)
REVIEW_AFTER = timedelta(days=35)
REVIEW_LASTS = timedelta(days=28)


class Window(Row):
    """Days, both included."""

    since: Day = Field(alias="from", description="First day", examples=[date(2026, 1, 5)])
    until: Day = Field(description="Last day", examples=[date(2026, 3, 29)])


class Limit(Dated):
    """How many seconds an answer may take (`response_on_time`)."""

    seconds: Seconds = Field(description="The most that an answer may take", examples=[3])
    operation: Blank = Field(
        "", description="Of which operation; without it of all", examples=["chat"]
    )


class Goal(Target):
    """What a KPI should reach."""

    low: Number | None = Field(None, description="What has to be reached", examples=[0.85])
    high: Number | None = Field(None, description="Upper end of the ambition", examples=[0.9])
    kind: Literal["absolute", "relative", "trend"] = Field(
        "absolute",
        description=(
            "`absolute`: in the KPI's unit, a share as 0.85; `relative`: improvement on the "
            "baseline, 0.5 is 50 % better; `trend`: the right way, without a figure"
        ),
        examples=["absolute"],
    )
    origin: Literal["article", "house", "plan"] = Field(
        "plan", description="Where the figure comes from", examples=["plan"]
    )


class Choice(Row):
    """A KPI that the use case is judged by, its target, and what is done when it misses."""

    id: Id = Field(
        description="The KPI's id in the catalogue, or of `[[kpis]]`", examples=["lead_time"]
    )
    target: Goal | None = Field(None, description="Without one the catalogue's, where it has one")
    decision: Line | None = Field(
        None,
        description="What will be done when the KPI misses its target; required",
        examples=["Below target at the review: we stop the pilot"],
    )
    phases: tuple[Phase, ...] = Field(
        (), description="Phases in which the KPI counts; without them all", examples=["early"]
    )
    maturity_days: Annotated[Count, Field(le=730)] | None = Field(
        None,
        description="Days until a cohort is no longer provisional; without it the catalogue's",
        examples=[30],
    )

    @field_validator("target", mode="before")
    @classmethod
    def _taken_over(cls, target: object) -> object:
        """A target of the catalogue's, as code hands it over, is checked as one of the plan's."""
        return target.model_dump() if isinstance(target, Target) else target


class HandBaseline(Row):
    """A baseline that somebody wrote down: the value, how sure it is, and where it comes from."""

    kpi: Id = Field(description="Of which KPI", examples=["lead_time"])
    segment: Blank = Field("", description="Of which segment", examples=["standard"])
    team: Blank = Field("", description="Of which team", examples=["sales"])
    part: Blank = Field("", description="Of which part of the KPI", examples=["typo"])
    value: Number = Field(description="The value, in the KPI's unit", examples=[72])
    low: Number = Field(description="Not below this, 95 % sure", examples=[64])
    high: Number = Field(description="Not above this, 95 % sure", examples=[80])
    n: Annotated[Count, Field(ge=1)] = Field(
        description="How many observations it rests on", examples=[140]
    )
    source: Line = Field(
        description="Where it comes from", examples=["Order system, January to March"]
    )


class TicketCost(Dated):
    """What handling a ticket costs: `deflection_saving` counts with it."""

    amount: Money = Field(description="Money, in the company's currency", examples=[22.5])


class Regular(Dated):
    """What "regular use" is: at least so many uses in an ISO week."""

    uses: Annotated[Count, Field(ge=1, le=1000)] = Field(
        3, description="Uses in an ISO week", examples=[3]
    )


class ReferencePrompt(Row):
    """The prompt version that `token_saving` compares with."""

    tool: Text = Field(description="Of which tool", examples=["quote-writer"])
    prompt_version: Text = Field(description="Its version, as events name it", examples=["v1"])


class UseCase(Row):
    """One application of AI that the company wants to judge."""

    id: Id = Field(description="As events name it", examples=["quotes"])
    name: Text = Field(description="As people name it", examples=["Quotes with AI"])
    pack: Literal["quotes", "hr", "service", "general"] = Field(
        description="Which pack of KPIs fits", examples=["quotes"]
    )
    process: Text | None = Field(
        None, description="The business process, as events name it", examples=["quote"]
    )
    steps: tuple[Text, ...] = Field(
        (), description="Steps of the process that are measured", examples=["draft"]
    )
    segments: tuple[Text, ...] = Field(
        (),
        description="Classes of tasks that are never averaged together",
        examples=["standard"],
    )
    tools: tuple[Text, ...] = Field(
        (), description="AI programs, as events name them", examples=["quote-writer"]
    )
    features: tuple[Text, ...] = Field(
        (), description="Features on offer, used or not", examples=["draft"]
    )
    teams: tuple[Text, ...] = Field((), description="Teams that use it", examples=["sales"])
    go_live: Day | None = Field(
        None,
        description="First day with AI; phases are counted from it",
        examples=[date(2026, 4, 1)],
    )
    measured_from: Day | None = Field(
        None,
        description="First day with events, where that is later than the baseline or go-live",
        examples=[date(2026, 4, 1)],
    )
    baseline: Window | None = Field(
        None, description="Days before go-live that are compared with: 8 weeks or more"
    )
    review: Day | None = Field(
        None,
        description="First review, 28 to 42 days after go-live; without it after 35",
        examples=[date(2026, 5, 6)],
    )
    control_team: Text | None = Field(
        None,
        description="A team that works without AI: its change is taken off",
        examples=["sales-south"],
    )
    owner: Text | None = Field(None, description="Who answers for it", examples=["Head of sales"])
    hours: Literal["calendar", "working"] = Field(
        "calendar", description="In which hours lead times are counted", examples=["working"]
    )
    limits: tuple[Limit, ...] = Field((), description="How long an answer may take")
    regular: tuple[Regular, ...] = Field((), description="What regular use is")
    reference_prompts: tuple[ReferencePrompt, ...] = Field(
        (), description="Prompt versions that `token_saving` compares with"
    )
    ticket_costs: tuple[TicketCost, ...] = Field(
        (), description="What handling a ticket costs; without it 15 to 30 euro"
    )
    kpis: tuple[Choice, ...] = Field((), description="3 to 5 KPIs, at most 7 at a time")
    baselines: tuple[HandBaseline, ...] = Field(
        (), description="Baselines by hand, where there are no events of before"
    )

    def phase(self, day: date) -> Phase | None:
        """The phase that a day belongs to; None when nothing is known of go-live."""
        if self.go_live is None:
            return None
        if day < self.go_live:
            return "baseline"
        if day < self.go_live + SETTLING:
            return "settling"
        review = self.review or self.go_live + REVIEW_AFTER
        if day < review:
            return "early"
        return "review" if day < review + REVIEW_LASTS else "monthly"
