"""The plan as pydantic models: the only owner of what may stand in `meetlat.toml`, field by field.

Rules that need more than one field of a row (overlaps, missing rates, guards) are in `guards.py`.
Rows with `from` are dated: the one with the latest `from` up to a day is in force on it. Each
field says what it means and has an example: docs/plan.md and the remedies are made from them.
"""

from __future__ import annotations

from datetime import date, time
from typing import Annotated, Literal

from pydantic import Field, field_validator

from meetlat.kpis.catalogue import Better
from meetlat.plan.kinds import (
    Clock,
    Count,
    Currency,
    Day,
    Id,
    Line,
    Money,
    Number,
    Phase,
    Positive,
    Share,
    Sql,
    Text,
    Weekday,
    YesNo,
)
from meetlat.plan.rows import Dated, Row, in_force
from meetlat.plan.use_case import (
    SETTLING,
    Choice,
    Goal,
    HandBaseline,
    Limit,
    ReferencePrompt,
    Regular,
    UseCase,
    Window,
)

__all__ = [
    "SETTLING", "Calendar", "Choice", "Company", "Dated", "Goal", "HandBaseline", "HeadCount",
    "HourlyCost", "Investment", "Limit", "OwnKpi", "Phase", "Plan", "Price", "Privacy", "Rate",
    "ReferencePrompt", "Regular", "Report", "Row", "Team", "UseCase", "Window", "in_force",
]  # fmt: skip


class Rate(Dated):
    """What one unit of `currency` is worth in the company's currency."""

    currency: Currency = Field(description="The other currency", examples=["USD"])
    rate: Positive = Field(description="One unit of it in the company's", examples=[0.92])


class Calendar(Row):
    """When people work: for lead times in working hours."""

    days: Annotated[tuple[Weekday, ...], Field(min_length=1)] = Field(
        ("mon", "tue", "wed", "thu", "fri"), description="Working days", examples=["mon"]
    )
    opens: Clock = Field(time(9), description="Start of the working day", examples=[time(9)])
    closes: Clock = Field(time(17), description="End of the working day", examples=[time(17)])
    holidays: tuple[Day, ...] = Field((), description="Days off", examples=[date(2026, 12, 25)])


class Company(Row):
    """The company: how its money, days and weeks are counted."""

    name: Text = Field(description="Its name, on reports", examples=["Example Ltd"])
    currency: Currency = Field("EUR", description="Currency of all results", examples=["EUR"])
    timezone: Text = Field(
        "UTC", description="Where days and weeks begin", examples=["Europe/Amsterdam"]
    )
    demo: YesNo = Field(
        False, description="Made-up data: the rules of `[privacy]` are not asked", examples=[True]
    )
    calendar: Calendar = Field(Calendar(), description="When people work")
    rates: tuple[Rate, ...] = Field((), description="Exchange rates, dated")
    discount_rate: Annotated[Number, Field(ge=0, lt=1)] = Field(
        0.05, description="A year's interest, for `net_present_value`", examples=[0.05]
    )
    close_after_days: Annotated[Count, Field(le=365)] = Field(
        10,
        description="A period closes so many days after its end; later changes are restatements",
        examples=[10],
    )

    @field_validator("timezone")
    @classmethod
    def _known(cls, name: str) -> str:
        from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("is not the name of a time zone") from None
        return name


class HourlyCost(Dated):
    """Loaded cost of an hour of work, not wage alone, in the company's currency."""

    hourly: Money = Field(description="Cost of one hour", examples=[50])


class HeadCount(Dated):
    """How many people are in the team, and how many of them may use the AI."""

    count: Count = Field(description="People in the team", examples=[12])
    entitled: Count | None = Field(
        None, description="How many of them may use the AI; without it unknown", examples=[10]
    )


class Team(Row):
    """A team, as events name it."""

    name: Text = Field(description="As events name it", examples=["sales"])
    cost: tuple[HourlyCost, ...] = Field((), description="Hourly cost, dated")
    people: tuple[HeadCount, ...] = Field((), description="Head counts, dated")


class Investment(Dated):
    """Money or hours that went into a use case, or into several."""

    name: Text = Field(description="What it is", examples=["Licences"])
    kind: Literal["licence", "hardware", "training", "hours", "running", "baseline", "other"] = (
        Field(description="What kind of cost", examples=["licence"])
    )
    use_case: Id | None = Field(
        None, description="For which use case; without it for several", examples=["quotes"]
    )
    amount: Money | None = Field(None, description="Money", examples=[1200])
    currency: Currency | None = Field(None, description="Of which currency", examples=["EUR"])
    hours: Annotated[Positive, Field(le=1_000_000)] | None = Field(
        None, description="Hours of work, at the hourly cost of `team`", examples=[40]
    )
    team: Text | None = Field(None, description="Whose hours", examples=["sales"])
    until: Day | None = Field(
        None,
        description="Last day: the cost is spread from `from` to it",
        examples=[date(2026, 12, 31)],
    )
    every: Literal["once", "month", "year"] = Field(
        "once", description="How often it comes", examples=["month"]
    )
    key: Literal["direct", "uses", "hours", "fixed"] = Field(
        "direct",
        description=(
            "How a shared cost is divided: by uses, by hours saved, or `fixed` by `shares`; "
            "`direct`: for `use_case` alone"
        ),
        examples=["direct"],
    )
    shares: dict[Id, Share] = Field(
        {}, description="Shares per use case, which add up to 1 (`fixed`)", examples=[1.0]
    )


class Price(Dated):
    """What a model costs. `model` and `provider` may hold `*`; prices per million tokens."""

    model: Text = Field(description="Model, as events name it", examples=["gpt-*"])
    provider: Text = Field("*", description="Provider", examples=["openai"])
    currency: Currency = Field(description="Currency of the prices", examples=["EUR"])
    input: Money | None = Field(None, description="A million input tokens", examples=[2.5])
    output: Money | None = Field(None, description="A million output tokens", examples=[10])
    cache_read: Money | None = Field(
        None, description="A million tokens read from the cache", examples=[0.25]
    )
    cache_write: Money | None = Field(
        None, description="A million tokens written to the cache", examples=[3]
    )
    per_request: Money | None = Field(None, description="A request", examples=[0.001])
    per_second: Money | None = Field(
        None, description="A second of computing, for models of one's own", examples=[0.0002]
    )
    per_month: Money | None = Field(
        None, description="A month, for models of one's own", examples=[900]
    )

    @property
    def lacking(self) -> tuple[str, ...]:
        """The prices of tokens without which it can price no call, where it has any of tokens."""
        of_tokens = (self.input, self.output, self.cache_read, self.cache_write)
        if all(price is None for price in of_tokens):
            return ()
        return tuple(name for name in ("input", "output") if getattr(self, name) is None)

    @property
    def empty(self) -> bool:
        """Whether it has no figure at all."""
        others = (self.per_request, self.per_second, self.per_month)
        return all(
            p is None for p in (self.input, self.output, self.cache_read, self.cache_write, *others)
        )


class OwnKpi(Row):
    """A KPI of the company's own: a named measurement, or SQL over the published tables."""

    id: Id = Field(description="Its id, not one of the catalogue", examples=["calls_avoided"])
    title: Text = Field(description="Its name, on pages and reports", examples=["Calls avoided"])
    level: Literal[1, 2, 3, 4] = Field(
        description="1 technical, 2 process, 3 business, 4 adoption", examples=[3]
    )
    unit: Text = Field(description="Unit, one of the catalogue's", examples=["count"])
    better: Better = Field(description="Which way is better", examples=["higher"])
    use_case: Id | None = Field(
        None, description="For which use case; without it for all", examples=["quotes"]
    )
    measurement: Text | None = Field(
        None, description="Name of the `measurement` events that it reads", examples=["calls"]
    )
    sql: Sql | None = Field(
        None,
        description="Or a SELECT over the published tables",
        examples=[
            (
                "SELECT day, use_case, sum(value_sum) AS total, sum(value_squares) AS squares, "
                "sum(count) AS n FROM measurements_daily GROUP BY ALL"
            )
        ],
    )
    shape: Literal["share", "mean", "sum"] = Field(
        "mean", description="How days are put together", examples=["mean"]
    )


class Privacy(Row):
    """Why data about work is kept, and what was agreed with those whose work it is."""

    purpose: Line | None = Field(
        None,
        description="What the figures are for, and what not",
        examples=["To judge AI tools; not for appraisal"],
    )
    agreement: Line | None = Field(
        None,
        description="The agreement with the works council; without it `user` is dropped. See above",
        examples=["Works council, 12 January 2026"],
    )
    no_agreement_because: Line | None = Field(
        None, description="Why none is needed", examples=["No works council: 20 people"]
    )
    impact_assessment: Line | None = Field(
        None, description="Reference of the impact assessment", examples=["DPIA 2026-03"]
    )
    selection_decided_by: Line | None = Field(
        None,
        description="The human who decides, where AI helps to select people (pack `hr`)",
        examples=["The recruiter of the vacancy"],
    )
    not_redundant: YesNo = Field(
        False,
        description="The company commits itself: nobody becomes redundant",
        examples=[False],
    )


class Report(Row):
    """Who gets which report."""

    rhythm: Literal["weekly", "monthly", "quarterly"] = Field(
        description="How often", examples=["monthly"]
    )
    audience: Literal["management", "it", "users", "works-council", "team-leads"] = Field(
        description="For whom it is written", examples=["management"]
    )
    to: Annotated[tuple[Text, ...], Field(min_length=1)] = Field(
        description="E-mail addresses, or folders", examples=["director@example.com"]
    )
    language: Literal["en", "nl"] = Field("en", description="Its language", examples=["nl"])
    use_cases: tuple[Id, ...] = Field(
        (), description="About which use cases; without them all", examples=["quotes"]
    )
    phases: tuple[Phase, ...] = Field(
        (), description="In which phases it is sent; without them all", examples=["monthly"]
    )


class Plan(Row):
    """`meetlat.toml`, without its table `[settings]`."""

    company: Company = Field(description="How money, days and weeks are counted")
    teams: tuple[Team, ...] = Field((), description="Teams, as events name them")
    use_cases: tuple[UseCase, ...] = Field((), description="What is judged")
    kpis: tuple[OwnKpi, ...] = Field((), description="KPIs of the company's own")
    investments: tuple[Investment, ...] = Field((), description="What was spent")
    prices: tuple[Price, ...] = Field((), description="What models cost, before public prices")
    privacy: Privacy = Field(Privacy(), description="Purpose and agreements")
    attributes: tuple[Id, ...] = Field(
        (),
        description="Attributes that events may carry; no table, KPI or metric tells any",
        examples=["region"],
    )
    reports: tuple[Report, ...] = Field((), description="Who gets which report")
