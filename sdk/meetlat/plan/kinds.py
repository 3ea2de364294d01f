"""The kinds of values in the plan: each bound or pattern stands here once.

TOML has types of its own for numbers, dates, times and true/false, so a value of another type is a
mistake and never converted. Text is taken for dates, times and decimals, since JSON has no others.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StrictBool, StringConstraints

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_CONTROL_IN_LINE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
EARLIEST, LATEST = date(1990, 1, 1), date(2099, 12, 31)
BIGGEST = 1e15


def _takes(word: str, *types: type) -> BeforeValidator:
    """Lets only these types through; true and false are no numbers, a moment is no day."""

    def check(value: Any) -> Any:
        if isinstance(value, (bool, datetime)) or not isinstance(value, types):
            raise ValueError(f"is not {word}")
        return value

    return BeforeValidator(check)


def _without(pattern: re.Pattern[str]) -> Callable[[str], str]:
    def check(text: str) -> str:
        if pattern.search(text):
            raise ValueError("has control characters, which break logs and labels")
        return text

    return check


def _no_zone(moment: time) -> time:
    if moment.tzinfo is not None:
        raise ValueError("has a time zone of its own, but the company's is used")
    return moment


Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.-]{0,99}$")]
Text = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200, strip_whitespace=True),
    AfterValidator(_without(_CONTROL)),
]
# What may be empty: '' is "all of them", as in the published tables.
Blank = Annotated[
    str,
    StringConstraints(max_length=200, strip_whitespace=True),
    AfterValidator(_without(_CONTROL)),
]
Line = Annotated[
    str,
    StringConstraints(min_length=1, max_length=1000, strip_whitespace=True),
    AfterValidator(_without(_CONTROL_IN_LINE)),
]
Sql = Annotated[str, StringConstraints(min_length=1, max_length=20_000, strip_whitespace=True)]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Number = Annotated[
    float,
    Field(allow_inf_nan=False, ge=-BIGGEST, le=BIGGEST),
    _takes("a number", int, float, Decimal),
]
Share = Annotated[
    float, Field(allow_inf_nan=False, ge=0, le=1), _takes("a number", int, float, Decimal)
]
Money = Annotated[
    Decimal,
    Field(ge=0, max_digits=18, decimal_places=9),
    _takes("a number", int, float, Decimal, str),
]
Positive = Annotated[
    Decimal,
    Field(gt=0, max_digits=18, decimal_places=9),
    _takes("a number", int, float, Decimal, str),
]
Seconds = Annotated[
    float, Field(allow_inf_nan=False, gt=0, le=3600), _takes("a number", int, float, Decimal)
]
Count = Annotated[int, Field(ge=0, le=10_000_000), _takes("a whole number", int)]
Day = Annotated[date, Field(ge=EARLIEST, le=LATEST), _takes("a date", date, str)]
Clock = Annotated[time, AfterValidator(_no_zone), _takes("a time of day", time, str)]
YesNo = StrictBool
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Phase = Literal["baseline", "settling", "early", "review", "monthly"]
