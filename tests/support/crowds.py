"""Long stories full of collisions, from a seed: few times, keys and sources, so that ties, doubles,
withdrawals and merges meet each other often. Every field of every type is said now and then.
"""

from __future__ import annotations

import json
import random
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from support.aggregating import DAY, MINUTE, NOON, SECOND, Sent, event, person, void

_TIMES = tuple(
    (NOON + n * timedelta(minutes=30)).isoformat(timespec="microseconds") for n in range(3)
)
_COMMON: dict[str, tuple[Any, ...]] = {
    "tool": ("bot", "writer"),
    "use_case": (None, "desk", "quotes"),
    "feature": (None, "f1", "F1"),
    "team": (None, "t1", "t2"),
    "segment": (None, "small"),
    "environment": (None, None, None, "production", "staging"),
    "user": (None, person(1), person(2)),
    "session": (None, "s1", "s2", "s3"),
    "case": (None, "c1", "c2", "s1"),
    "attributes": (None, {"floor": "2"}),
}
_WAITS = (None, 0, 0.000001, 0.25, 2.3, 3, 3.000001, 30, 30.5, 31_622_400)
_RATINGS = (None, 1, 5.5, 10)
_MAPS = (None, {}, {"full": 2}, {"full": 7, "old": 1})
FIELDS: dict[str, dict[str, tuple[Any, ...]]] = {
    "interaction": {
        "status": ("ok", "ok", "error", "timeout", "cancelled"),
        "duration": _WAITS,
        "first_token": _WAITS,
        "error_type": (None, "Rate"),
        "streamed": (None, True, False),
        "operation": (None, "chat", "generate"),
        "provider": (None, "openai"),
        "model": (None, "m1", "m2"),
        "prompt_version": (None, "1"),
        "output_pages": (None, 0, 3),
        "input_tokens": (None, None, 0, 9, 10**12),
        "cache_read_tokens": (None, None, 5),
        "cache_write_tokens": (None, None, 6),
        "output_tokens": (None, None, 7),
        "reasoning_tokens": (None, 4),
        "cost": (None, None, "0", "0.000000001", "999999.999999999"),
        "cost_source": (None, "provider"),
        "price_version": (None, "2026-03"),
    },
    "escalation": {"reason": (None, "policy"), "to": (None, "desk")},
    "resolution": {
        "outcome": ("resolved", "unresolved", "abandoned", "reopened"),
        "by": (None, "bot", "human"),
        "ticket": (None, True, False),
        "channel": (None, "mail"),
    },
    "usage": {
        "action": (None, "copied"),
        "count": (None, 0, 3),
        "template": (None, "x"),
        "origin_case": (None, "c0"),
    },
    "feedback": {
        "kind": ("csat", "thumbs"),
        "by": (None, "bot"),
        "assisted": (None, True, False),
        "asked": (None, True, False),
        "score": (None, 1, 7, 7.5, 10, -3),
        "question": (None, "q"),
    },
    "review": {
        "subject": (None, "e1"),
        "prompt_version": (None, "1"),
        "correct": (None, True, False),
        "correctness": _RATINGS,
        "language_correct": (None, True, False),
        "first_time_right": (None, True, False),
        "rework": _WAITS,
        "quality": _RATINGS,
        "completeness": _RATINGS,
        "customer_focus": _RATINGS,
        "sampled": (None, True, False),
        "sampling_rate": (None, 0.25, 1),
        "stratum": (None, "hard"),
    },
    "task": {
        "process": ("quote", "vacancy"),
        "step": (None, None, "draft"),
        "assisted": (None, True, False),
        "automated": (None, True, False),
        **dict.fromkeys(
            ("requested", "started", "first_draft", "finished", "decided"), (None, *_TIMES)
        ),
        "handling": _WAITS,
        "rework": _WAITS,
        "rework_in_handling": (None, True, False),
        "revisions": (None, 0, 2),
        "errors": (None, 0, 1),
        "error_kinds": (None, {}, {"typo": 1}, {"typo": 2, "other": 1}),
        "quality": _RATINGS,
        "takeover_share": (None, 0, 0.5, 1),
        "template_reused": (None, True, False),
        "outcome": (None, "won", "lost"),
        "value": (None, "12.5", "-3", "999999999999.999999999"),
    },
    "selection_counts": {
        "dimension": ("gender", "age"),
        "stage": ("applied", "selected"),
        "counts": ({"f": 3}, {"f": 1, "m": 0}),
        "assisted": (None, True),
        "period": (None, "2026-03"),
    },
    "support_request": {"topic": (None, "login")},
    "probe": {
        "success": (True, False),
        "duration": _WAITS,
        "interval": (None, 60),
        "check": (None, "ping"),
        "http_status": (None, 200),
        "error_type": (None, "dns"),
        "location": (None, "ams", "fra"),
        "maintenance": (None, True, False),
        "certificate_days": (None, 30),
    },
    "measurement": {
        "name": ("orders", "idea"),
        "value": ("1", "-2.000000001", "3.00005", "-999999999999.99995"),
        "unit": (None, "EUR"),
        "period": (None, "2026-03"),
    },
    "sdk_report": {
        "started": _TIMES, "emitted": (0, 5, 9), "spooled": (None, 3), "dropped": _MAPS,
        "refused": _MAPS,
    },
    "collector_report": {
        "started": _TIMES, "emitted": (0, 5, 9), "spooled": (None, 3), "dropped": _MAPS,
        "refused": _MAPS,
    },
    "walk": {"steps": (1, "far")},
}  # fmt: skip
_BAD = (b"", b"\xff", b"no json", b"{}", b"[1]", b'{"id":"e1"}', b"\x00", b"{" * 999)
_LATE = (*[SECOND] * 8, 2 * DAY, 7 * DAY, 7 * DAY + timedelta(microseconds=1), 40 * DAY,
         -5 * MINUTE, -5 * MINUTE - timedelta(microseconds=1))  # fmt: skip


@cache
def crowd(seed: int, length: int = 600) -> list[Sent]:
    """What was appended over three partitions, each record with its offset, in an order in which it
    may be read.
    """
    maker = _Maker(random.Random(seed))
    told = [maker.one() for _ in range(length)]
    # A withdrawal may be read before its target, a double before its original.
    told.sort(key=lambda _: maker.chance.random())
    offsets = [0, 0, 0]
    placed = []
    for one in told:
        partition = maker.chance.randrange(3)
        placed.append(replace(one, partition=partition, offset=offsets[partition]))
        offsets[partition] += 1
    return placed


def mixed(story: list[Sent], seed: int) -> list[Sent]:
    """The same records in another order; each keeps its place in the log and its append time."""
    return random.Random(seed).sample(story, len(story))


class _Maker:
    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self._events: list[Sent] = []
        self._known: set[tuple[str, str, datetime]] = set()

    def one(self) -> Sent:
        roll = self.chance.random()
        if self._events and roll < 0.12:
            one = self.chance.choice(self._events)
            return replace(one, appended=one.appended + self.chance.choice((SECOND, DAY, 8 * DAY)))
        if self._events and roll < 0.24:
            return self._void()
        if roll < 0.28:
            return Sent(self.chance.choice(_BAD), self._moment())
        made = self._event()
        self._events.append(made)
        return made

    def _void(self) -> Sent:
        target = self.chance.choice(self._events)
        when = datetime.fromisoformat(json.loads(target.value)["time"])
        made = void(
            target,
            id=f"v{len(self._events)}",
            source=self.chance.choice(("/a", "/b")),
            time=when + self.chance.choice((0, 5)) * MINUTE,
            late=self.chance.choice((SECOND, DAY, DAY, 8 * DAY)),
            history=self.chance.random() < 0.2,
            environment=self.chance.choice(_COMMON["environment"]),
        )
        if self.chance.random() < 0.1:
            self._events.append(made)  # may come twice, and be withdrawn itself
        return made

    def _event(self) -> Sent:
        name = self.chance.choice(sorted(FIELDS))
        data = {
            field: self.chance.choice(values)
            for field, values in {**_COMMON, **FIELDS[name]}.items()
        }
        if name == "selection_counts":
            data |= {"user": None, "session": None, "case": None}
        if data.get("cost") is not None or (name == "task" and data.get("value") is not None):
            data["currency"] = self.chance.choice(("EUR", "USD"))
        if data.get("score") is not None:
            data |= self.chance.choice(
                (
                    {"scale_min": -3, "scale_max": 12},  # 7 lies at two thirds of it
                    {"scale_min": -3.5, "scale_max": 10},
                )
            )
        while True:
            source = self.chance.choice(("/a", "/b", "/ab"))
            id_ = self.chance.choice(("e", "be", "E")) + str(self.chance.randrange(60))
            time = self._moment()
            if (source, id_, time) not in self._known:
                break
        self._known.add((source, id_, time))
        return event(
            name,
            id=id_,
            source=source,
            time=time,
            late=self.chance.choice(_LATE),
            history=self.chance.random() < 0.15,
            **data,
        )

    def _moment(self) -> datetime:
        steps = self.chance.choice((0, 0, 1, 30)) * DAY + self.chance.randrange(3) * 30 * MINUTE
        return NOON + steps + self.chance.choice((0, 0, 0, 1, -1)) * timedelta(microseconds=1)
