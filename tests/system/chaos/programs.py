"""The real programs over one data directory, who sends to them, and the comparison at the end."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import random
import re
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
from support.logs import Starts
from support.services import ServiceProcess, until
from support.services import meetlat as command
from system.chaos.truth import (
    COLUMNS,
    Parcel,
    Story,
    Table,
    expected_tables,
    judge,
    make_story,
    query,
)

from meetlat.logs.address import open_reader, open_writer
from meetlat.logs.base import Message, Record
from meetlat.logs.embedded import EmbeddedAppender, utc_micros
from meetlat.settings import DEAD_TOPIC, EVENTS_TOPIC, Settings

ANSWER_SECONDS = 10.0
TRIP_PATH = {"PYTHONPATH": str(Path(__file__).parents[2])}
FINISH_SECONDS = 90.0


class Victim(ServiceProcess):
    """A real program that a test may end or stop at any moment, also before it is ready."""

    def launch(self, *words: str, **environ: str) -> None:
        """Start it and do not wait. `words`: what to run instead of `-m meetlat NAME`."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *(words or ("meetlat", self.name))],
                env={**self._environ, **environ},
                stdout=log,
                stderr=log,
                cwd=self._log.parent,
            )

    def wait_ready(self) -> None:
        """Return when it says that it is ready."""
        until(self._is_ready, f"{self.name} is ready", said=self.said)

    def wait_end(self, seconds: float = 60.0) -> int:
        """Its exit status, negative for a signal."""
        assert self._process is not None
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} did not end: {self.said()}") from None

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    def pause(self) -> None:
        """SIGSTOP."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        self._signal(signal.SIGCONT)

    def end(self) -> None:
        """Whatever state it is in, it does not outlive the test."""
        if self.running:
            self.kill()

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)


@dataclass(frozen=True)
class Trip:
    """A step of a program at which it kills itself, or which fails with `error` (tripwire.py)."""

    step: str
    when: str = "before"
    since: str = ""
    number: int = 1
    delay: float = 0.0005
    error: str = ""

    def environ(self) -> dict[str, str]:
        """What tripwire.py reads."""
        return {
            "TRIP": self.step,
            "TRIP_SINCE": self.since,
            "TRIP_ERROR": self.error,
            "TRIP_WHEN": self.when,
            "TRIP_NUMBER": str(self.number),
            "TRIP_DELAY": str(self.delay),
            **TRIP_PATH,
        }


class System:
    """Collector and aggregator over one data directory and one log, and what was sent to them."""

    def __init__(self, folder: Path, log: str = "", **environ: str) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.environ = {
            "MEETLAT_DATA": str(self.data),
            "MEETLAT_LOG": log or f"embedded:{self.data / 'log'}",
            # Commits and publications come close on each other, so that a fault meets many.
            "MEETLAT_BATCH_EVENTS": "200",
            "MEETLAT_BATCH_SECONDS": "0.05",
            "MEETLAT_PUBLISH_SECONDS": "0.2",
            **environ,
        }
        self.settings = Settings(self.environ)
        self.topic = self.settings[EVENTS_TOPIC]
        self.collector = Victim("collect", self.environ, folder / "collect.log")
        self.aggregator = Victim("aggregate", self.environ, folder / "aggregate.log")
        self.known: dict[bytes, dict[str, Any]] = {}
        self.told: list[bytes] = []
        self.refused = 0
        self.bad: list[bytes] = []

    def tell(self, story: Story) -> list[Parcel]:
        """Take a story into the truth; returns its parcels, to be sent."""
        self.known |= story.by_value
        self.told += story.taken()
        self.refused += story.refused
        return story.parcels

    def append(self, story: Story, *, bad: bool = True, copies: int = 1) -> None:
        """Put a story into the log itself, as another sender does."""
        self.tell(story)
        for _ in range(copies):
            self.append_values(story.taken())
        if bad:
            self.append_bad(story.bad)

    def append_long_ago(self, seed: int, events: int, age: timedelta) -> None:
        """Put a story into the embedded log as it was told so long ago."""
        story = make_story(seed, events, now=datetime.now(UTC) - age)
        self.tell(story)
        ago = int(age / timedelta(microseconds=1))
        folder = Path(self.settings.log.removeprefix("embedded:"))
        appender = EmbeddedAppender(folder, self.topic, clock=lambda: utc_micros() - ago)
        appender.append([Message(None, value) for value in story.taken()])
        appender.close()

    def append_bad(self, values: Sequence[bytes]) -> None:
        """Put records that are no events into the log."""
        self.bad += values
        self.append_values(values)

    def append_values(self, values: Sequence[bytes]) -> None:
        """Append to the log, by the product's own writer."""

        async def append() -> None:
            writer = open_writer(self.settings, self.topic)
            await writer.start()
            try:
                for start in range(0, len(values), 100):
                    part = values[start : start + 100]
                    await writer.append([Message(b"k%d" % (n % 7), v) for n, v in enumerate(part)])
            finally:
                await writer.close(5)

        in_thread(append)

    def read(self, topic: str) -> list[Record]:
        """All that a topic holds."""

        async def read() -> list[Record]:
            reader = open_reader(self.settings, topic)
            try:
                await reader.start(Starts())
                ends = await reader.end_offsets()
                wanted = sum(ends.values()) - sum((await reader.earliest_offsets()).values())
                found: list[Record] = []
                async with asyncio.timeout(FINISH_SECONDS):
                    while len(found) < wanted:
                        found += await reader.read(10_000, 1.0)
                return found
            finally:
                await reader.close(2)

        return in_thread(read)

    def kill_at(self, trip: Trip, *words: str) -> None:
        """Run the aggregator, or `meetlat WORDS`, until it kills itself at a step."""
        self.launch_with(trip, *words)
        status = self.aggregator.wait_end()
        assert status == -signal.SIGKILL, f"{trip} ended with {status}: {self.aggregator.said()}"

    def try_kill_at(self, trip: Trip) -> bool:
        """Like `kill_at`; False, and ended in order, when all is counted and it did not come."""
        wanted = len(self.read(self.topic))
        self.launch_with(trip)
        victim = self.aggregator

        def over() -> bool:
            return not victim.running or self.records_processed() >= wanted

        until(over, f"{trip}, or all is counted", FINISH_SECONDS, victim.said)
        status = victim.terminate() if victim.running else victim.wait_end()
        assert status in (0, -signal.SIGKILL, -signal.SIGTERM), victim.said()
        return status == -signal.SIGKILL

    def launch_with(self, trip: Trip, *words: str) -> None:
        """Start the aggregator, or `meetlat WORDS`, under the tripwire."""
        words = words or ("aggregate",)
        self.aggregator.launch("system.chaos.tripwire", *words, **trip.environ())

    def records_processed(self) -> int:
        """How many records the published tables are made of; 0 while there are none."""
        rows = self.published("SELECT records FROM meta")
        return int(rows[0][0]) if rows else 0

    def published(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of the published file, read as an analyst does; none while it is not there."""
        path = self.data / "kpi.duckdb"
        if not path.exists():
            return []
        with duckdb.connect(str(path), read_only=True) as con:
            return con.execute(sql).fetchall()

    def end(self) -> None:
        """Nothing outlives the test."""
        for victim in (self.collector, self.aggregator):
            victim.end()

    def wait_counted(self) -> None:
        """Return when everything that the log holds is in the published tables."""
        wanted = len(self.read(self.topic))
        until(
            lambda: self.records_processed() >= wanted,
            f"{wanted} records are counted",
            FINISH_SECONDS,
            lambda: f"{self.records_processed()} are: {self.aggregator.said()}",
        )

    def finish(self, *, rebuild: bool = True) -> None:
        """Let the collector end in order and the aggregator count all there is; then compare.

        The aggregator is started when it does not run. Both have ended afterwards. `rebuild`: the
        archive is compared too.
        """
        if self.collector.running:
            self.collector.wait_ready()  # before that it has no order to end in
            assert self.collector.terminate() == 0, self.collector.said()
        records = self.read(self.topic)
        if not self.aggregator.running:
            self.aggregator.launch()
        self.aggregator.wait_ready()
        self.wait_counted()
        metrics = self._metrics_of(len(records))
        assert self.aggregator.terminate() == 0, self.aggregator.said()
        self.compare(records, metrics)
        if rebuild:
            self.rebuild_is_equal()

    def compare(self, records: Sequence[Record], metrics: Mapping[tuple[str, str], int]) -> None:
        """Every count, sum, bucket, dead letter and account, exactly."""
        held = Counter(record.value for record in records)
        lost = [value for value, sent in Counter(self.told).items() if held[value] < sent]
        assert not lost, f"{len(lost)} events that were taken are not in the log: {lost[:2]}"
        truth = judge(records, self.topic, self.known)
        assert Counter(truth.dead.values()) == Counter(self.bad)
        expected = {**expected_tables(truth.counted), "data_health": truth.health}
        for name, (about, _) in COLUMNS.items():
            rows = self.published(query(name))
            keys = len(about.split())
            found = {row[:keys]: row[keys:] for row in rows}
            assert len(found) == len(rows)
            assert found == expected[name], _differences(name, found, expected[name])
        ((dead, refused),) = self.published("SELECT sum(dead), sum(refused) FROM data_health")
        assert (dead or 0, refused or 0) == (len(truth.dead), truth.refused)
        ((processed, offsets),) = self.published("SELECT records, offsets FROM meta")
        ends: Counter[int] = Counter()
        for record in records:
            ends[record.partition] = max(ends[record.partition], record.offset + 1)
        assert (processed, offsets) == (len(records), dict(ends))
        assert dict(metrics) == dict(truth.events_total)
        self.compare_letters(truth.dead)

    def compare_letters(self, dead: Mapping[str, bytes]) -> None:
        """Each dead letter is in its topic, byte for byte, under the place it came from."""
        letters: dict[str, set[bytes]] = {}
        for letter in self.read(self.settings[DEAD_TOPIC]) if dead else ():
            headers = dict(letter.headers)
            assert headers["meetlat-origin"] == letter.key
            assert headers["meetlat-error"]
            assert letter.key is not None
            letters.setdefault(letter.key.decode(), set()).add(letter.value)
        assert letters == {origin: {value} for origin, value in dead.items()}

    def rebuild_is_equal(self) -> None:
        """The archive holds everything: the tables made anew from it are the same."""
        done = command(self.folder, "rebuild")
        assert done.returncode == 0, done.stdout + done.stderr + self.aggregator.said()

    def said(self) -> str:
        """What both have printed."""
        return self.collector.said() + self.aggregator.said()

    def _metrics_of(self, records: int) -> dict[tuple[str, str], int]:
        """`meetlat_events_total` once it has counted so many; void is told with counted."""
        totals: Counter[tuple[str, str]] = Counter()

        def complete() -> bool:
            totals.clear()
            for line in self.aggregator.get("/metrics").splitlines():
                match = re.match(r"meetlat_events_total\{(.*)\} (\S+)", line)
                if match:
                    labels = dict(re.findall(r'(\w+)="([^"]*)"', match[1]))
                    result = "counted" if labels["result"] == "void" else labels["result"]
                    totals[labels["type"], result] += int(float(match[2]))
            return sum(totals.values()) >= records

        until(complete, f"/metrics has {records} records", said=lambda: str(totals))
        return dict(totals)


class Sender(threading.Thread):
    """Posts parcels one after the other, each again until it is answered 202 (or 400, refused).

    After so many parcels as `holds` says it waits to be told to go on: a fault then comes while
    there is more to send, however slow the machine.
    """

    def __init__(
        self,
        address: str,
        parcels: Sequence[Parcel],
        pace: float = 0.0,
        holds: Collection[int] = (),
    ) -> None:
        super().__init__(daemon=True)
        self._address = address
        self._parcels = parcels
        self._pace = pace
        self._stop_early = threading.Event()
        assert max(holds, default=0) < len(parcels)
        self._holds = holds
        self._holding = threading.Event()
        self._going_on = threading.Event()
        self.done = 0
        self.resent = 0
        self.fault: BaseException | None = None

    def run(self) -> None:
        try:
            for parcel in self._parcels:
                while not self._post(parcel):
                    self.resent += 1
                    if self._stop_early.wait(0.05):
                        return
                self.done += 1
                if self.done in self._holds:
                    self._going_on.clear()
                    self._holding.set()
                    self._going_on.wait()
                if self._stop_early.wait(self._pace):
                    return
        except BaseException as error:
            self.fault = error

    def wait_held(self) -> None:
        """Wait until it waits."""
        assert self._holding.wait(60), f"{self.done} parcels were taken"
        self._holding.clear()

    def go_on(self) -> None:
        """Send what comes after a hold."""
        self._going_on.set()

    def finish(self, seconds: float = 120.0) -> None:
        """Wait until everything was taken."""
        self.join(seconds)
        if self.fault is not None:
            raise self.fault
        assert not self.is_alive(), f"only {self.done} of {len(self._parcels)} parcels were taken"

    def give_up(self) -> None:
        """End, whatever is left."""
        self._stop_early.set()
        self._going_on.set()
        self.join(30)

    def _post(self, parcel: Parcel) -> bool:
        host, _, port = self._address.rpartition(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=ANSWER_SECONDS)
        try:
            connection.request(
                "POST",
                "/v1/events",
                b"[" + b",".join(parcel.events) + b"]",
                {"Content-Type": "application/cloudevents-batch+json"},
            )
            response = connection.getresponse()
            status, answer = response.status, json.loads(response.read() or b"{}")
        except (OSError, http.client.HTTPException, ValueError):
            return False
        finally:
            connection.close()
        if status == 503:
            return False
        assert status == 202, (status, answer)
        assert answer["accepted"] == len(parcel.events) - len(parcel.refused)
        assert {entry["index"] for entry in answer["rejected"]} == parcel.refused
        return True


class Moments:
    """Seeded moments at which faults come."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self._never = threading.Event()

    def wait(self, most: float) -> None:
        """Let a random time pass, up to `most` seconds: the fault may come at any moment."""
        self._never.wait(self.chance.uniform(0, most))


def kill_at_random(running: System, moments: Moments, kills: int, most: float) -> None:
    """Kill one of the two, so many times, at any moment of its life, and start it again."""
    victims = [running.collector, running.aggregator]
    for victim in victims:
        if not victim.running:
            victim.launch()
    for _ in range(kills):
        victim = moments.chance.choice(victims)
        moments.wait(most)
        victim.kill()
        victim.launch()


@contextlib.contextmanager
def system(folder: Path, log: str = "", **environ: str) -> Iterator[System]:
    """A system whose programs end with the block."""
    made = System(folder, log, **environ)
    made.data.mkdir(parents=True, exist_ok=True)
    try:
        yield made
    finally:
        made.end()


@contextlib.contextmanager
def sending(
    system: System, story: Story, pace: float = 0.0, holds: Collection[int] = ()
) -> Iterator[Sender]:
    """Send a story to the collector meanwhile; it is all taken when the block ends."""
    sender = Sender(system.collector.address, system.tell(story), pace, holds)
    sender.start()
    try:
        yield sender
        sender.finish()
    finally:
        sender.give_up()


def in_thread(action: Callable[[], Any]) -> Any:
    """Run a coroutine function in an event loop of its own, also from within one."""
    found: list[Any] = []
    faults: list[BaseException] = []

    def run() -> None:
        try:
            found.append(asyncio.run(action()))
        except BaseException as error:
            faults.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if faults:
        raise faults[0]
    return found[0]


def explains(victim: Victim, **environ: str) -> str:
    """Start a program that cannot work: it ends with status 1 and one line, which this returns."""
    before = len(victim.said())
    victim.launch(**environ)
    status = victim.wait_end()
    return last_words(victim.said()[before:], status)


def last_words(said: str, status: int) -> str:
    """The one line of error with which a program ended."""
    lines = [line for line in said.splitlines() if line.startswith("meetlat: ")]
    assert (status, len(lines)) == (1, 1), said
    assert "unexpected" not in said and "Traceback" not in said, said
    return lines[0]


def _differences(name: str, found: Table, expected: Table) -> str:
    keys = [key for key in {*found, *expected} if found.get(key) != expected.get(key)]
    shown = [f"{key}: {found.get(key)}, not {expected.get(key)}" for key in sorted(keys, key=str)]
    return "\n".join([f"{name} differs in {len(keys)} rows", *shown[:5]])
