"""`meetlat replay` into a running `meetlat up`: a second time adds nothing; refusals are told."""

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
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from support.events import encode, envelope

DEADLINE = 90


def environ() -> dict[str, str]:
    return {name: text for name, text in os.environ.items() if not name.startswith("MEETLAT_")}


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[str]:
    """The collector's address of a `meetlat up` in `tmp_path`."""
    listen = ["--collector-listen", "127.0.0.1:0", "--aggregator-listen", "127.0.0.1:0"]
    process = subprocess.Popen(
        [sys.executable, "-m", "meetlat", "up", "--data", str(tmp_path / "data"), *listen],
        cwd=tmp_path,
        env=environ(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    lines: list[str] = []
    watchdog = threading.Timer(DEADLINE, process.kill)
    watchdog.start()
    try:
        for line in process.stdout:
            lines.append(line)
            found = re.search(r"MEETLAT_ENDPOINT=(http://\S+?)\)", line)
            if found:
                break
        else:
            pytest.fail(f"`meetlat up` ended: {lines}")
        reading = threading.Thread(target=lambda: lines.extend(process.stdout or ()), daemon=True)
        reading.start()
        yield found[1]
        process.terminate()
        assert process.wait(DEADLINE) == 0, lines
        reading.join(DEADLINE)
    finally:
        watchdog.cancel()
        if process.poll() is None:
            process.kill()
            process.wait()
        process.stdout.close()


def replay(folder: Path, *words: str, standard_input: bytes = b"") -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "meetlat", "replay", *words],
        cwd=folder,
        env=environ(),
        input=standard_input,
        capture_output=True,
        timeout=DEADLINE,
        check=False,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def health(data: Path, received: int) -> dict[str, int]:
    """The programs' accounts once so many of their events are in the tables."""
    end = time.monotonic() + DEADLINE
    query = (
        "SELECT sum(received), sum(counted), sum(duplicate) FROM data_health "
        "WHERE source LIKE '/shop/%'"
    )
    while True:
        if (data / "kpi.duckdb").exists():
            with duckdb.connect(str(data / "kpi.duckdb"), read_only=True) as con:
                row = con.execute(query).fetchall()[0]
            if row[0] == received:
                return {"counted": int(row[1]), "duplicate": int(row[2])}
        assert time.monotonic() < end, f"waited in vain for {received} events"
        time.sleep(0.05)


def test_a_second_replay_adds_nothing(tmp_path: Path, endpoint: str) -> None:
    events = [
        envelope("interaction", id=str(n), time=f"2026-03-02T09:{n % 60:02d}:00Z")
        for n in range(1200)
    ]
    (tmp_path / "e.ndjson").write_bytes(b"\n".join(map(encode, events)))
    for _ in range(2):
        done = replay(tmp_path, "e.ndjson", "--endpoint", endpoint)
        assert done == (0, "1200 sent, 0 refused\n", "")
    assert health(tmp_path / "data", 2400) == {"counted": 1200, "duplicate": 1200}


def test_the_same_events_from_csv_and_standard_input_are_the_same(
    tmp_path: Path, endpoint: str
) -> None:
    event = envelope("usage", id="one", data={"tool": "bot", "count": 3})
    (tmp_path / "e.csv").write_text(
        "id,source,type,time,tool,count\n"
        f"one,{event['source']},{event['type']},{event['time']},bot,3\n"
    )
    assert replay(tmp_path, "e.csv", "--endpoint", endpoint)[0] == 0
    done = replay(tmp_path, "-", "--endpoint", endpoint, standard_input=encode(event))
    assert done == (0, "1 sent, 0 refused\n", "")
    assert health(tmp_path / "data", 2) == {"counted": 1, "duplicate": 1}


def test_refused_rows_are_listed_with_their_line_up_to_twenty(tmp_path: Path) -> None:
    good = encode(envelope("usage"))
    bad = encode(envelope("usage", data={"tool": "bot", "count": -1}))
    (tmp_path / "e.ndjson").write_bytes(b"\n".join([good, *[bad] * 23, good]))
    status, told, errors = replay(tmp_path, "e.ndjson", "--endpoint", "embedded:log")
    assert (status, told) == (1, "2 sent, 23 refused\n")
    lines = errors.splitlines()
    assert [line.split(":")[0] for line in lines[:-1]] == [f"line {n}" for n in range(2, 22)]
    assert all("data.count" in line for line in lines[:-1])
    assert lines[-1] == "… and 3 more"


def test_ctrl_c_while_the_destination_is_away_ends_it_with_130(tmp_path: Path) -> None:
    (tmp_path / "e.ndjson").write_bytes(encode(envelope("usage")))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
        process = subprocess.Popen(
            [sys.executable, "-m", "meetlat", "replay", "e.ndjson", "--endpoint", address],
            cwd=tmp_path,
            env=environ(),
            stderr=subprocess.PIPE,
            text=True,
        )
        taken.settimeout(DEADLINE)
        taken.accept()[0].close()  # it tried, and tries again after a pause
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=DEADLINE)
    assert process.returncode == 130
    assert "Traceback" not in errors


@pytest.mark.parametrize("speed", ["9x", "0.5x", "1000.25x"])
def test_any_factor_above_0_is_a_speed(tmp_path: Path, speed: str) -> None:
    (tmp_path / "e.ndjson").write_bytes(encode(envelope("usage")))
    log = f"embedded:{tmp_path / 'log'}"
    status, out, _ = replay(tmp_path, "e.ndjson", "--speed", speed, "--endpoint", log)
    assert (status, out) == (0, "1 sent, 0 refused\n")


@pytest.mark.parametrize(
    "speed", ["0x", "0.0x", "fast", "60", "-1x", "infx", "nanx", "1e9x", "x", "", "MAX", "1xx"]
)
def test_a_speed_that_is_none_is_wrong_use(tmp_path: Path, speed: str) -> None:
    status, _, errors = replay(tmp_path, "e.ndjson", "--speed", speed)
    assert status == 2
    assert "neither max nor a factor" in errors


def test_what_is_sent_is_what_the_file_says(tmp_path: Path) -> None:
    event = envelope("usage", id="one", data={"tool": "bot", "own": {"kept": [1.50, None]}})
    (tmp_path / "e.ndjson").write_bytes(encode(event))
    assert replay(tmp_path, "e.ndjson", "--endpoint", "embedded:log")[0] == 0
    content = b"".join(p.read_bytes() for p in (tmp_path / "log").rglob("*") if p.is_file())
    assert b'{"meetlathistory":true,' + encode(event)[1:] in content
    assert json.loads(encode(event)) == event
