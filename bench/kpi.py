"""The KPI tables of a company with a past of 14 months: all of them anew, and after one batch.

10 million calls and a million tasks, made by SQL (history.py), in a process of its own, so that its
peak of memory is seen. Beside them what publishing the tables underneath takes.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

from bench.figure import Figure
from bench.history import Shape, make_history
from bench.mix import Mix
from meetlat.logs.base import Record
from meetlat.plan.models import Plan
from meetlat_aggregator.archive import Archive
from meetlat_aggregator.database import open_database
from meetlat_aggregator.decode import decode
from meetlat_aggregator.kpi import engine as kpi_engine
from meetlat_aggregator.kpi.engine import Engine
from meetlat_aggregator.kpi.plan_store import PlanStore
from meetlat_aggregator.live import LiveSeries
from meetlat_aggregator.publish import Publisher
from meetlat_aggregator.transaction import Position, Transactions

UNTIL = datetime(2026, 11, 25, 4, tzinfo=UTC)
HOURS = 10_220  # 14 months
TOPIC = "meetlat.events.v1"
_BATCHES = 4  # of all KPIs, then of live ones alone
_MADE_BEFORE = 400_000_000  # cases are numbered by it, and are to be none of the past


def plan() -> Plan:
    """Five use cases, live for ten of the fourteen months, with a baseline before."""
    start = (UNTIL - timedelta(hours=HOURS)).date()
    return Plan.model_validate(
        {
            "company": {"name": "Bench", "timezone": "Europe/Amsterdam"},
            "use_cases": [
                {
                    "id": f"use-case-{i}",
                    "name": f"Use case {i}",
                    "pack": "quotes",
                    "tools": [f"tool-{i}"],
                    "go_live": start + timedelta(days=120),
                    "baseline": {"from": start, "until": start + timedelta(days=119)},
                    "kpis": [{"id": "lead_time"}, {"id": "response_on_time"}],
                }
                for i in range(5)
            ],
        }
    )


def measure(data: Path) -> dict[str, float]:
    """Publish everything, then after each of some batches, first all KPIs each time, then those
    that are watched live, which is what most publications do; seconds and bytes.
    """
    con = open_database(data / "aggregator.duckdb", "96MB")
    PlanStore(con).take(plan(), "bench", UNTIL.replace(tzinfo=None))
    archive = Archive(data / "archive")
    runner = Transactions(con, archive, LiveSeries(con), TOPIC)
    spent: list[float] = []
    update = Engine.update

    def timed(self: Engine, *args: object) -> None:
        began = time.perf_counter()
        update(self, *args)  # type: ignore[arg-type]
        spent.append(time.perf_counter() - began)

    Engine.update = timed  # type: ignore[method-assign, assignment]
    publisher = Publisher(con.cursor(), data, "Europe/Amsterdam")
    began = time.perf_counter()
    publisher.publish()
    everything = time.perf_counter() - began
    mix = Mix(7, UNTIL - timedelta(minutes=5, seconds=_MADE_BEFORE / 100), 100.0)
    mix.made, offset = _MADE_BEFORE, 0
    for batch in range(2 * _BATCHES):
        kpi_engine._REST = 0.0 if batch < _BATCHES else 1e9
        messages = mix.messages(1_000)
        at = int(UNTIL.timestamp() * 1e6)
        records = [
            Record(0, offset + i, at, None, message.value, ()) for i, message in enumerate(messages)
        ]
        offset += len(records)
        position = Position(offset, UNTIL.replace(tzinfo=None))
        runner.apply(decode(records), {0: position}, "", UNTIL.replace(tzinfo=None))
        publisher.publish(lambda begin: (runner.fold(), begin())[1])
    con.close()
    return {
        "full": spent[0],
        "publication": everything - spent[0],
        "all": median(spent[2 : _BATCHES + 1]),
        "live": median(spent[_BATCHES + 2 :]),
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024.0,
    }


def command_seconds(data: Path) -> float:
    """`meetlat kpi`, as a user waits for it: the best of five."""
    command = [sys.executable, "-m", "meetlat", "kpi", "--data", str(data)]
    found = []
    for _ in range(5):
        began = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        found.append(time.perf_counter() - began)
    return min(found)


def run(events: int = 1_430_000) -> list[Figure]:
    """Figures of a past of so many events; 14.3 million are 10 million calls, a million tasks."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        make_history(data, events, UNTIL, Shape(hours=HOURS, use_cases=5, teams=4, tasks=70))
        child = subprocess.run(
            [sys.executable, "-m", "bench.kpi", str(data)],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        found = json.loads(child.stdout)
        command = command_seconds(data)
    behind = f"{events * 0.7 / 1e6:g} million calls"
    beside = "publishing the tables underneath, s"
    tables = found["publication"]
    return [
        Figure(f"all KPIs, {behind}", found["full"], "s", beside, tables, "< 20 s"),
        Figure(f"live KPIs after a batch, {behind}", found["live"], "s", beside, tables, "< 0.5 s"),
        Figure(f"all KPIs after a batch, {behind}", found["all"], "s", beside, tables, "< 0.5 s"),
        Figure(f"meetlat kpi, {behind}", command, "s", beside, tables, "< 0.3 s"),
        Figure(
            f"memory of it, {behind}", found["memory"] / 1e6, "MB",
            "DuckDB's limit, MB", 96.0, "< 600 MB",
        ),
    ]  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]))))
