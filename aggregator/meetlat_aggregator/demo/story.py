"""What a story is made of: things that happen at a time, from one seeded source of chance.

All numbers are whole (microseconds, tokens, nano-euro), so that a truth can be exact.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from meetlat_aggregator.demo.company import Model, Period, Team, Tool


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happened, told to the SDK's function `kind` with `fields`.

    A call's `fields` have `duration` and `first_token` in microseconds, `cost` in nano-euro.
    """

    kind: str
    tool: Tool
    time: datetime
    id: str
    fields: dict[str, Any]


class Story:
    """What happens around one tool. `names` keeps ids of several stories apart (live, history)."""

    def __init__(self, tool: Tool, seed: int, names: str = "") -> None:
        self.tool = tool
        self.random = Random(f"{seed} {tool.name} {names}")  # noqa: S311 - chance, not secrets
        self.names = f"{names}{tool.use_case}"
        self._number = 0
        self._told: list[Happening] = []

    def tell(self, kind: str, time: datetime, /, **fields: Any) -> str:
        """Something happens; returns its id. Fields that are None are left out."""
        self._number += 1
        ident = f"{self.names}-{self._number:06d}"
        kept = {name: value for name, value in fields.items() if value is not None}
        kept.setdefault("use_case", self.tool.use_case)
        if kind in ("interaction", "escalate", "used", "probe", "support_request"):
            kept.setdefault("tool", self.tool.name)
        self._told.append(Happening(kind, self.tool, time, ident, kept))
        return ident

    def take(self) -> list[Happening]:
        """What was told since the last time, by time."""
        told, self._told = sorted(self._told, key=lambda h: (h.time, h.id)), []
        return told

    # --- chance

    def new(self, what: str) -> str:
        """A new name, as `quotes-quote-17`."""
        self._number += 1
        return f"{self.names}-{what}-{self._number}"

    def yes(self, share: float) -> bool:
        """True with this chance."""
        return self.random.random() < share

    def around(self, middle: float) -> int:
        """A whole number around `middle`: half of them below, some far above, as waits are."""
        return max(1, round(self.random.lognormvariate(0, 0.45) * middle))

    def someone(self, *teams: Team) -> tuple[str, str]:
        """A person and their team."""
        team = self.random.choices(teams, [team.size for team in teams])[0]
        return self.random.choice(team.people), team.name

    def office_hour(self, day: datetime) -> datetime:
        """A moment of a working day: 8 to 17 o'clock, whole seconds."""
        return day + timedelta(seconds=self.random.randrange(8 * 3600, 17 * 3600))

    def later(self, time: datetime, seconds: float) -> datetime:
        """About so many seconds later, whole seconds."""
        return time + timedelta(seconds=self.around(seconds))

    def working(self, time: datetime, hours: float) -> datetime:
        """About so many office hours later, never on a weekend."""
        left = self.around(hours * 3600)
        while left:
            close = time.replace(hour=17, minute=0, second=0)
            today = int((close - time).total_seconds()) if time.weekday() < 5 else 0
            if left <= today:
                return time + timedelta(seconds=left)
            left -= max(today, 0)
            time = close.replace(hour=8) + timedelta(days=1)
        return time

    # --- what every tool does

    def call(
        self, time: datetime, model: Model, *, seconds: float, tokens: tuple[float, float],
        cached: float = 0.0, streamed: bool = False, **fields: Any,
    ) -> tuple[str, datetime]:  # fmt: skip
        """A call of the tool; returns its id and when it ended. Few fail, time out or are given
        up; these have no usage. `tokens`: about how many go in and come out.
        """
        duration = self.around(seconds * 1_000_000)
        status = self.random.choices(
            ("ok", "error", "timeout", "cancelled"), (970, 12, 6, 12)
        )[0]  # fmt: skip
        if status == "timeout":
            duration = 60_000_000
        said: dict[str, Any] = {"status": status, "duration": duration}
        if streamed and status != "error":
            said["first_token"] = duration // self.random.randint(3, 9)
        if status == "ok":
            said |= self._usage(model, tokens, cached)
        ident = self.tell(
            "interaction", time, provider=model.provider, model=model.name, **said, **fields
        )
        return ident, time + timedelta(microseconds=duration)

    def _usage(self, model: Model, tokens: tuple[float, float], cached: float) -> dict[str, Any]:
        given, output = self.around(tokens[0]), self.around(tokens[1])
        read = int(given * cached)
        usage: dict[str, Any] = {"input_tokens": given - read, "output_tokens": output}
        if read:
            usage["cache_read_tokens"] = read
        elif cached:
            usage["cache_write_tokens"] = given // 2
        if model.prices is not None:
            whole, from_cache, out = model.prices
            usage["cost"] = (given - read) * whole + read * from_cache + output * out
            usage["currency"] = "EUR"
            usage["cost_source"] = "provider"
        return usage

    def probes(self, first: datetime, until: datetime, outage: float) -> None:
        """Availability checks every half hour, with one outage of four hours: at which share of
        the time it begins.
        """
        every = timedelta(minutes=30)
        down = first + outage * (until - first)
        time = first
        while time < until:
            out = down <= time < down + timedelta(hours=4)
            self.probe(time, every, works=not out and not self.yes(0.002))
            time += every

    def probe(self, time: datetime, every: timedelta, *, works: bool) -> None:
        """One availability check."""
        self.tell(
            "probe", time, success=works, interval=int(every.total_seconds()), check="answer",
            location="office", http_status=200 if works else 503,
            error_type=None if works else "unavailable",
            duration=self.random.randint(40, 400) / 1000,
        )  # fmt: skip

    def survey(self, time: datetime, team: Team, question: str, middle: int) -> None:
        """Everybody in the team is asked; two of three answer, without a name."""
        for _ in range(team.size):
            self.tell("feedback", time, kind="survey", question=question, asked=True)
            if self.yes(0.67):
                score = min(5, max(1, middle + self.random.choice((-1, 0, 0, 1))))
                self.tell("feedback", time, kind="survey", question=question, score=score)


def happened(stories: list[list[Happening]], period: Period) -> Iterator[Happening]:
    """Everything of several stories in the order of time; what lies beyond the end is left out."""
    merged = heapq.merge(*stories, key=lambda h: (h.time, h.id))
    return (happening for happening in merged if happening.time < period.end)
