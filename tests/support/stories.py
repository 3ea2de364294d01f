"""Hypothesis strategies of what a log may hold: events of every type that share keys, doubles,
withdrawals, late ones, history and records that are no events, over some partitions.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from support.aggregating import DAY, MINUTE, NOON, SECOND, Sent, event, person, void

# Each example is a few transactions; a soak takes hundreds (see tests/aggregator/test_laws.py).
few = settings(
    deadline=None,
    max_examples=6,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
fewest = settings(few, max_examples=3)  # where each example publishes again and again

TYPES: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "interaction": {
        "session": st.sampled_from([None, "s1", "s2"]),
        "user": st.sampled_from([None, person(1), person(2)]),
        "duration": st.sampled_from([None, 0, 0.25, 31.5]),
        "cost": st.sampled_from([None, "0.000000001", "1.5"]),
        "output_tokens": st.sampled_from([None, 0, 7]),
        "status": st.sampled_from(["ok", "error", "cancelled"]),
        "feature": st.sampled_from([None, "f"]),
        "team": st.sampled_from([None, "t1", "t2"]),
        "environment": st.sampled_from(["production", "production", "staging"]),
    },
    "escalation": {"session": st.sampled_from(["s1", "s2"])},
    "resolution": {
        "session": st.sampled_from([None, "s1"]),
        "case": st.sampled_from(["s1", "s2"]),
        "outcome": st.sampled_from(["resolved", "reopened"]),
        "by": st.sampled_from([None, "bot"]),
    },
    "usage": {"user": st.sampled_from([None, person(1)]), "count": st.integers(0, 3)},
    "feedback": {"asked": st.booleans()},
    "task": {
        "case": st.sampled_from([None, "c1", "c2"]),
        "handling": st.sampled_from([None, 10, 20.5]),
        "outcome": st.sampled_from([None, "won", "lost"]),
        "error_kinds": st.sampled_from([None, {"typo": 1}, {"typo": 2, "other": 1}]),
        "value": st.sampled_from([None, "12.5", "-3"]),
    },
    "probe": {"success": st.booleans(), "interval": st.just(60)},
    "measurement": {"value": st.sampled_from(["1", "-2.000000001"])},
    "sdk_report": {"emitted": st.integers(0, 9), "dropped": st.sampled_from([None, {"full": 2}])},
    "walk": {},
}


@st.composite
def stories(draw: st.DrawFn, most: int = 16) -> list[Sent]:
    """What was appended, each record with its partition and offset. The order of the list is one
    that may be read: the order of each partition, partitions interleaved.
    """
    told: list[Sent] = []
    for number in range(draw(st.integers(3, most))):
        told.append(_one(draw, told, number))
    offsets: dict[int, int] = {}
    placed = []
    for one in told:
        partition = draw(st.integers(0, 2))
        offset = offsets.get(partition, 0)
        offsets[partition] = offset + 1
        placed.append(replace(one, partition=partition, offset=offset))
    return placed


def _one(draw: st.DrawFn, told: Sequence[Sent], number: int) -> Sent:
    kinds = ["event"] * 6 + ["late", "history", "bad", "ahead"]
    events = [one for one in told if one.value.startswith(b"{") and b'"data"' in one.value]
    if events:
        kinds += ["double"] * 2 + ["void"] * 3
    kind = draw(st.sampled_from(kinds))
    if kind == "bad":
        return Sent(draw(st.sampled_from([b"", b"\xff", b"no json", b"{}"])), _moment(draw))
    if kind == "double":
        one = draw(st.sampled_from(events))
        return replace(one, appended=one.appended + draw(st.sampled_from([SECOND, DAY])))
    if kind == "void":
        target = draw(st.sampled_from(events))
        when = _time(json.loads(target.value)["time"])
        return void(target, id=f"v{number}", time=when, late=draw(st.sampled_from([MINUTE, DAY])))
    name = draw(st.sampled_from(sorted(TYPES)))
    data = {field: draw(values) for field, values in TYPES[name].items()}
    if data.get("cost") or (data.get("value") and name == "task"):
        data["currency"] = "EUR"
    late = {
        "event": draw(st.sampled_from([SECOND, 2 * DAY])),
        "late": 8 * DAY,
        "history": 40 * DAY,
        "ahead": -6 * MINUTE,
    }[kind]
    return event(
        name,
        id=f"e{number}",
        source=draw(st.sampled_from(["/a", "/b"])),
        time=_moment(draw),
        late=late,
        history=kind == "history",
        **data,
    )


def _moment(draw: st.DrawFn) -> datetime:
    days = draw(st.sampled_from([0, 0, 1, 30]))
    return NOON + days * DAY + draw(st.integers(0, 3)) * timedelta(minutes=30)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


@st.composite
def cuts(draw: st.DrawFn, length: int, most: int = 4) -> list[int]:
    """Where a log of `length` records is cut into batches."""
    inner = draw(st.sets(st.integers(1, max(1, length - 1)), max_size=most))
    return sorted({0, length, *inner})
