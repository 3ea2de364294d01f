"""Customer service: a chatbot for customers, a drafting aid for the agents, and the tickets.

Before go-live agents solve every ticket by hand. Afterwards the bot answers first, and agents let
it draft most of their replies.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from meetlat_aggregator.demo.company import CHATBOT, SMALL_MODEL, SUPPORT, WEEK, WORK_DAYS, Period
from meetlat_aggregator.demo.story import Happening, Story

_REASONS = ("no_answer", "user_request", "low_confidence", "policy")
_TOPICS = ("how to give feedback", "wrong language", "cannot log in")
_PROMPTS = ("greeting-3", "greeting-4")


class Service(Story):
    """The story of `service`."""

    def __init__(self, seed: int, names: str = "") -> None:
        super().__init__(CHATBOT, seed, names)
        self.answers: list[tuple[str, datetime]] = []

    def history(self, period: Period) -> list[Happening]:
        """Everything up to the end of the period."""
        for day in period.days:
            self.day(day, live=day >= period.go_live)
        self.probes(period.go_live, period.end, outage=0.33)
        for time in (period.go_live - WEEK, period.end - 2 * WEEK):
            self.survey(time, SUPPORT, "I like to work with our tools", 3)
        return self.take()

    def day(self, day: datetime, *, live: bool) -> None:
        """Customers come on every day, agents on working days."""
        working = day.weekday() < WORK_DAYS
        if live:
            for _ in range(self.around(110 if working else 45)):
                second = int(self.random.triangular(7 * 3600, 23 * 3600, 14 * 3600))
                self.conversation(day + timedelta(seconds=second))
        if not working:
            return
        for _ in range(self.around(34 if live else 55)):
            self.ticket(self.office_hour(day), assisted=live and self.yes(0.8))
        if live:
            for _ in range(self.around(44)):
                self.draft(self.office_hour(day))
        if day.weekday() == WORK_DAYS - 1:
            self.week(day, live=live)

    def conversation(self, time: datetime) -> None:
        """A customer asks the bot."""
        session = self.new("chat")
        prompt = self.random.choice(_PROMPTS)
        start, turns = time, self.random.choices((1, 2, 3, 4, 6), (20, 30, 25, 15, 10))[0]
        for turn in range(turns):
            ident, time = self.call(
                time, SMALL_MODEL, seconds=1.6, tokens=(700 + 400 * turn, 160), streamed=True,
                cached=0.6 if turn else 0.0, operation="chat", feature="chat", session=session,
                prompt_version=prompt,
            )  # fmt: skip
            self.answers.append((ident, time))
            if self.yes(0.05):
                self.tell("feedback", time, kind="thumbs", score=int(self.yes(0.8)), by="bot",
                          session=session)  # fmt: skip
            time = self.later(time, 40)
        handed_over = self.yes(0.2)
        judged = "human" if handed_over else "bot"
        if handed_over:
            reason = self.random.choice(_REASONS)
            self.tell("escalate", time, reason=reason, to="support desk", session=session)
            time = self.later(time, 900)
        if self.yes(0.92):
            outcome = "resolved"
            if self.yes(0.12):
                outcome = self.random.choice(("abandoned", "unresolved"))
            self.tell("resolve", time, outcome=outcome, by=judged, channel="chat",
                      session=session, ticket=handed_over and self.yes(0.5))  # fmt: skip
            if self.yes(0.02):
                self.tell("resolve", self.later(start, 2 * 86400), outcome="reopened",
                          by="human", channel="chat", session=session)  # fmt: skip
        self.tell("feedback", time, kind="csat", asked=True, by=judged, session=session)
        if self.yes(0.25):
            score = self.random.choices((1, 2, 3, 4, 5), (4, 6, 18, 42, 30))[0]
            self.tell("feedback", self.later(time, 300), kind="csat", score=score, by=judged,
                      session=session)  # fmt: skip

    def draft(self, time: datetime) -> None:
        """An agent lets the tool draft a reply."""
        user, team = self.someone(SUPPORT)
        session = self.new("draft")
        for _ in range(self.random.choice((1, 1, 2))):
            _, time = self.call(
                time, SMALL_MODEL, seconds=2.2, tokens=(1500, 260), cached=0.5, operation="chat",
                feature="reply-draft", session=session, user=user, team=team,
            )  # fmt: skip
        if self.yes(0.7):
            self.tell("used", self.later(time, 20), action="copied", feature="reply-draft",
                      session=session, user=user, team=team)  # fmt: skip

    def ticket(self, time: datetime, *, assisted: bool) -> None:
        """A ticket, from the question to the answer."""
        case = self.new("ticket")
        self.tell("task", time, process="ticket", case=case, requested=time, team=SUPPORT.name,
                  assisted=assisted)  # fmt: skip
        started = self.working(time, 2.0 if assisted else 5.0)
        handling = self.around(290 if assisted else 540)
        finished = started + timedelta(seconds=handling)
        self.tell(
            "task", finished, process="ticket", case=case, started=started, finished=finished,
            handling=handling, team=SUPPORT.name, assisted=assisted, outcome="resolved",
            rework=self.around(45) if assisted and self.yes(0.3) else None,
        )  # fmt: skip

    def week(self, friday: datetime, *, live: bool) -> None:
        """What a week leaves behind: checks of a sample, complaints, questions about the tool."""
        time = self.office_hour(friday)
        self.tell("measure", time, name="complaint", value=str(self.around(5 if live else 7)))
        if not live:
            return
        for _ in range(self.random.randint(1, 4)):
            self.tell("support_request", self.office_hour(friday), team=SUPPORT.name,
                      topic=self.random.choice(_TOPICS))  # fmt: skip
        earlier = [ident for ident, at in self.answers if at < time]
        for subject in self.random.sample(earlier, min(25, len(earlier))):
            correct = self.yes(0.91)
            self.tell(
                "review", self.later(time, 120), subject=subject, correct=correct, sampled=True,
                language_correct=self.yes(0.97), correctness=9 if correct else 4,
                sampling_rate=0.02, tool=self.tool.name,
            )  # fmt: skip
