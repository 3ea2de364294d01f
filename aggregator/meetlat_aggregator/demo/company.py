"""Who works in the simulated company, with which AI tools, and when the story takes place.

About forty people. Two teams have fewer than five, so that the tables show them as `(small)`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

WEEK = timedelta(weeks=1)
WORK_DAYS = 5


@dataclass(frozen=True, slots=True)
class Team:
    """A team and how many people it has."""

    name: str
    size: int

    @property
    def people(self) -> list[str]:
        """Addresses, which leave the SDK as pseudonyms only."""
        return [f"{self.name}.{number}@example.com" for number in range(1, self.size + 1)]


SUPPORT = Team("support", 13)
SALES_NORTH = Team("sales-north", 8)
SALES_SOUTH = Team("sales-south", 7)
RECRUITMENT = Team("recruitment", 6)
CALCULATION = Team("calculation", 3)
LEGAL = Team("legal", 3)
TEAMS = (SUPPORT, SALES_NORTH, SALES_SOUTH, RECRUITMENT, CALCULATION, LEGAL)


@dataclass(frozen=True, slots=True)
class Tool:
    """An AI tool: the use case it serves, and the program that sends its events."""

    name: str
    use_case: str

    @property
    def source(self) -> str:
        """The `source` of its events."""
        return f"/demo/{self.name}"


CHATBOT = Tool("service-bot", "service")
QUOTE_WRITER = Tool("quote-writer", "quotes")
CV_SCREENER = Tool("cv-screener", "hr")
TOOLS = (CHATBOT, QUOTE_WRITER, CV_SCREENER)


@dataclass(frozen=True, slots=True)
class Model:
    """A model and its price in nano-euro a token (uncached, read from cache, output).

    `prices` is None for the company's own model: nobody has put a price on it yet.
    """

    provider: str
    name: str
    prices: tuple[int, int, int] | None


SMALL_MODEL = Model("openai", "gpt-4.1-mini", (370, 92, 1480))
LARGE_MODEL = Model("openai", "gpt-4.1", (1850, 462, 7400))
OWN_MODEL = Model("self-hosted", "mistral-small", None)


@dataclass(frozen=True, slots=True)
class Period:
    """The story's weeks: `before` without AI, then `after` with it. Ends on a Monday, 00:00 UTC."""

    end: datetime
    before: int = 10
    after: int = 10

    @property
    def start(self) -> datetime:
        """When the baseline begins."""
        return self.go_live - self.before * WEEK

    @property
    def go_live(self) -> datetime:
        """When the tools go live."""
        return self.end - self.after * WEEK

    @property
    def days(self) -> list[datetime]:
        """Midnight of every day."""
        return [self.start + timedelta(days=n) for n in range((self.end - self.start).days)]

    @property
    def work_days(self) -> list[datetime]:
        """Midnight of every Monday to Friday."""
        return [day for day in self.days if day.weekday() < WORK_DAYS]


def last_monday(now: datetime) -> datetime:
    """Monday 00:00 UTC of the week of `now`: every week before it is complete.

    The story ends there, so that it has the same weekdays, and the same totals, on every day.
    """
    day = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return day - timedelta(days=day.weekday())
