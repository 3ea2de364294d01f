"""Recruitment: vacancies, a first look at each CV, and how people judge it.

Before go-live every CV is read by hand. Afterwards the screener proposes and a recruiter decides.
"""

from __future__ import annotations

from datetime import datetime

from meetlat_aggregator.demo.company import CV_SCREENER, LARGE_MODEL, RECRUITMENT, Period
from meetlat_aggregator.demo.story import Happening, Story


class Recruitment(Story):
    """The story of `hr`."""

    def __init__(self, seed: int, names: str = "") -> None:
        super().__init__(CV_SCREENER, seed, names)

    def history(self, period: Period) -> list[Happening]:
        """Everything up to the end of the period."""
        for day in period.work_days:
            if day.weekday() < 4:
                live = day >= period.go_live
                self.vacancy(self.office_hour(day), assisted=live and self.yes(0.9))
        self.probes(period.go_live, period.end, outage=0.1)
        return self.take()

    def vacancy(self, time: datetime, *, assisted: bool) -> None:
        """A vacancy, from the opening to the day somebody is hired."""
        case = self.new("vacancy")
        who = {"process": "vacancy", "case": case, "team": RECRUITMENT.name, "assisted": assisted}
        self.tell("task", time, requested=time, **who)
        closed = self.working(time, 60)
        applied = self.around(28)
        reading = 0
        if assisted:
            reading = self.screen(closed, case, applied)
        reading += sum(self.around(70 if assisted else 330) for _ in range(applied))
        selected = self.working(closed, 8 if assisted else 24)
        self.tell(
            "task", selected, process="vacancy", step="preselection", case=case, finished=selected,
            handling=reading, team=RECRUITMENT.name, assisted=assisted, outcome="preselected",
        )  # fmt: skip
        self.count(selected, applied, assisted=assisted)
        self.judge(self.working(selected, 24), case, assisted=assisted)
        hired = self.working(selected, 50)
        self.tell(
            "task", hired, finished=hired, handling=reading + self.around(6 * 3600),
            outcome="hired" if self.yes(0.85) else "rejected", **who,
        )  # fmt: skip

    def screen(self, time: datetime, case: str, applied: int) -> int:
        """Every CV goes through the screener, in sittings of one recruiter each; in seconds."""
        spent = 0
        left = applied
        while left:
            user, team = self.someone(RECRUITMENT)
            session = self.new("sitting")
            for _ in range(min(left, 10)):
                ident, end = self.call(
                    time, LARGE_MODEL, seconds=2.4, tokens=(1900, 180), cached=0.3,
                    operation="chat", feature="screening", user=user, team=team, session=session,
                    case=case, prompt_version="screen-2",
                )  # fmt: skip
                spent += int((end - time).total_seconds())
                time = self.later(end, 70)
                if self.yes(0.1):
                    correct = self.yes(0.88)
                    self.tell(
                        "review", time, subject=ident, correct=correct, sampled=True,
                        sampling_rate=0.1, stratum="cv", correctness=8 if correct else 3,
                        tool=self.tool.name, team=team,
                    )  # fmt: skip
            self.tell("used", time, action="opened", feature="ranking", user=user, team=team,
                      session=session, count=self.random.randint(1, 3))  # fmt: skip
            left -= min(left, 10)
            time = self.later(time, 3600)
        return spent

    def count(self, time: datetime, applied: int, *, assisted: bool) -> None:
        """Numbers per group, for parity; never beside a person."""
        groups = {"f": 0, "m": 0}
        for _ in range(applied):
            groups[self.random.choice(("f", "m"))] += 1
        selected = {name: round(number * 0.25) for name, number in groups.items()}
        for stage, counts in (("applied", groups), ("selected", selected)):
            self.tell("selection_counts", time, dimension="gender", stage=stage, counts=counts,
                      assisted=assisted)  # fmt: skip

    def judge(self, time: datetime, case: str, *, assisted: bool) -> None:
        """Interviewers and candidates say what they think."""
        for _ in range(3):
            score = self.random.randint(5, 9)
            self.tell("feedback", time, kind="interviewer", score=score, scale=(1, 10), case=case,
                      assisted=assisted)  # fmt: skip
        if self.yes(0.5):
            self.tell("feedback", self.later(time, 3600), kind="candidate", case=case,
                      score=self.random.randint(2, 5), assisted=assisted)  # fmt: skip
