"""What goes wrong on the way, as in every company, and what each mishap must do to the figures.

Some events are sent twice, some withdrawn, some come weeks late, some are only tests. Each is a
delivery with its fate, so that the truth is known.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random
from typing import Literal

from meetlat_aggregator.demo.company import Period
from meetlat_aggregator.demo.story import Happening

Fate = Literal["counted", "duplicate", "withdrawn", "late", "test"]
_DEDUP_WINDOW = timedelta(days=7)


def _event(name: str, time: str, data: dict[str, str]) -> bytes:
    attributes = {"specversion": "1.0", "id": "broken", "source": "/demo/broken", "time": time}
    event = {**attributes, "type": f"meetlat.{name}.v1", "data": data}
    return json.dumps(event).encode()


# What neither the collector nor a decoder may let through.
BROKEN = (
    b"not JSON at all",
    b'{"specversion":"1.0"}',
    _event("usage", "yesterday", {"tool": "service-bot"}),
    _event("interaction", "2026-03-02T09:30:00Z", {"tool": "service-bot", "status": "splendid"}),
    _event("usage", "2026-03-02T09:30:00Z", {"tool": "service-bot", "user": "jan@example.com"}),
)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One sending of one happening, and what has to become of it.

    `late` is sent as if it were new, though it is weeks old.
    """

    happening: Happening
    fate: Fate = "counted"


def with_mishaps(happenings: Sequence[Happening], period: Period, seed: int) -> list[Delivery]:
    """Every happening once, in order, and what goes wrong: about one in a hundred."""
    chance = Random(f"{seed} mishaps")  # noqa: S311 - chance, not secrets
    share = max(len(happenings) // 1000, 3)
    # Surveys are sent with a time cut to the week; a withdrawal would have to name that one.
    usual = [n for n, h in enumerate(happenings) if h.fields.get("kind") != "survey"]
    picked = chance.sample(usual, 10 * share)
    withdrawn, twice = set(picked[:share]), picked[share : 6 * share]
    tests = picked[6 * share : 9 * share]
    old = [n for n in picked[9 * share :] if period.end - happenings[n].time > _DEDUP_WINDOW]
    deliveries = [
        (float(n), Delivery(happening, "withdrawn" if n in withdrawn else "counted"))
        for n, happening in enumerate(happenings)
    ]
    deliveries += [
        (n + chance.uniform(0.5, 5000), Delivery(happenings[n], "duplicate")) for n in twice
    ]
    deliveries += [
        # A few withdrawals overtake what they withdraw.
        (
            n - 0.5 if chance.random() < 0.2 else n + chance.uniform(0.5, 5000),
            Delivery(_withdrawal(happenings[n], period)),
        )
        for n in sorted(withdrawn)
    ]
    deliveries += [
        (n + 0.5, Delivery(_copy(happenings[n], "test", environment="test"), "test")) for n in tests
    ]
    deliveries += [(n + 0.5, Delivery(_copy(happenings[n], "late"), "late")) for n in old]
    deliveries.sort(key=lambda pair: pair[0])
    return [delivery for _, delivery in deliveries]


def _copy(happening: Happening, name: str, **fields: str) -> Happening:
    fields = {**happening.fields, **fields}
    return replace(happening, id=f"{name}-{happening.id}", fields=fields)


def _withdrawal(target: Happening, period: Period) -> Happening:
    time = min(target.time + timedelta(hours=1), period.end - timedelta(seconds=1))
    fields = {"target": target, "reason": "recorded by mistake"}
    return Happening("void", target.tool, time, f"void-{target.id}", fields)
