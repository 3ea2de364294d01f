"""What can happen to the embedded log: the collector goes on by itself, or tells what to do.

While events come in, and with the whole system behind it: every count, sum and dead letter is
compared at the end, where the log is still there.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.disk import disk, fill
from support.services import until
from system.chaos.programs import (
    TRIP_PATH,
    System,
    Victim,
    explains,
    last_words,
    sending,
    system,
)
from system.chaos.truth import make_story, query

pytestmark = pytest.mark.timeout(300)
LONG_AGO = datetime(2026, 3, 2, tzinfo=UTC)

TORN = """
import os, signal, sqlite3, sys
log = sqlite3.connect(sys.argv[1], isolation_level=None)
log.execute("PRAGMA wal_autocheckpoint = 0")
log.execute(
    "INSERT INTO block SELECT base + count, 1, append_time, 0, zeroblob(50000) FROM block"
    " ORDER BY base DESC LIMIT 1"
)
os.kill(os.getpid(), signal.SIGKILL)
"""


def post(victim: Victim, time: datetime) -> tuple[int, dict[str, str], dict[str, Any]]:
    """One event of that time; status, headers and body of the answer."""
    event = {
        "specversion": "1.0",
        "id": "asked",
        "source": "/test",
        "type": "meetlat.later.v1",
        "time": time.isoformat(),
        "data": {},
    }
    host, _, port = victim.address.rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=30)
    try:
        media = {"Content-Type": "application/cloudevents+json"}
        connection.request("POST", "/v1/events", json.dumps(event), media)
        answer = connection.getresponse()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, headers, json.loads(answer.read())
    finally:
        connection.close()


def refused(victim: Victim) -> str:
    """Why it takes no event: an answer 503 that says when to come back; '' when it takes one."""
    status, headers, answer = post(victim, LONG_AGO)
    if status == 202:
        return ""
    assert (status, answer["accepted"], headers["retry-after"]) == (503, 0, "2")
    return str(answer["error"])


def tables(running: System) -> Path:
    """The file of the log."""
    return Path(running.settings.log.removeprefix("embedded:")) / f"{running.topic}.sqlite"


def beside(file: Path, suffix: str) -> Path:
    return file.with_name(file.name + suffix)


def account(running: System) -> list[tuple[Any, ...]]:
    """What is published about everything that was received."""
    return running.published(query("data_health") + " ORDER BY ALL")


def start(running: System) -> None:
    for victim in (running.collector, running.aggregator):
        victim.launch()
    for victim in (running.collector, running.aggregator):
        victim.wait_ready()


# --- torn writes


def tear(file: Path, share: float) -> None:
    """Leave the log as a power cut in the middle of a commit does: a part of it is in the WAL."""
    wal = beside(file, "-wal")
    before = wal.stat().st_size
    done = subprocess.run([sys.executable, "-c", TORN, str(file)], check=False)
    assert done.returncode == -signal.SIGKILL
    added = wal.stat().st_size - before
    assert added > 50_000, "the commit that is torn is at the end of the WAL"
    os.truncate(wal, before + int(added * share))


def test_commits_torn_by_a_power_cut_cost_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    with system(tmp_path) as running:
        start(running)
        file = tables(running)
        with sending(running, make_story(1, 900), holds=(4, 8, 12)) as sender:
            for share in (0.02, 0.5, 0.99):
                sender.wait_held()
                for victim in (running.collector, running.aggregator):
                    victim.kill()
                sender.go_on()
                tear(file, share)
                for victim in (running.collector, running.aggregator):
                    victim.launch()
            running.collector.kill()
            with beside(file, "-wal").open("ab") as wal:
                wal.write(os.urandom(10_000))
            running.collector.launch()
        assert sender.resent, "it was away for a moment"
        running.finish(rebuild=False)


# --- a full disk


def test_a_full_disk_is_told_to_senders_and_waited_out(tmp_path: Path) -> None:
    with disk(tmp_path / "small") as small, system(tmp_path, log=f"embedded:{small}") as running:
        start(running)
        with sending(running, make_story(3, 600), holds=(4, 8)) as sender:
            for _ in range(2):
                sender.wait_held()
                ballast = fill(small, left=0)
                sent = sender.resent
                sender.go_on()
                until(lambda sent=sent: sender.resent > sent, "the disk is full")
                collector = running.collector
                assert f"free space on, or mend, the disk of {small}" in collector.said()
                assert "alive" in collector.get("/healthz")
                ballast.unlink()
                taken = sender.done
                until(lambda taken=taken: sender.done > taken, "it goes on by itself")
        running.finish(rebuild=False)
        said = running.collector.said()
        assert said.count("the log takes no events") == said.count("the log takes events again")
        assert running.collector.said().count("Traceback") == 0


def test_a_disk_that_is_full_at_the_start_is_one_line(tmp_path: Path) -> None:
    with disk(tmp_path / "small") as small, system(tmp_path, log=f"embedded:{small}") as running:
        ballast = fill(small, left=0)
        assert f"free space on, or mend, the disk of {small}" in explains(running.collector)
        ballast.unlink()
        running.collector.launch()
        running.collector.wait_ready()
        assert refused(running.collector) == ""


# --- a lock of another program


@contextlib.contextmanager
def locked(file: Path) -> Iterator[None]:
    """Another program writes to the file, and takes its time."""
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("PRAGMA wal_autocheckpoint = 0")
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


def test_a_file_locked_by_another_program_is_waited_for_and_then_told(tmp_path: Path) -> None:
    with system(tmp_path) as running:
        start(running)
        with sending(running, make_story(4, 600), holds=(2,)) as sender:
            sender.wait_held()
            with locked(tables(running)):
                sender.go_on()
                assert "database is locked" in refused(running.collector)
                assert "alive" in running.collector.get("/healthz"), "nothing else waits for it"
            taken = sender.done
            until(lambda: sender.done > taken, "it goes on by itself")
        running.finish(rebuild=False)
        assert "end the program that holds the file" in running.collector.said()


# --- the file is gone


def test_a_file_moved_away_is_told_and_put_back_it_goes_on(tmp_path: Path) -> None:
    with system(tmp_path) as running:
        start(running)
        file = tables(running)
        with sending(running, make_story(5, 600), holds=(4,)) as sender:
            sender.wait_held()
            running.aggregator.kill()  # it would stop, and say why
            away = tmp_path / "away"
            away.mkdir()
            moved = [file, beside(file, "-wal"), beside(file, "-shm")]
            for one in moved:
                one.rename(away / one.name)
            sent = sender.resent
            sender.go_on()
            until(lambda: sender.resent > sent, "nothing is taken")
            assert "was deleted or replaced while it was in use; put it back" in (
                running.collector.said()
            )
            for one in moved:
                (away / one.name).rename(one)
            running.aggregator.launch()
        running.finish(rebuild=False)


def test_a_deleted_file_is_told_until_somebody_acts_and_never_silently_begun_anew(
    tmp_path: Path,
) -> None:
    with system(tmp_path) as running:
        start(running)
        file = tables(running)
        assert refused(running.collector) == ""
        running.append(make_story(8, 100))
        running.wait_counted()
        before = account(running)
        for one in (file, beside(file, "-wal"), beside(file, "-shm")):
            one.unlink()
        for _ in range(2):
            assert "was deleted or replaced" in refused(running.collector)
        said = running.collector.said()
        assert said.count("a new log needs a new MEETLAT_DATA") == 1, "once, not for every request"
        status = running.aggregator.wait_end()
        assert "was deleted" in last_words(running.aggregator.said(), status)
        assert running.collector.terminate() == 0
        # Begun anew all the same: the aggregator does not take it for the log that it has counted.
        running.collector.launch()
        running.collector.wait_ready()
        assert refused(running.collector) == ""
        assert "MEETLAT_DATA" in explains(running.aggregator)
        assert account(running) == before


def test_an_older_copy_that_grew_past_what_was_read_stops_it_and_changes_nothing(
    tmp_path: Path,
) -> None:
    """It bears the identity of the log that it is a copy of, and its end lies beyond."""
    with system(tmp_path) as running:
        file = tables(running)
        running.append(make_story(9, 60))
        copy = file.read_bytes()
        running.append(make_story(10, 60))
        running.aggregator.launch()
        running.aggregator.wait_ready()
        running.wait_counted()
        assert running.aggregator.terminate() == 0
        before = account(running)
        file.write_bytes(copy)
        running.append(make_story(11, 300))
        for _ in range(2):
            said = explains(running.aggregator)
            assert "the log lost records, and others took their place" in said
            assert "restore the log that was read" in said
        assert account(running) == before


# --- the clock


def test_a_clock_set_back_an_hour_changes_no_count(tmp_path: Path) -> None:
    with system(tmp_path) as running:
        start(running)
        past = datetime.now(UTC) - timedelta(hours=2)
        with sending(running, make_story(6, 300, now=past)):
            pass
        assert running.collector.terminate() == 0
        running.collector.launch("system.chaos.hour_back", "collect", **TRIP_PATH)
        running.collector.wait_ready()
        with sending(running, make_story(7, 300, now=past)):
            pass
        times = [record.append_time for record in running.read(running.topic)]
        assert times == sorted(times)
        assert len(set(times[-200:])) == 1, "the clock was behind, so the last time is repeated"
        running.finish(rebuild=False)


def test_events_ahead_of_a_clock_set_back_are_refused_until_it_is_right_again(
    tmp_path: Path,
) -> None:
    with system(tmp_path) as running:
        collector = running.collector
        collector.launch("system.chaos.hour_back", "collect", **TRIP_PATH)
        collector.wait_ready()
        status, _, answer = post(collector, datetime.now(UTC))
        assert (status, answer["accepted"]) == (400, 0)
        assert answer["rejected"][0]["error"].startswith("time: lies over 5 minutes ahead")
        assert collector.terminate() == 0
        collector.launch()
        collector.wait_ready()
        assert post(collector, datetime.now(UTC))[0] == 202
