"""A realistic mix of events, about 400 bytes each, made from a seed.

Per 1,000: 700 interactions, 60 task updates, 50 uses, 40 escalations, 40 resolutions, 40 feedback,
20 reviews, 30 probes, 10 measurements, 10 support requests. 10 use cases, 12 teams, 20,000 people.
A conversation has 6.5 events, spread over five minutes and mixed with all the others.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from meetlat.logs.base import Message

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
PEOPLE = 20_000
EVENTS_OF_A_SESSION = 6.5
SECONDS_OF_A_SESSION = 300
_REASONS = ("no_answer", "user_request", "low_confidence")
_MODELS = ("gpt-4o", "gpt-4o-mini", "gpt-4.1")
_ALONE = ("task", "probe")  # belong to no conversation


class Mix:
    """Events in order of time, `per_second` of them each second from `start` (UTC)."""

    def __init__(self, seed: int, start: datetime, per_second: float) -> None:
        self._random = random.Random(seed)
        self._start = start
        self._step = 1 / per_second
        self._encode = msgspec.json.Encoder().encode
        self.made = 0
        self._users = [f"u_{self._random.getrandbits(128):032x}" for _ in range(PEOPLE)]
        self._open = max(20, int(per_second * SECONDS_OF_A_SESSION / EVENTS_OF_A_SESSION))
        self._sessions: list[tuple[str, int, int]] = []

    def values(self, count: int) -> list[bytes]:
        """The next `count` events, encoded."""
        return [value for _, value in self.events(count)]

    def events(self, count: int) -> Iterator[tuple[datetime, bytes]]:
        """The next `count` events with their times."""
        for at, event in self._next(count):
            yield at, self._encode(event)

    def messages(self, count: int) -> list[Message]:
        """The next `count` events as a log takes them: the key is session, else case, else id."""
        found = []
        for _, event in self._next(count):
            data = event["data"]
            key = data.get("session") or data.get("case") or event["id"]
            found.append(Message(key.encode(), self._encode(event)))
        return found

    def _next(self, count: int) -> Iterator[tuple[datetime, dict[str, Any]]]:
        for kind in self._random.choices(list(_WEIGHTS), list(_WEIGHTS.values()), k=count):
            at = self._start + timedelta(seconds=self.made * self._step)
            self.made += 1
            yield at, self._event(kind, at)

    def _event(self, kind: str, at: datetime) -> dict[str, Any]:
        bits = self._random.getrandbits
        millis = int(at.timestamp() * 1000)
        if kind in _ALONE:
            session, user, use_case = "", self._below(PEOPLE), self._below(10)
        else:
            session, user, use_case = self._session()
        data: dict[str, object] = {
            "tool": f"tool-{use_case}",
            "use_case": f"use-case-{use_case}",
            "team": f"team-{user % 12}",
            "user": self._users[user],
            "session": session,
        }
        getattr(self, f"_{kind}")(data, at)
        return {
            "specversion": "1.0",
            "id": _uuid7(millis, bits(12), bits(62)),
            "source": f"/shop/backend-{user % 4}",
            "type": f"meetlat.{kind}.v1",
            "time": at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "data": data,
        }

    def _session(self) -> tuple[str, int, int]:
        """One of the open conversations, now and then a new one in the place of an old one."""
        open_ = self._sessions
        if open_ and self._random.random() > 1 / EVENTS_OF_A_SESSION:
            return open_[self._below(len(open_))]

        fresh = (f"{self._random.getrandbits(64):016x}", self._below(PEOPLE), self._below(10))
        if len(open_) < self._open:
            open_.append(fresh)
        else:
            open_[self._below(len(open_))] = fresh
        return fresh

    def _below(self, limit: int) -> int:
        return int(self._random.random() * limit)

    def _interaction(self, data: dict[str, object], _: datetime) -> None:
        r = self._random
        data.update(
            status="ok" if r.random() < 0.98 else "error",
            duration=round(r.lognormvariate(0, 0.8), 6),
            operation="chat",
            provider="openai",
            model=_MODELS[self._below(3)],
            input_tokens=100 + self._below(3900),
            output_tokens=10 + self._below(790),
            cost=f"0.{self._below(10**6):09d}",
            currency="EUR",
        )
        if r.random() < 0.5:
            data.update(streamed=True, first_token=round(r.lognormvariate(-1, 0.5), 6))

    def _task(self, data: dict[str, object], at: datetime) -> None:
        r = self._random
        del data["user"], data["session"]
        data.update(
            process="quote",
            case=f"Q-{self.made // 40:09d}-{self._below(4)}",
            segment="standard" if r.random() < 0.5 else "complex",
            assisted=r.random() < 0.6,
            started=(at - timedelta(hours=r.random() * 48)).isoformat(),
            finished=at.isoformat(),
            handling=round(r.uniform(60, 9000), 1),
            revisions=self._below(4),
            errors=self._below(3),
            outcome="won" if r.random() < 0.5 else "lost",
            value=f"{100 + self._below(90000)}.50",
            currency="EUR",
        )

    def _usage(self, data: dict[str, object], _: datetime) -> None:
        data.update(feature=f"feature-{self._below(12)}", action="copied")

    def _escalation(self, data: dict[str, object], _: datetime) -> None:
        data.update(reason=_REASONS[self._below(3)])

    def _resolution(self, data: dict[str, object], _: datetime) -> None:
        data.update(outcome="resolved", by=("bot", "human")[self._below(2)], ticket=False)

    def _feedback(self, data: dict[str, object], _: datetime) -> None:
        data.update(kind="csat", score=1 + self._below(5), scale_min=1, scale_max=5)

    def _review(self, data: dict[str, object], _: datetime) -> None:
        del data["user"]
        data.update(correct=self._random.random() < 0.9, sampled=True, sampling_rate=0.05)

    def _probe(self, data: dict[str, object], _: datetime) -> None:
        for name in ("user", "session", "team"):
            del data[name]
        data.update(success=self._random.random() < 0.999, duration=0.21, interval=30)

    def _measurement(self, data: dict[str, object], _: datetime) -> None:
        del data["user"]
        data.update(name="orders", value=str(1 + self._below(89)))

    def _support_request(self, data: dict[str, object], _: datetime) -> None:
        data.update(topic="login")


def _uuid7(millis: int, first: int, second: int) -> str:
    digits = f"{millis:012x}7{first:03x}{1 << 63 | second:016x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


START = datetime(2026, 1, 5, tzinfo=UTC)
