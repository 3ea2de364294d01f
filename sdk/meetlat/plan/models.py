"""The plan as pydantic models: the only owner of what may stand in `meetlat.toml`, field by field.

Rules that need more than one field of a row (overlaps, missing rates, guards) are in `guards.py`.
Rows with `from` are dated: the one with the latest `from` up to a day is in force on it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from meetlat.kpis.catalogue import Better, Target

Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.-]{0,99}$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
Line = Annotated[str, StringConstraints(min_length=1, max_length=1000, strip_whitespace=True)]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Money = Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=9)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Phase = Literal["baseline", "settling", "early", "review", "monthly"]
SETTLING = timedelta(days=7)


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Dated(_Row):
    """A row that is in force from a day on."""

    since: date = Field(alias="from")


D = TypeVar("D", bound=Dated)


def in_force(rows: Iterable[D], day: date) -> D | None:
    """The row in force on a day: the one with the latest `from` up to it."""
    return max((row for row in rows if row.since <= day), key=lambda row: row.since, default=None)


class Rate(Dated):
    """What one unit of `currency` is worth in the company's currency."""

    currency: Currency
    rate: Annotated[Decimal, Field(gt=0, max_digits=18, decimal_places=9)]


class Calendar(_Row):
    """When people work: for lead times in working hours."""

    days: Annotated[tuple[Weekday, ...], Field(min_length=1)] = ("mon", "tue", "wed", "thu", "fri")
    opens: time = time(9)
    closes: time = time(17)
    holidays: tuple[date, ...] = ()


class Company(_Row):
    """The company: how its money, days and weeks are counted."""

    name: Text
    currency: Currency = "EUR"
    timezone: Text = "UTC"
    demo: bool = False
    calendar: Calendar = Calendar()
    rates: tuple[Rate, ...] = ()
    discount_rate: Annotated[float, Field(ge=0, lt=1)] = 0.05
    close_after_days: Annotated[int, Field(ge=0, le=365)] = 10

    @field_validator("timezone")
    @classmethod
    def _known(cls, name: str) -> str:
        from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("is not a time zone name, as Europe/Amsterdam") from None
        return name


class HourlyCost(Dated):
    """Loaded cost of an hour of work, not wage alone, in the company's currency."""

    hourly: Money


class HeadCount(Dated):
    """How many people are in the team, and how many of them may use the AI."""

    count: Annotated[int, Field(ge=0)]
    entitled: Annotated[int, Field(ge=0)] | None = None


class Team(_Row):
    """A team, as events name it."""

    name: Text
    cost: tuple[HourlyCost, ...] = ()
    people: tuple[HeadCount, ...] = ()


class Window(_Row):
    """Days, both included."""

    since: date = Field(alias="from")
    until: date


class Limit(Dated):
    """How many seconds an answer may take (`response_on_time`)."""

    seconds: Annotated[float, Field(gt=0, le=3600)]
    operation: str = ""


class Choice(_Row):
    """A KPI that a use case is judged by, its target, and what is done when it misses."""

    id: Id
    target: Target | None = None
    decision: Line | None = None
    phases: tuple[Phase, ...] = ()
    maturity_days: Annotated[int, Field(ge=0, le=730)] | None = None


class HandBaseline(_Row):
    """A baseline that somebody wrote down: the value, how sure it is, and where it comes from."""

    kpi: Id
    segment: str = ""
    team: str = ""
    part: str = ""
    value: Number
    low: Number
    high: Number
    n: Annotated[int, Field(ge=1)]
    source: Line


class Regular(Dated):
    """What "regular use" is: at least so many uses in an ISO week."""

    uses: Annotated[int, Field(ge=1, le=1000)] = 3


class ReferencePrompt(_Row):
    """The prompt version that `token_saving` compares with."""

    tool: Text
    prompt_version: Text


class UseCase(_Row):
    """One application of AI that the company wants to judge."""

    id: Id
    name: Text
    pack: Literal["quotes", "hr", "service", "general"]
    process: Text | None = None
    steps: tuple[Text, ...] = ()
    segments: tuple[Text, ...] = ()
    tools: tuple[Text, ...] = ()
    features: tuple[Text, ...] = ()
    teams: tuple[Text, ...] = ()
    go_live: date | None = None
    baseline: Window | None = None
    review: date | None = None
    control_team: Text | None = None
    owner: Text | None = None
    hours: Literal["calendar", "working"] = "calendar"
    limits: tuple[Limit, ...] = ()
    regular: tuple[Regular, ...] = ()
    reference_prompts: tuple[ReferencePrompt, ...] = ()
    kpis: tuple[Choice, ...] = ()
    baselines: tuple[HandBaseline, ...] = ()

    def phase(self, day: date) -> Phase | None:
        """The phase that a day belongs to; None when nothing is known of go-live."""
        if self.go_live is None:
            return None
        if day < self.go_live:
            return "baseline"
        if day < self.go_live + SETTLING:
            return "settling"
        review = self.review or self.go_live + timedelta(days=35)
        if day < review:
            return "early"
        return "review" if day < review + timedelta(days=28) else "monthly"


class Investment(Dated):
    """Money or hours that went into a use case, or into several."""

    name: Text
    kind: Literal["licence", "hardware", "training", "hours", "running", "baseline", "other"]
    use_case: Id | None = None
    amount: Money | None = None
    currency: Currency | None = None
    hours: Annotated[Decimal, Field(gt=0)] | None = None
    team: Text | None = None
    until: date | None = None
    every: Literal["once", "month", "year"] = "once"
    key: Literal["direct", "uses", "hours", "fixed"] = "direct"
    shares: dict[Id, Share] = {}


class Price(Dated):
    """What a model costs. `model` and `provider` may hold `*`; prices per million tokens."""

    model: Text
    provider: Text = "*"
    currency: Currency
    input: Money | None = None
    output: Money | None = None
    cache_read: Money | None = None
    cache_write: Money | None = None
    per_request: Money | None = None
    per_second: Money | None = None
    per_month: Money | None = None


class OwnKpi(_Row):
    """A KPI of the company's own: a named measurement, or SQL over the published tables."""

    id: Id
    title: Text
    level: Literal[1, 2, 3, 4]
    unit: Text
    better: Better
    use_case: Id | None = None
    measurement: Text | None = None
    sql: str | None = None
    shape: Literal["share", "mean", "sum"] = "mean"


class Privacy(_Row):
    """Why data about work is kept, and what was agreed with those whose work it is."""

    purpose: Line | None = None
    agreement: Line | None = None
    no_agreement_because: Line | None = None
    impact_assessment: Line | None = None
    selection_decided_by: Line | None = None
    not_redundant: bool = False


class Report(_Row):
    """Who gets which report."""

    rhythm: Literal["weekly", "monthly", "quarterly"]
    audience: Literal["management", "it", "users", "works-council", "team-leads"]
    to: Annotated[tuple[Text, ...], Field(min_length=1)]
    language: Literal["en", "nl"] = "en"
    use_cases: tuple[Id, ...] = ()


class Plan(_Row):
    """`meetlat.toml`, without its table `[settings]`."""

    company: Company
    teams: tuple[Team, ...] = ()
    use_cases: tuple[UseCase, ...] = ()
    kpis: tuple[OwnKpi, ...] = ()
    investments: tuple[Investment, ...] = ()
    prices: tuple[Price, ...] = ()
    privacy: Privacy = Privacy()
    attributes: tuple[Id, ...] = ()
    reports: tuple[Report, ...] = ()
