"""`meetlat up` with its real programs: ready, orderly stop, kill, crash, taken port, key."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest
from support.events import encode, envelope

DEADLINE = 60


class Up:
    """A running `meetlat up` and what it says."""

    def __init__(self, folder: Path, *words: str, **environ: str) -> None:
        self.data = folder / "data"
        options = ["--collector-listen", "127.0.0.1:0", "--aggregator-listen", "127.0.0.1:0"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "meetlat", "up", "--data", str(self.data), *options, *words],
            cwd=folder,
            env={**_clean(), **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.lines: list[str] = []
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def said(self, pattern: str) -> re.Match[str]:
        """Wait until it says the pattern."""
        found: list[re.Match[str]] = []

        def seen() -> bool:
            ended = self.process.poll() is not None
            found[:] = [match for line in self.lines if (match := re.search(pattern, line))]
            assert found or not ended, f"ended before it said {pattern}: {self.lines}"
            return bool(found)

        until(seen, lambda: f"{pattern} in {self.lines}")
        return found[0]

    def ready(self) -> Up:
        self.said(r"  key ")
        return self

    def url(self, what: str) -> str:
        return self.said(rf"  {what} +(http://\S+)")[1]

    def children(self) -> dict[str, int]:
        """Subcommand → process id of the programs below it."""
        found = {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
            if parent == self.process.pid and b"meetlat.commands.child" in words:
                found[words[words.index(b"meetlat.commands.child") + 1].decode()] = int(entry.name)
        return found

    def wait(self) -> int:
        status = self.process.wait(DEADLINE)
        self._reading.join(DEADLINE)
        return status

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


def _clean() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("MEETLAT_")}


def until(condition: Callable[[], bool], what: Callable[[], str]) -> None:
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, f"waited {DEADLINE} s for {what()}"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def send(url: str, first: int, count: int) -> None:
    batch = [
        envelope("interaction", id=str(number), time="2026-03-02T09:30:00Z", meetlathistory=True)
        for number in range(first, first + count)
    ]
    request = urllib.request.Request(
        url, encode(batch), {"Content-Type": "application/cloudevents-batch+json"}
    )
    with urllib.request.urlopen(request, timeout=DEADLINE) as answer:
        assert answer.status == 202
        assert json.load(answer)["accepted"] == count


def counted(data: Path) -> int:
    with duckdb.connect(str(data / "kpi.duckdb"), read_only=True) as connection:
        row = connection.execute("SELECT sum(requests) AS n FROM interactions_hourly").fetchone()
        return int(row[0] or 0)


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Callable[..., Up]]:
    started: list[Up] = []

    def start(*words: str, **environ: str) -> Up:
        started.append(Up(tmp_path, *words, **environ))
        return started[-1]

    yield start
    for running in started:
        running.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_in_order_and_everything_that_was_accepted_is_published(
    up: Callable[..., Up], number: signal.Signals
) -> None:
    running = up().ready()
    send(running.url("events"), 0, 500)
    children = running.children()
    assert set(children) == {"collect", "aggregate"}
    running.process.send_signal(number)
    assert running.wait() == 0, running.lines
    assert not any(map(alive, children.values()))
    assert counted(running.data) == 500


def test_what_still_waits_in_the_log_is_counted_before_it_ends(up: Callable[..., Up]) -> None:
    running = up(MEETLAT_BATCH_EVENTS="50").ready()
    children = running.children()
    os.kill(children["aggregate"], signal.SIGSTOP)  # so that much waits when the stop begins
    for first in range(0, 2000, 500):
        send(running.url("events"), first, 500)
    running.process.send_signal(signal.SIGTERM)
    until(lambda: not alive(children["collect"]), lambda: "the collector's end")
    os.kill(children["aggregate"], signal.SIGCONT)
    assert running.wait() == 0, running.lines
    assert counted(running.data) == 2000


def test_ctrl_c_in_a_terminal_reaches_the_supervisor_alone(up: Callable[..., Up]) -> None:
    running = up().ready()
    groups = {os.getpgid(pid) for pid in running.children().values()}
    assert os.getpgid(running.process.pid) not in groups


def test_its_programs_do_not_outlive_it_even_when_it_is_killed(up: Callable[..., Up]) -> None:
    running = up().ready()
    send(running.url("events"), 0, 50)
    children = running.children()
    running.process.kill()
    until(lambda: not any(map(alive, children.values())), lambda: f"the end of {children}")
    again = up().ready()
    until(lambda: counted(again.data) == 50, lambda: "50 events in the tables")


@pytest.mark.parametrize("name", ["collect", "aggregate"])
def test_a_killed_program_comes_back_and_nothing_is_lost(up: Callable[..., Up], name: str) -> None:
    running = up().ready()
    send(running.url("events"), 0, 100)
    first = running.children()[name]
    os.kill(first, signal.SIGKILL)
    running.said(r"was ended by SIGKILL; starting it again")
    until(lambda: running.children().get(name, first) != first, lambda: f"a new {name}")
    until(lambda: _answers(running), lambda: "both to answer")
    send(running.url("events"), 100, 100)
    running.process.send_signal(signal.SIGTERM)
    assert running.wait() == 0
    assert counted(running.data) == 200


def _answers(running: Up) -> bool:
    try:
        for what, path in (("events", "/v1/events"), ("metrics", "/metrics")):
            ready = running.url(what).replace(path, "/readyz")
            with urllib.request.urlopen(ready, timeout=DEADLINE):
                pass
    except OSError:
        return False
    return True


def test_a_second_signal_forces(up: Callable[..., Up]) -> None:
    running = up().ready()
    children = running.children()
    os.kill(children["collect"], signal.SIGSTOP)  # so that the orderly stop has to wait
    running.process.send_signal(signal.SIGINT)
    running.process.send_signal(signal.SIGINT)
    until(lambda: running.process.poll() is not None or _nudge(running), lambda: "its end")
    assert running.wait() == 130
    until(lambda: not any(map(alive, children.values())), lambda: f"the end of {children}")


def _nudge(running: Up) -> bool:
    """Two signals that come at once may be seen as one: send another."""
    running.process.send_signal(signal.SIGINT)
    return False


def test_a_taken_port_is_one_clear_line(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "meetlat", "up", "--aggregator-listen", f"127.0.0.1:{port}"],
            cwd=tmp_path,
            env={**_clean(), "MEETLAT_COLLECTOR_LISTEN": "127.0.0.1:0"},
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr
    assert "MEETLAT_AGGREGATOR_LISTEN" in done.stderr


def test_a_child_that_explains_its_error_stops_everything_with_its_status(
    up: Callable[..., Up],
) -> None:
    running = up(MEETLAT_LOG="nonsense:")
    assert running.wait() == 2
    assert any("nonsense" in line for line in running.lines)
    assert not any("Traceback" in line for line in running.lines)


def test_the_first_start_makes_a_key_for_its_owner_only_and_never_shows_it(
    up: Callable[..., Up],
) -> None:
    running = up().ready()
    path = running.data / "pseudonym.key"
    assert path.stat().st_mode & 0o777 == 0o600
    assert any(str(path) in line for line in running.lines)
    running.process.send_signal(signal.SIGTERM)
    assert running.wait() == 0
    key = path.read_text().strip()
    assert not any(key in line for line in running.lines)
    again = up().ready()
    assert path.read_text().strip() == key
    assert again.said(r"  key ")


def test_a_given_key_makes_no_file(up: Callable[..., Up]) -> None:
    running = up(MEETLAT_PSEUDONYM_KEY="a key of the company's")
    running.said(r"  log ")
    assert not (running.data / "pseudonym.key").exists()
    assert not any("of the company" in line for line in running.lines)


def test_a_data_directory_that_cannot_be_made_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = subprocess.run(
        [sys.executable, "-m", "meetlat", "up", "--data", "file/data"],
        cwd=tmp_path,
        env={
            **_clean(),
            "MEETLAT_COLLECTOR_LISTEN": "127.0.0.1:0",
            "MEETLAT_AGGREGATOR_LISTEN": "127.0.0.1:0",
        },
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "--data" in done.stderr
