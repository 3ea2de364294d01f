"""From an open event log to checked events, before any is sent: nothing is ever half imported."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from meetlat.contract.envelope import RefusedError
from meetlat.imports.collecting import SHOWN, Collected, collect
from meetlat.imports.making import Maker, Worker
from meetlat.imports.mapping import Map
from meetlat.imports.measuring import Measures
from meetlat.imports.reading import Log
from meetlat.imports.tasks import Tasks


@dataclass(slots=True)
class Prepared:
    """The events of a log in the order of their times, and the account of how they came about.

    `unfit` has the first cases of which no valid event can be made, `unfit_events` their number.
    `alone` counts starts and completes without a partner, per activity. `unknown` are activities
    that the map does not name, `absent` those that it names and the log does not have.
    """

    collected: Collected
    measures: Measures
    events: list[bytes] = field(default_factory=list)
    cases: int = 0
    unfit_events: int = 0
    unfit: list[str] = field(default_factory=list)
    without: Counter[str] = field(default_factory=Counter)
    pairs: int = 0
    alone: Counter[tuple[str, str]] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    absent: list[str] = field(default_factory=list)

    @property
    def bad(self) -> int:
        """Bad rows, and events that do not fit the contract."""
        return self.collected.bad_rows + self.unfit_events

    def told(self) -> list[str]:
        """The first of what is bad, a line each."""
        word = self.collected.word
        rows = [f"{word} {number}: {reason}" for number, reason in self.collected.bad]
        return [*rows, *self.unfit][:SHOWN]


def prepare(
    log: Log,
    said: Map,
    now: int,
    worker: Worker | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> Prepared:
    """Read a log and make all its events. `now` in microseconds; `worker` makes pseudonyms.

    Raises MeetlatError when a column is missing or the file cannot be read.
    """
    collected = collect(log, said, now, progress)
    tasks, maker = Tasks(said), Maker(said, worker)
    done = Prepared(collected, Measures(), cases=len(collected.cases))
    made: list[tuple[int, int, bytes]] = []
    number = count()
    for case in list(collected.cases):
        rows = collected.cases.pop(case)  # so that what is done leaves memory
        for task in tasks.of(case, rows):
            done.measures.add(task, whole=task.step is None or said.step_of_all is not None)
            try:
                event = maker.event(task)
            except RefusedError as error:
                done.unfit_events += 1
                if len(done.unfit) < SHOWN:
                    step = f", step {task.step}" if task.step else ""
                    done.unfit.append(f"case {case}{step}: {error}")
                continue
            if event is not None:
                made.append((task.time, next(number), event))
    made.sort()
    done.events = [event for _, _, event in made]
    done.without, done.pairs, done.alone = maker.without, tasks.pairs, tasks.alone
    known = said.activities() | set(said.ignore)
    seen = collected.activities
    done.unknown = Counter({name: n for name, n in seen.items() if name not in known})
    done.absent = sorted(known - set(seen))
    return done
