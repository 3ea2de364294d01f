"""What the SDK keeps when broker, network or its host fail: drops are counted exactly, what is
spooled is sent by the next process, a kill loses at most the last second or one batch."""

from __future__ import annotations

import asyncio
import json
import os
import random
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from support.kafka import Cluster
from support.logs import Starts, take
from support.sdk_bench import Bench
from support.sdk_collector import Collector, accept, until
from system.chaos.proxy import Proxy

from meetlat import Client
from meetlat._worker import BATCH
from meetlat.logs.address import open_reader
from meetlat.logs.base import LogReader, Record
from meetlat.settings import EVENTS_TOPIC, Settings


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    made.close()


def away(seconds: int, per_second: int, cap: int, directory: Path) -> None:
    """The broker is away so long, by the test's own clock; then it is back."""
    bench = Bench(directory, cap)
    lawful_until_now = 0
    for second in range(seconds):
        bench.transport.script = [(BATCH, 0)] * 10  # whatever is tried fails
        for number in range(per_second):
            bench.emit(f"topic {second}")
            if number % 40 == 39:  # more than the test's small queue would hold
                bench.worker.turn()
        bench.worker.turn()
        bench.now += 1
        lawful_until_now = bench.check().emitted
        on_disk = sum(path.stat().st_size for path in directory.glob("*.events"))
        assert on_disk <= cap
    assert lawful_until_now == seconds * per_second
    gone = bench.check()
    assert gone.reasons.keys() == {"spool_full"}
    account = bench.drain()
    assert account.dropped == gone.dropped
    assert account.delivered + account.dropped == seconds * per_second
    arrived = [value for value in bench.transport.got if b"sdk_report" not in value]
    kept = {f'"id":"id-{1 + gone.dropped + n}"'.encode() for n in range(account.delivered)}
    assert len(arrived) == len(set(arrived)) == len(kept)  # each once, and the newest
    assert {value.split(b",")[1] for value in arrived} == kept
    bench.worker.shutdown(None, 0, exiting=True)


def test_ten_minutes_without_a_broker_drop_the_oldest_and_count_them_exactly(
    tmp_path: Path,
) -> None:
    """500 a second and 10 MB, both by ten."""
    away(600, 50, 1_000_000, tmp_path)


@pytest.mark.soak
def test_ten_minutes_without_a_broker_at_full_rate_and_size(tmp_path: Path) -> None:
    away(600, 500, 10_000_000, tmp_path)


@pytest.mark.soak
def test_ten_real_minutes_without_a_broker(tmp_path: Path) -> None:
    """The same with the real thread, clock and network."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        client = Client(
            endpoint=f"http://127.0.0.1:{port}",
            source="/t",
            spool=tmp_path,
            spool_bytes=10_000_000,
            strict=False,
        )
        start = time.monotonic()
        for number in range(300_000):
            client.support_request(str(number))
            if number % 50 == 0:
                time.sleep(max(0.0, start + number / 500 - time.monotonic()))
        until(lambda: client.stats().spooled == 300_000, "the last to be spooled")
        gone = client.stats()
        assert 0 < gone.dropped < 300_000
        assert gone.pending + gone.dropped == 300_000
    collector = Collector(port)
    try:
        account = client.flush(300)
    finally:
        client.shutdown(5)
        collector.close()
    assert (account.dropped, account.pending) == (gone.dropped, 0)
    arrived = [int(event["data"]["topic"]) for event in collector.events()]
    assert sorted(arrived) == list(range(gone.dropped, 300_000))


def start(code: str, folder: Path, endpoint: str, **more: str) -> subprocess.Popen[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MEETLAT_", "PYTEST_"))}
    given = {
        "MEETLAT_ENDPOINT": endpoint,
        "MEETLAT_SOURCE": "/t",
        "MEETLAT_SPOOL": str(folder / "spool"),
        "MEETLAT_SEND_TIMEOUT_SECONDS": "2",
        **more,
    }
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        env=kept | given,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def run(code: str, folder: Path, endpoint: str, **more: str) -> str:
    process = start(code, folder, endpoint, **more)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return out


def identities(events: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The events by id; one that came twice is the same in all it says."""
    found: dict[str, dict[str, Any]] = {}
    for event in events:
        assert found.setdefault(event["id"], event) == event
    return found


def events_in(settings: Settings) -> list[dict[str, Any]]:
    """What the log holds, the SDK's reports left out."""

    async def read() -> list[Record]:
        async with reading_of(settings) as reader:
            return await take(reader, sum((await reader.end_offsets()).values()))

    events = [json.loads(record.value) for record in asyncio.run(read())]
    return [event for event in events if event["type"] != "meetlat.sdk_report.v1"]


@asynccontextmanager
async def reading_of(settings: Settings) -> AsyncIterator[LogReader]:
    """A reader from the beginning."""
    reader = open_reader(settings, settings[EVENTS_TOPIC])
    await reader.start(Starts())
    try:
        yield reader
    finally:
        await reader.close(5)


def test_what_a_hanging_broker_left_at_the_end_the_next_process_sends_once_in_effect(
    tmp_path: Path, collector: Collector
) -> None:
    """It took the first events and never answered; they come again, and are the same events."""
    collector.hang.clear()
    go = tmp_path / "go"
    code = """
        import pathlib, time, meetlat
        for number in range(100):
            meetlat.support_request(str(number))
        while meetlat.stats().pending and not GO.exists():
            time.sleep(0.01)
        meetlat.support_request("last")
    """
    code = code.replace("GO", f"pathlib.Path({str(go)!r})")
    first = start(code, tmp_path, collector.url)
    until(lambda: len(collector.requests) > 0, "the request to hang")
    go.touch()
    assert first.wait(60) == 0
    assert first.stdout is not None
    first.stdout.close()
    collector.hang.set()
    code = "import meetlat; meetlat.support_request('next'); print(meetlat.flush(30).pending)"
    assert run(code, tmp_path, collector.url).split() == ["0"]
    topics = sorted(e["data"]["topic"] for e in identities(collector.events()).values())
    assert topics == sorted([*map(str, range(100)), "last", "next"])


@pytest.mark.kafka
def test_what_a_hanging_kafka_left_at_the_end_the_next_process_sends_once_in_effect(
    tmp_path: Path, kafka_own: Cluster
) -> None:
    """Nothing passes while the program ends; a proxy keeps it, and the broker gets it later."""
    (where,) = kafka_own.behind_proxies
    topic = {"MEETLAT_EVENTS_TOPIC": kafka_own.topic(), "MEETLAT_TOPIC_PARTITIONS": "1"}
    settings = kafka_own.settings(**topic)
    endpoint = f"kafka://{kafka_own.bootstrap_behind_proxies}"
    go = tmp_path / "go"
    code = """
        import pathlib, time, meetlat
        meetlat.support_request("first")
        assert meetlat.flush(60).pending == 0
        print("sent", flush=True)
        while not GO.exists():
            time.sleep(0.01)
        for number in range(100):
            meetlat.support_request(str(number))
        print(time.time())
    """
    code = code.replace("GO", f"pathlib.Path({str(go)!r})")
    with Proxy(*where) as proxy:
        first = start(code, tmp_path, endpoint, **topic)
        assert first.stdout is not None
        assert first.stdout.readline() == "sent\n"
        proxy.hang()
        go.touch()
        out, _ = first.communicate(timeout=60)
        assert first.returncode == 0
        assert time.time() - float(out) < 3.5  # and half a second for the machine
        assert len(events_in(settings)) == 1
        proxy.heal()
        code = """
            import meetlat
            meetlat.support_request("next")
            account = meetlat.flush(30)
            print(account.pending, account.adopted)
        """
        assert run(code, tmp_path, endpoint, **topic).split() == ["0", "100"]
    topics = sorted(e["data"]["topic"] for e in identities(events_in(settings)).values())
    assert topics == sorted(["first", *map(str, range(100)), "next"])


HOST = """
import os, time, meetlat
per_second, log = PER_SECOND, LOG
meetlat.support_request("warm RUN")
assert meetlat.flush(60).emitted == 1
file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
number, start = 0, time.monotonic()
while True:
    while number < (time.monotonic() - start) * per_second:
        os.write(file, b"%d %d\\n" % (number, time.monotonic_ns()))
        meetlat.support_request(f"RUN {number}")
        number += 1
    time.sleep(0.002)
"""


def kills(
    times: int,
    seed: int,
    folder: Path,
    endpoint: str,
    events: Callable[[], list[dict[str, Any]]],
    away: Callable[[bool], None] = lambda _: None,
) -> None:
    """Kill the host so often, each time another one goes on; then hold against each other what
    was emitted and what arrived.
    """
    draw = random.Random(seed)
    outcomes: dict[int, float] = {}
    for run_number in range(times):
        per_second = draw.choice([100, 1_000, 3_000])
        log = folder / f"{run_number}.log"
        code = HOST.replace("PER_SECOND", str(per_second)).replace("RUN", str(run_number))
        host = start(code.replace("LOG", repr(str(log))), folder, endpoint)
        until(log.exists, "the host to begin")
        if draw.random() < 0.4:  # the broker is away, at once or from some moment on
            away(True)
        time.sleep(draw.uniform(0.0, 4.0))
        host.kill()
        outcomes[run_number] = time.monotonic()
        host.communicate()
        away(False)
    code = "import meetlat; meetlat.support_request('end'); print(meetlat.flush(60).pending)"
    assert run(code, folder, endpoint).split() == ["0"]
    arrived = {event["data"]["topic"] for event in identities(events()).values()}
    for run_number, killed in outcomes.items():
        emitted = [
            (int(number), int(at) / 1e9)
            for number, at in map(
                str.split, (folder / f"{run_number}.log").read_text().splitlines()
            )
        ]
        lost = [(number, at) for number, at in emitted if f"{run_number} {number}" not in arrived]
        old = [number for number, at in lost if at < killed - 1.0]
        assert not old or len(lost) <= BATCH, (run_number, len(emitted), len(lost), len(old))
        if lost:  # the newest, without a gap
            assert lost == emitted[-len(lost) :]


def http_kills(times: int, seed: int, folder: Path, collector: Collector) -> None:
    """Over HTTP, to a collector that is away now and then."""

    def away(it_is: bool) -> None:
        collector.answer = (lambda _: (503, {}, {})) if it_is else accept

    kills(times, seed, folder, collector.url, collector.events, away)


def embedded_kills(times: int, seed: int, folder: Path) -> None:
    """Into the embedded log."""
    log = f"embedded:{folder / 'log'}"
    kills(times, seed, folder, log, lambda: events_in(Settings({"MEETLAT_LOG": log})))


def test_a_killed_host_loses_at_most_the_last_second_or_batch_and_doubles_none(
    tmp_path: Path, collector: Collector
) -> None:
    http_kills(4, 1, tmp_path, collector)


def test_a_killed_host_that_writes_to_the_embedded_log_loses_no_more_than_that(
    tmp_path: Path,
) -> None:
    embedded_kills(3, 6, tmp_path)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(5))
def test_hosts_killed_again_and_again_lose_no_more_than_that(
    tmp_path: Path, collector: Collector, seed: int
) -> None:
    http_kills(60, seed, tmp_path, collector)
    (tmp_path / "embedded").mkdir()
    embedded_kills(30, seed, tmp_path / "embedded")
