"""Quotes: from a customer's request over calculation and text to the decision.

Before go-live the text is written by hand. Afterwards the generator makes the first draft, and
Legal checks the terms with it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from meetlat_aggregator.demo.company import (
    CALCULATION,
    LARGE_MODEL,
    LEGAL,
    OWN_MODEL,
    QUOTE_WRITER,
    SALES_NORTH,
    SALES_SOUTH,
    WEEK,
    Period,
)
from meetlat_aggregator.demo.story import Happening, Story

_ERRORS = ("typo", "inconsistency", "missing_attachment")


class Quotes(Story):
    """The story of `quotes`."""

    def __init__(self, seed: int, names: str = "") -> None:
        super().__init__(QUOTE_WRITER, seed, names)

    def history(self, period: Period) -> list[Happening]:
        """Everything up to the end of the period."""
        for day in period.work_days:
            live = day >= period.go_live
            for _ in range(self.around(17 if live else 14)):
                self.quote(self.office_hour(day), assisted=live and self.yes(0.85))
            if day.weekday() == 0:
                orders = self.around(23 if live else 20)
                self.tell("measure", self.office_hour(day), name="orders", value=str(orders))
                if live and self.yes(0.5):
                    self.tell("support_request", self.office_hour(day), topic="own templates")
        self.probes(period.go_live, period.end, outage=0.66)
        for time in (period.go_live - WEEK, period.end - 2 * WEEK):
            self.survey(time, SALES_NORTH, "Quotes leave in time", 3)
        return self.take()

    def quote(self, time: datetime, *, assisted: bool) -> None:
        """A quote, told in as many updates as there is news."""
        case = self.new("quote")
        user, team = self.someone(SALES_NORTH, SALES_SOUTH)
        who = {
            "process": "quote", "case": case, "team": team, "assisted": assisted,
            "segment": self.random.choice(("new customer", "known customer")),
        }  # fmt: skip
        self.tell("task", time, requested=time, **who)
        calculated = self.working(time, 1.5)
        handling = self.around(1500)
        self.tell(
            "task", calculated, process="quote", step="calculation", case=case,
            team=CALCULATION.name, assisted=False, finished=calculated, handling=handling,
        )  # fmt: skip
        if assisted:
            draft = self.write(calculated, case, user, team)
        else:
            draft = self.working(calculated, 5)
        self.tell("task", draft, first_draft=draft, **who)
        finished = self.working(draft, 1.2 if assisted else 3)
        self.finish(finished, who, handling + self.around(1700 if assisted else 5200))
        decided = self.working(finished, 40)
        outcome = self.random.choices(("won", "lost", "expired"), (34, 46, 20))[0]
        self.tell(
            "task", decided, decided=decided, outcome=outcome, currency="EUR",
            value=f"{self.around(18000)}.{self.random.randrange(100):02d}", **who,
        )  # fmt: skip

    def finish(self, time: datetime, who: dict[str, object], handling: int) -> None:
        """The quote goes to the customer."""
        assisted = bool(who["assisted"])
        errors = self.random.choices((0, 1, 2, 3), (70, 20, 7, 3) if assisted else (55, 28, 12, 5))
        kinds = [self.random.choice(_ERRORS) for _ in range(errors[0])]
        self.tell(
            "task", time, finished=time, handling=handling, errors=errors[0],
            error_kinds={kind: kinds.count(kind) for kind in sorted(set(kinds))} or None,
            revisions=self.random.choices((0, 1, 2, 3), (45, 35, 15, 5))[0],
            quality=self.random.randint(6, 9), template_reused=self.yes(0.3) if assisted else None,
            takeover_share=self.random.randint(50, 100) / 100 if assisted else None, **who,
        )  # fmt: skip

    def write(self, time: datetime, case: str, user: str, team: str) -> datetime:
        """The generator writes the draft; Legal has its terms checked."""
        about: dict[str, Any] = {"session": self.new("writing"), "case": case}
        ident = ""
        for part in range(self.random.choice((1, 2, 2, 3))):
            ident, time = self.call(
                time, LARGE_MODEL, seconds=13, tokens=(2600, 900), cached=0.4 if part else 0.0,
                operation="generate", feature="draft", user=user, team=team,
                prompt_version="quote-7", output_pages=self.random.randint(1, 2), **about,
            )  # fmt: skip
            time = self.later(time, 150)
        if self.yes(0.6):
            self.tell("used", time, action="accepted", feature="draft", user=user, team=team,
                      **about)  # fmt: skip
        if self.yes(0.25):
            self.tell("used", self.later(time, 10), action="template_reused", feature="library",
                      template="maintenance contract", user=user, team=team, **about)  # fmt: skip
        lawyer, _ = self.someone(LEGAL)
        _, checked = self.call(
            self.later(time, 600), OWN_MODEL, seconds=6, tokens=(3200, 220), operation="chat",
            feature="terms", user=lawyer, team=LEGAL.name, case=case,
        )  # fmt: skip
        if self.yes(0.15):
            self.review(checked, ident)
        return checked

    def review(self, time: datetime, subject: str) -> None:
        """Legal judges a draft."""
        right = self.yes(0.6)
        self.tell(
            "review", self.later(time, 900), subject=subject, correct=self.yes(0.93),
            first_time_right=right, rework=0 if right else self.around(600), sampled=False,
            quality=self.random.randint(5, 9), completeness=self.random.randint(5, 10),
            customer_focus=self.random.randint(4, 9), prompt_version="quote-7",
            tool=self.tool.name, team=LEGAL.name,
        )  # fmt: skip
