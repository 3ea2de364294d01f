"""Runs the SQL that a company wrote in its plan, after publications and beside them.

The SQL reads the published file, so what it gives is put into the tables by the publication after
that. No publication waits for it, and it rests a multiple of what it took. A query that failed is
run apart from the others from then on, so that it cannot make them wait for it either.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from meetlat.errors import MeetlatError
from meetlat.plan.models import OwnKpi, Plan
from meetlat_aggregator.kpi import sandbox
from meetlat_aggregator.kpi.company import NUMBERS, SCHEMA, TEXTS, Result
from meetlat_aggregator.kpi.sandbox import Query, Refused

# Times as long as it took; and how long after a failure at least, in seconds.
REST, REST_FAILED = 20.0, 60.0
# Each is a row of values per period: more of them nobody reads, and all of them take memory.
MOST_CUTS = 1_000
Run = Callable[..., Mapping[str, "sandbox.Rows | Refused"]]
_log = logging.getLogger("meetlat.aggregator")


@dataclass(slots=True)
class _Known:
    """When a query may run again, and on which publication it ran last."""

    kpi: OwnKpi
    failed: bool
    again: float
    ran_on: object


@dataclass(slots=True)
class CompanyRuns:
    """What the company's SQL gave, in `results`: another mapping whenever something changed.

    `look` runs in a thread; the rest may be read from any other meanwhile.
    """

    run: Run = sandbox.run
    clock: Callable[[], float] = time.monotonic
    results: Mapping[str, Result] = field(default_factory=dict)
    stopping: threading.Event = field(default_factory=threading.Event)
    _known: dict[str, _Known] = field(default_factory=dict)

    @property
    def failing(self) -> int:
        """How many of the company's own KPIs have no value since their SQL gave none."""
        return sum(bool(found.trouble) for found in self.results.values())

    def look(self, plan: Plan | None, published: Path, publication: object) -> None:
        """Run what did not run on this publication yet and has rested."""
        own = [kpi for kpi in (plan.kpis if plan else ()) if kpi.sql is not None]
        self._forget(own)
        due = [kpi for kpi in own if self._is_due(kpi, publication)]
        for group in self._groups(due):
            if self.stopping.is_set():
                return
            assert plan is not None
            self._look_at(group, {case.id for case in plan.use_cases}, published, publication)

    def _is_due(self, kpi: OwnKpi, publication: object) -> bool:
        known = self._known.get(kpi.id)
        return known is None or (known.ran_on != publication and self.clock() >= known.again)

    def _forget(self, own: Sequence[OwnKpi]) -> None:
        """What the plan does not say any more."""
        said = {kpi.id: kpi for kpi in own}
        for name in [name for name, known in self._known.items() if said.get(name) != known.kpi]:
            del self._known[name]
        kept = {name: one for name, one in self.results.items() if said.get(name) == one.kpi}
        if len(kept) < len(self.results):
            self.results = kept

    def _groups(self, due: Iterable[OwnKpi]) -> list[list[OwnKpi]]:
        """Those that went well last time together, every other one by itself, after them."""
        well: list[OwnKpi] = []
        others: list[OwnKpi] = []
        for kpi in due:
            known = self._known.get(kpi.id)
            (well if known is not None and not known.failed else others).append(kpi)
        return [*([well] if well else []), *([kpi] for kpi in others)]

    def _look_at(
        self, group: Sequence[OwnKpi], use_cases: set[str], published: Path, publication: object
    ) -> None:
        began = self.clock()
        queries = [Query(kpi.id, kpi.sql or "", kpi.shape) for kpi in group]
        try:
            found = self.run(queries, published, stop=self.stopping)
        except (MeetlatError, OSError) as error:
            found = {kpi.id: Refused(f"could not run: {error}") for kpi in group}
        if self.stopping.is_set():
            return  # what was stopped with the aggregator says nothing of the query
        took = self.clock() - began
        made = {kpi.id: _result(kpi, found[kpi.id], use_cases) for kpi in group}
        for kpi in group:
            failed = bool(made[kpi.id].trouble)
            rest = max(REST * took, REST_FAILED if failed else 0)
            self._known[kpi.id] = _Known(kpi, failed, self.clock() + rest, publication)
        self._take(made)

    def _take(self, made: Mapping[str, Result]) -> None:
        results = self.results
        changed = {name: one for name, one in made.items() if not _same(results.get(name), one)}
        for name, one in changed.items():
            before = results.get(name)
            if one.trouble and (before is None or before.trouble != one.trouble):
                _log.warning(
                    "the SQL of KPI %s in the plan %s; it is unknown until then", name, one.trouble
                )
            elif not one.trouble and before is not None and before.trouble:
                _log.info("the SQL of KPI %s in the plan runs again", name)
        if changed:
            self.results = {**results, **changed}


def _same(one: Result | None, other: Result) -> bool:
    return one is not None and one.trouble == other.trouble and one.rows.equals(other.rows)


def _result(kpi: OwnKpi, found: sandbox.Rows | Refused, use_cases: set[str]) -> Result:
    if isinstance(found, Refused):
        return Result(kpi, SCHEMA.empty_table(), found.reason)
    rows = _summed(found.table, use_cases if kpi.use_case is None else {kpi.use_case})
    cuts = rows.group_by([*TEXTS]).aggregate([]).num_rows
    if cuts > MOST_CUTS:
        why = (
            f"gives {cuts:,} combinations of use_case, team, segment and part, and "
            f"{MOST_CUTS:,} are the most; group by fewer or by coarser ones"
        )
        return Result(kpi, SCHEMA.empty_table(), why)
    if found.table.num_rows and not rows.num_rows:
        why = "gives no row of a use case that it is for; write the id of a use case as use_case"
        return Result(kpi, rows, why)
    return Result(kpi, rows)


def _summed(table: pa.Table, use_cases: set[str]) -> pa.Table:
    """One row per day and cut, of these use cases alone, always in the same order."""
    wanted = pa.array(sorted(use_cases), pa.string())
    kept = table.filter(pc.is_in(table["use_case"], value_set=wanted))
    given = [name for name in NUMBERS if name in table.column_names]
    keys = ["day", *TEXTS]
    summed = kept.group_by(keys, use_threads=False).aggregate([(name, "sum") for name in given])
    columns = {
        name: summed[name if name in keys else f"{name}_sum"]
        if name in (*keys, *given)
        else pa.nulls(summed.num_rows, pa.float64())
        for name in SCHEMA.names
    }
    return pa.table(columns).cast(SCHEMA).sort_by([(name, "ascending") for name in keys])
