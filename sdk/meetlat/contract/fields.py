"""The small types that event fields are made of.

Each rule of the contract (a length, a bound, a pattern) stands here once, as an annotation that
pydantic enforces, that the JSON Schema shows and that `fast.py` carries over to msgspec.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from annotated_types import Ge, Le, MaxLen, MinLen
from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, WithJsonSchema

CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_RFC3339: Any = Annotated[datetime, msgspec.Meta(tz=True)]

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)


def no_control_characters(text: str) -> str:
    """Refuse text with control characters (Unicode category Cc): they break logs and labels."""
    if CONTROL.search(text):
        raise ValueError("has control characters; remove them")
    return text


def read_time(value: Any) -> datetime:
    """Read an RFC 3339 time with a zone, to the microsecond, as UTC.

    msgspec's reading is the rule, so that the fast path and pydantic cannot differ.
    """
    if isinstance(value, str):
        try:
            value = msgspec.convert(value, _RFC3339)
        except msgspec.ValidationError as error:
            raise ValueError("is not an RFC 3339 time with a zone, as 2026-03-02T09:30:00Z") from (
                error
            )
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValueError("is not a time with a zone, as 2026-03-02T09:30:00Z")
    try:
        time = value.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("lies outside the years 2000 to 2199") from error
    if not EARLIEST <= time < LATEST:
        raise ValueError("lies outside the years 2000 to 2199")
    return time


Text = Annotated[
    str,
    MinLen(1),
    MaxLen(200),
    AfterValidator(no_control_characters),
]
Timestamp = Annotated[
    datetime,
    BeforeValidator(read_time),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
# One year of seconds: a duration beyond it is a mistake in the unit.
Seconds = Annotated[float, Ge(0), Le(31_622_400), Field(allow_inf_nan=False)]
Count = Annotated[int, Ge(0), Le(1_000_000_000_000)]
Share = Annotated[float, Ge(0), Le(1), Field(allow_inf_nan=False)]
Rating = Annotated[float, Ge(1), Le(10), Field(allow_inf_nan=False)]
Score = Annotated[float, Ge(-1_000_000), Le(1_000_000), Field(allow_inf_nan=False)]
# Nine digits before the point and nine behind it: what DECIMAL(18,9) holds exactly.
Cost = Annotated[str, StringConstraints(pattern=r"^(0|[1-9][0-9]{0,8})(\.[0-9]{1,9})?$")]
# Twelve digits before the point and nine behind it: DECIMAL(21,9).
Amount = Annotated[str, StringConstraints(pattern=r"^-?(0|[1-9][0-9]{0,11})(\.[0-9]{1,9})?$")]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Pseudonym = Annotated[str, StringConstraints(pattern=r"^u_([a-z0-9]{1,8}_)?[0-9a-f]{32}$")]
Attributes = Annotated[dict[Text, Text], MaxLen(16)]
Counts = Annotated[dict[Text, Count], MaxLen(64)]
