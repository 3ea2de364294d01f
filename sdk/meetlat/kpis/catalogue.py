"""Reads the catalogue: a KPI is one `.sql` file, whose opening comment is TOML.

Adding a KPI is adding one file beside this module, in the folder of its pack, and nothing else:
the plan, the aggregator, the documents and the dashboards find it here. docs/kpis-add.md shows how.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Unit = Literal[
    "share", "s", "min", "h", "days", "money", "tokens", "count", "people", "score", "%", "date"
]
Shape = Literal[
    "share", "mean", "ratio", "sum", "weeks", "quantile", "survival", "weighted", "composed",
    "formula",
]  # fmt: skip
Better = Literal["higher", "lower", "earlier", ""]
UNCONVERTED = "unconverted"
Pack = Literal["all", "quotes", "hr", "service", "general", "people"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Words(_Strict):
    """The same text in both languages of the reports."""

    en: Annotated[str, Field(min_length=1)]
    nl: Annotated[str, Field(min_length=1)]


class Target(_Strict):
    """What a KPI should reach. `absolute` is in the KPI's unit; `relative` is an improvement on the
    baseline (0.5 is 50 % better); `trend` says which way it should go. `high` is the plausible
    upper end of the ambition: beyond it a figure is marked "check this".
    """

    low: float | None = None
    high: float | None = None
    kind: Literal["absolute", "relative", "trend"] = "absolute"
    origin: Literal["article", "house", "plan"] = "house"


class Part(_Strict):
    """A part that is something else than its KPI: the mean beside a share. It has no target."""

    shape: Literal["share", "mean", "ratio", "sum", "composed"]
    unit: Unit
    better: Better = ""
    minimum: Annotated[int, Field(ge=1)] = 20


class Kpi(_Strict):
    """One KPI.

    `shape` says what its SQL gives beside `day` (or `hour`, of interactions), `use_case`, `team`,
    `segment`, and where it has them `part` and `assisted` ('true', 'false' or ''):

    | shape | columns, in the KPI's unit | value | range |
    | share | hits, n | hits / n | Wilson |
    | weighted | hits, weight, weight_squares, n | hits / weight | Wilson over effective n |
    | mean | total, squares, n | total / n | Student's t |
    | ratio | total, n | total / n | by day, as calls of one day are alike |
    | sum | total, n | total | none |
    | weeks | total, n | mean of the totals of full ISO weeks | none |
    | quantile | bucket, count (log buckets of µs) | quantile | order statistics |
    | survival | value, ended (a row each) | Kaplan-Meier quantile | Brookmeyer-Crowley |
    | composed | total, weight, squares, n per ingredient (`part`) | by the aggregator | its own |
    | formula | none: made by the aggregator, of the ingredients of `made_of` | | |

    `parts` names the parts that are something else than the KPI itself; their rows have the columns
    of their own shape, and NULL in the others. The part UNCONVERTED counts amounts of money that
    are left out, as the plan has no exchange rate for them: a remark tells it beside the KPI.
    A NULL among parts about people hides a value that would be about fewer than the privacy limit;
    a sum of NULLs alone is unknown: nothing of the kind was reported, which is not zero.
    `weekly`: `day` is the Monday of a complete ISO week and the parts are that week's, so the SQL
    is given whole weeks, and a period is made of the weeks that lie in it whole.
    `ways`: parts that measure the same in different ways, the best first. The SQL gives them and
    not the KPI itself: that is the first of which the use case has `minimum` observations in all,
    else the first that it has. One way per use case, so that no value is a mixture of two.
    `scale` multiplies a value (100 for "per 100 tasks"). `minimum` is the n below which a value is
    "too few". `maturity_days` is how long a cohort needs until it is no longer provisional.
    `looks_back`: a value rests on days before its period too, so that a day that changed changes
    all later periods. `daily`: any day may change a value of any period, so that they are made
    again once a day and not with each batch. `people`: n counts people, and nothing is shown
    below the privacy limit.
    """

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    level: Literal[1, 2, 3, 4]
    pack: Pack = "all"
    unit: Unit
    better: Better
    shape: Shape
    quantile: Annotated[float, Field(gt=0, lt=1)] = 0.5
    scale: float = 1.0
    hourly: bool = False
    weekly: bool = False
    looks_back: bool = False
    daily: bool = False
    people: bool = False
    baseline: bool = False
    minimum: Annotated[int, Field(ge=1)] = 20
    maturity_days: Annotated[int, Field(ge=0)] = 0
    house: bool = False
    inputs: tuple[str, ...]
    made_of: str = ""
    parts: dict[str, Part] = {}
    ways: tuple[str, ...] = ()
    guards: tuple[str, ...] = ()
    target: Target | None = None
    title: Words
    question: Words
    definition: Words
    sql: str = ""

    def shape_of(self, part: str) -> Shape:
        """The shape of a part; '' is the KPI itself."""
        return self.parts[part].shape if part in self.parts else self.shape

    def scale_of(self, part: str) -> float:
        """What a value of a part is multiplied by."""
        return 1.0 if part in self.parts else self.scale

    def better_of(self, part: str) -> Better:
        """Which way of a part is better."""
        return self.parts[part].better if part in self.parts else self.better

    @model_validator(mode="after")
    def _has_sql(self) -> Kpi:
        if (self.shape == "formula") == bool(self.sql):
            raise ValueError("a KPI has SQL, unless its shape is formula")
        return self


def parse(text: str, name: str = "") -> Kpi:
    """A KPI from its file. Raises ValueError that names the file and the field."""
    head, closed, body = text.partition("*/")
    if not head.startswith("/*") or not closed:
        raise ValueError(f"{name}: does not begin with a /* … */ comment")
    try:
        said: dict[str, Any] = tomllib.loads(head.removeprefix("/*"))
        return Kpi(**said, sql=body.strip())
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


@cache
def catalogue() -> Mapping[str, Kpi]:
    """All KPIs by id, by level and then by name."""
    found: dict[str, Kpi] = {}
    for file in _files(files(__package__)):
        kpi = parse(file.read_text("utf-8"), file.name)
        if file.name != f"{kpi.id}.sql":
            raise ValueError(f"{file.name}: its id is {kpi.id}")
        if kpi.id in found:
            raise ValueError(f"{kpi.id} is there twice")
        found[kpi.id] = kpi
    return dict(sorted(found.items(), key=lambda item: (item[1].level, item[0])))


def _files(folder: Traversable) -> list[Traversable]:
    found: list[Traversable] = []
    for entry in folder.iterdir():
        if entry.is_dir():
            found += _files(entry)
        elif entry.name.endswith(".sql"):
            found.append(entry)
    return found
