"""The demo's course: services up, history in, figures compared, then live until Ctrl-C."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from meetlat.commands.supervisor import Supervisor
from meetlat_aggregator.demo import history, table, truth
from meetlat_aggregator.demo.company import TEAMS, Period
from meetlat_aggregator.demo.feed import REFUSED, WHOLE, Feed, Place, StoppedError
from meetlat_aggregator.demo.live import Live, go_on
from meetlat_aggregator.demo.mishaps import BROKEN, Delivery
from meetlat_aggregator.demo.people import PRIVACY_LIMIT


@dataclass(slots=True)
class Demo:
    """A service: `startup`, `run`, `shutdown(deadline)`. `equal` is None until it is known, `kept`
    whether the tables can be looked at after the figures were told.
    """

    place: Place
    supervisor: Supervisor
    period: Period
    seed: int
    leave: bool
    kept: bool
    every: bool
    say: Callable[[str], None]
    equal: bool | None = None
    _stopping: threading.Event = field(default_factory=threading.Event)

    async def startup(self) -> None:
        """Start the services."""
        await self.supervisor.startup()

    async def run(self, stop: asyncio.Event) -> None:
        """Play the history and compare. With `leave` that is all, else go on live until `stop`."""
        keeping = asyncio.create_task(self.supervisor.run(stop))
        playing = asyncio.create_task(self._play())
        await asyncio.wait({keeping, playing}, return_when=asyncio.FIRST_COMPLETED)
        self._stopping.set()
        stop.set()
        await keeping
        if not self.supervisor.ready.is_set():
            playing.cancel()
        (outcome,) = await asyncio.gather(playing, return_exceptions=True)
        if isinstance(outcome, Exception) and not isinstance(outcome, StoppedError):
            raise outcome

    async def shutdown(self, deadline: float) -> None:
        """Stop the services in order."""
        self._stopping.set()
        await self.supervisor.shutdown(deadline)

    async def _play(self) -> None:
        making = asyncio.create_task(
            asyncio.to_thread(history.make_history, self.period, self.seed)
        )
        await self.supervisor.ready.wait()
        await asyncio.to_thread(self._tell, await making)

    def _tell(self, deliveries: list[Delivery]) -> None:
        started = time.monotonic()
        feed = Feed(self.place, self._stopping)
        programs = self.place.programs()
        try:
            feed.send(programs, deliveries)
            at_the_door = feed.send_broken()
            counted = feed.counted(self.period.end) | at_the_door
            true = truth.true_figures(deliveries) | _truth_of_broken()
            rows = table.compare(true, counted)
            self.equal = all(row.equal for row in rows)
            seconds = time.monotonic() - started
            self.say(_result(rows, len(deliveries), seconds, every=self.every))
            if self.kept:
                self.say(_kpis(self.place))
            if not self.leave:
                self.say(_where(self.place))
                live = Live(self.seed, _now())
                go_on(live, lambda h: programs.tell(h, history=False), _now, self._stopping)
        finally:
            programs.shutdown(10.0)


def _truth_of_broken() -> truth.Figures:
    number = Decimal(len(BROKEN))
    return {(WHOLE, REFUSED): number, (WHOLE, "broken, dead letters"): number}


def _now() -> datetime:
    return datetime.now(UTC)


def introduction(period: Period, seed: int, place: Place) -> str:
    """What this is, in a few lines."""
    people = sum(team.size for team in TEAMS)
    return (
        f"A simulated company of {people} people: {period.before} weeks by hand, then "
        f"{period.after} weeks with three AI tools (seed {seed}).\n"
        "Its events take the real path: SDK → HTTP → collector → log → aggregator → tables.\n"
        f"  events   http://{place.collector}/v1/events\n"
        f"  metrics  http://{place.aggregator}/metrics\n"
        f"  tables   {place.published}\n"
    )


def _result(rows: list[table.Row], events: int, seconds: float, *, every: bool) -> str:
    wrong = sum(not row.equal for row in rows)
    verdict = (
        f"all {len(rows)} figures are equal"
        if not wrong
        else f"{wrong} of {len(rows)} figures are NOT equal"
    )
    listed = rows if every else table.headlines(rows)
    if len(listed) < len(rows):
        verdict += f";\nshown are {len(listed)}, --all shows every one"
    return (
        f"{table.render(listed)}\n\n"
        f"{events:,} events sent and counted in {seconds:.0f} s; {verdict}.\n"
        "truth: what the simulator knows; counted: what the tables say; n: how many observations\n"
        "a sum rests on (a count is its own n). Hours are compared to the microsecond.\n"
        f"Nothing is shown about fewer than {PRIVACY_LIMIT} people: small teams are put together "
        "as (small)."
    )


def _kpis(place: Place) -> str:
    return (
        "\nWhat it means for the company: its KPIs with baseline, target and status, by the plan\n"
        f"{place.config}\n"
        f"  meetlat kpi --data {place.data}\n"
        f"  meetlat kpi --data {place.data} --period go-live --use-case quotes"
    )


def _where(place: Place) -> str:
    return (
        "\nThe company goes on live. Look at it from another terminal:\n"
        f"  meetlat status --data {place.data}\n"
        f"  meetlat sql --data {place.data} \\\n"
        '    "SELECT hour, use_case, sum(requests) AS calls FROM interactions_hourly\n'
        '     GROUP BY ALL ORDER BY ALL DESC LIMIT 10"\n'
        "Ctrl-C stops it in order."
    )
