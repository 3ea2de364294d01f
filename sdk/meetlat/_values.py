"""How times and ids become text in an event."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ID_TIME = (1 << 48) - 1


def rfc3339(moment: int | datetime | str) -> str:
    """A time as RFC 3339, UTC, microseconds, with Z.

    `moment` is nanoseconds since 1970, an aware datetime, or text, which passes as it is. Raises
    ValueError for a time without a zone or out of range, TypeError for another type.
    """
    if type(moment) is int:
        seconds, rest = divmod(moment, 1_000_000_000)
        # The leading 1 keeps the zeros, at a third of what a format with a width costs.
        return f"{_second(seconds)}.{str(1_000_000 + rest // 1000)[1:]}Z"
    if isinstance(moment, str):
        return moment
    if isinstance(moment, datetime):
        if moment.tzinfo is None:
            raise ValueError("has no zone; use datetime.now(UTC) or another aware time")
        try:
            utc = moment.astimezone(UTC)
        except OverflowError:
            raise ValueError("is out of range") from None
        return utc.strftime("%Y-%m-%dT%H:%M:%S.") + f"{utc.microsecond:06d}Z"
    raise TypeError(f"is {type(moment).__name__}, not a datetime or text")


@lru_cache(maxsize=256)
def _second(seconds: int) -> str:
    # Events come many to a second, and a calendar costs more than the rest of an event's time.
    try:
        year, month, day, hour, minute, second = time.gmtime(seconds)[:6]
    except (OverflowError, OSError, ValueError):
        raise ValueError("is out of range") from None
    return f"{year:04d}-{month:02d}-{day:02d}T{hour:02d}:{minute:02d}:{second:02d}"


def start_of_week(moment: int | datetime | str) -> datetime:
    """Monday 00:00 UTC of the ISO week. Raises ValueError or TypeError like `rfc3339`."""
    text = rfc3339(moment)
    day = datetime.fromisoformat(text).astimezone(UTC)
    day = day.replace(hour=0, minute=0, second=0, microsecond=0)
    return day - timedelta(days=day.weekday())


def milliseconds(moment: object) -> int:
    """Milliseconds since 1970 of a time as `rfc3339` takes it; of anything else, of now."""
    if type(moment) is int:
        return moment // 1_000_000
    if isinstance(moment, str):
        with suppress(ValueError):  # the contract refuses such a time
            moment = datetime.fromisoformat(moment)
    if isinstance(moment, datetime) and moment.tzinfo is not None:
        return (moment - _EPOCH) // timedelta(milliseconds=1)
    return time.time_ns() // 1_000_000


def uuid7(moment: object) -> str:
    """A UUIDv7 (RFC 9562) for an event of that time.

    The event's own time, so that the id of a survey answer says no more than its time does.
    """
    random = int.from_bytes(os.urandom(10))
    return _uuid7(moment, _random_part(random >> 32), random)


def numbered_uuid7(moment: object, seed: int, number: int) -> str:
    """A UUIDv7 from a process's random `seed` and a counter: two calls give the same text."""
    return _uuid7(moment, _same_random_part(seed), number)


def _uuid7(moment: object, middle: str, number: int) -> str:
    past = moment // 1_000_000 if type(moment) is int else milliseconds(moment)
    stamp = (past & _ID_TIME if past > 0 else 0).to_bytes(6)
    return f"{stamp.hex('-', -4)}{middle}{(number & 0xFFFFFFFF).to_bytes(4).hex()}"


def _random_part(seed: int) -> str:
    """Version, variant and 42 random bits, with the dashes between; 32 bits follow."""
    return f"-7{seed >> 30 & 0xFFF:03x}-{0x8000 | seed >> 16 & 0x3FFF:04x}-{seed & 0xFFFF:04x}"


_same_random_part = lru_cache(maxsize=16)(_random_part)
