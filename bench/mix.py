"""A realistic mix of events, about 400 bytes each, made from a seed.

Per 1,000: 700 interactions, 60 task updates, 50 uses, 40 escalations, 40 resolutions, 40 feedback,
20 reviews, 30 probes, 10 measurements, 10 support requests. 10 use cases, 12 teams, 400 people.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec

_WEIGHTS = {
    "interaction": 700,
    "task": 60,
    "usage": 50,
    "escalation": 40,
    "resolution": 40,
    "feedback": 40,
    "probe": 30,
    "review": 20,
    "measurement": 10,
    "support_request": 10,
}


class Mix:
    """Events in order of time, `per_second` of them each second from `start` (UTC)."""

    def __init__(self, seed: int, start: datetime, per_second: float) -> None:
        self._random = random.Random(seed)
        self._start = start
        self._step = timedelta(seconds=1 / per_second)
        self._encode = msgspec.json.Encoder().encode
        self.made = 0
        self._users = [f"u_{self._random.getrandbits(128):032x}" for _ in range(400)]

    def values(self, count: int) -> list[bytes]:
        """The next `count` events, encoded."""
        return [value for _, value in self.events(count)]

    def events(self, count: int) -> Iterator[tuple[datetime, bytes]]:
        """The next `count` events with their times."""
        r = self._random
        for kind in r.choices(list(_WEIGHTS), list(_WEIGHTS.values()), k=count):
            at = self._start + self.made * self._step
            self.made += 1
            yield at, self._encode(self._event(kind, at))

    def _event(self, kind: str, at: datetime) -> dict[str, object]:
        r = self._random
        use_case = r.randrange(10)
        user = r.randrange(400)
        millis = int(at.timestamp() * 1000)
        data: dict[str, object] = {
            "tool": f"tool-{use_case}",
            "use_case": f"use-case-{use_case}",
            "team": f"team-{user % 12}",
            "user": self._users[user],
            "session": f"{millis // 600_000:x}-{user:08x}-{use_case:04x}",
        }
        getattr(self, f"_{kind}")(data, at)
        return {
            "specversion": "1.0",
            "id": f"{millis:012x}"[:8]
            + f"-{millis & 0xFFFF:04x}-7{r.getrandbits(12):03x}"
            + f"-{0x8000 | r.getrandbits(14):04x}-{r.getrandbits(48):012x}",
            "source": f"/shop/backend-{user % 4}",
            "type": f"meetlat.{kind}.v1",
            "time": at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "data": data,
        }

    def _interaction(self, data: dict[str, object], _: datetime) -> None:
        r = self._random
        data.update(
            status="ok" if r.random() < 0.98 else "error",
            duration=round(r.lognormvariate(0, 0.8), 6),
            operation="chat",
            provider="openai",
            model=r.choice(("gpt-4o", "gpt-4o-mini", "gpt-4.1")),
            input_tokens=r.randrange(100, 4000),
            output_tokens=r.randrange(10, 800),
            cost=f"0.{r.randrange(10**6):09d}",
            currency="EUR",
        )
        if r.random() < 0.5:
            data.update(streamed=True, first_token=round(r.lognormvariate(-1, 0.5), 6))

    def _task(self, data: dict[str, object], at: datetime) -> None:
        r = self._random
        data.pop("user")
        data.pop("session")
        data.update(
            process="quote",
            case=f"Q-{self.made // 40:09d}-{r.randrange(4)}",
            segment=r.choice(("standard", "complex")),
            assisted=r.random() < 0.6,
            started=(at - timedelta(hours=r.random() * 48)).isoformat(),
            finished=at.isoformat(),
            handling=round(r.uniform(60, 9000), 1),
            revisions=r.randrange(4),
            errors=r.randrange(3),
            outcome=r.choice(("won", "lost")),
            value=f"{r.randrange(100, 90000)}.50",
            currency="EUR",
        )

    def _usage(self, data: dict[str, object], _: datetime) -> None:
        data.update(feature=f"feature-{self._random.randrange(12)}", action="copied")

    def _escalation(self, data: dict[str, object], _: datetime) -> None:
        data.update(reason=self._random.choice(("no_answer", "user_request", "low_confidence")))

    def _resolution(self, data: dict[str, object], _: datetime) -> None:
        data.update(outcome="resolved", by=self._random.choice(("bot", "human")), ticket=False)

    def _feedback(self, data: dict[str, object], _: datetime) -> None:
        data.update(kind="csat", score=self._random.randrange(1, 6), scale_min=1, scale_max=5)

    def _review(self, data: dict[str, object], _: datetime) -> None:
        data.pop("user")
        data.update(correct=self._random.random() < 0.9, sampled=True, sampling_rate=0.05)

    def _probe(self, data: dict[str, object], _: datetime) -> None:
        for name in ("user", "session", "team"):
            data.pop(name)
        data.update(success=self._random.random() < 0.999, duration=0.21, interval=30)

    def _measurement(self, data: dict[str, object], _: datetime) -> None:
        data.pop("user")
        data.update(name="orders", value=str(self._random.randrange(1, 90)))

    def _support_request(self, data: dict[str, object], _: datetime) -> None:
        data.update(topic="login")


START = datetime(2026, 1, 5, tzinfo=UTC)
