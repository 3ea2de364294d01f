"""What the SDK keeps when broker, network or its host fail: drops are counted exactly, what is
spooled is sent by the next process, a kill loses at most the last second or one batch."""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.sdk_bench import Bench
from support.sdk_collector import Collector, accept, until

from meetlat import Client
from meetlat._worker import BATCH


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


def start(code: str, folder: Path, endpoint: str) -> subprocess.Popen[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MEETLAT_", "PYTEST_"))}
    given = {
        "MEETLAT_ENDPOINT": endpoint,
        "MEETLAT_SOURCE": "/t",
        "MEETLAT_SPOOL": str(folder / "spool"),
        "MEETLAT_SEND_TIMEOUT_SECONDS": "2",
    }
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        env=kept | given,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def run(code: str, folder: Path, endpoint: str) -> str:
    process = start(code, folder, endpoint)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return out


def identities(collector: Collector) -> dict[str, dict[str, Any]]:
    """The events by id; one that came twice is the same in all it says."""
    found: dict[str, dict[str, Any]] = {}
    for event in collector.events():
        assert found.setdefault(event["id"], event) == event
    return found


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
    topics = sorted(event["data"]["topic"] for event in identities(collector).values())
    assert topics == sorted([*map(str, range(100)), "last", "next"])


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


def kills(times: int, seed: int, folder: Path, collector: Collector) -> None:
    """Kill the host so often, each time another one goes on; then hold against each other what
    was emitted and what arrived."""
    draw = random.Random(seed)
    outcomes: dict[int, float] = {}
    for run_number in range(times):
        per_second = draw.choice([100, 1_000, 3_000])
        log = folder / f"{run_number}.log"
        code = HOST.replace("PER_SECOND", str(per_second)).replace("RUN", str(run_number))
        host = start(code.replace("LOG", repr(str(log))), folder, collector.url)
        until(log.exists, "the host to begin")
        if draw.random() < 0.4:  # the broker is away, at once or from some moment on
            collector.answer = lambda _: (503, {}, {})
        time.sleep(draw.uniform(0.0, 4.0))
        host.kill()
        outcomes[run_number] = time.monotonic()
        host.communicate()
        collector.answer = accept
    code = "import meetlat; meetlat.support_request('end'); print(meetlat.flush(60).pending)"
    assert run(code, folder, collector.url).split() == ["0"]
    arrived = {event["data"]["topic"] for event in identities(collector).values()}
    for run_number, killed in outcomes.items():
        emitted = [
            (int(number), int(at) / 1e9)
            for number, at in map(
                str.split, (folder / f"{run_number}.log").read_text().splitlines()
            )
        ]
        lost = [(number, at) for number, at in emitted if f"{run_number} {number}" not in arrived]
        # A second, and one more for a busy machine.
        old = [number for number, at in lost if at < killed - 2.0]
        assert not old, (run_number, len(emitted), len(lost), len(old))
        if lost:  # the newest, without a gap
            assert lost == emitted[-len(lost) :]


def test_a_killed_host_loses_at_most_the_last_second_or_batch_and_doubles_none(
    tmp_path: Path, collector: Collector
) -> None:
    kills(4, 1, tmp_path, collector)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(5))
def test_hosts_killed_again_and_again_lose_no_more_than_that(
    tmp_path: Path, collector: Collector, seed: int
) -> None:
    kills(60, seed, tmp_path, collector)
