"""`meetlat demo` as a person runs it: the table, the verdict as exit status, live until Ctrl-C."""

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
from contextlib import suppress
from pathlib import Path

import duckdb
import pytest

from meetlat.kpis.catalogue import catalogue

DEADLINE = 180
pytestmark = pytest.mark.timeout(400)
WEEKS = ("--weeks", "2")
_WRONG = """
import sys
from decimal import Decimal
from meetlat_aggregator.demo import truth
right = truth.true_figures
def wrong(deliveries):
    figures = right(deliveries)
    figures["quotes", "cost, EUR"] += Decimal("0.000000001")
    return figures
truth.true_figures = wrong
from meetlat.cli import main
main(sys.argv[1:])
"""


def environ(**more: str) -> dict[str, str]:
    kept = {name: text for name, text in os.environ.items() if not name.startswith("MEETLAT_")}
    return {**kept, **more}


def demo(
    folder: Path, *words: str, program: tuple[str, ...] = ("-m", "meetlat"), **more: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *program, "demo", *WEEKS, *words],
        cwd=folder,
        env=environ(TMPDIR=str(folder), **more),
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )


@pytest.fixture
def busy_port() -> object:
    """The collector's usual port is taken, by this test or by somebody else."""
    with socket.socket() as taken:
        with suppress(OSError):
            taken.bind(("127.0.0.1", 4318))
            taken.listen()
        yield taken


def test_truth_and_counted_are_equal_and_what_is_kept_shows_kpis(
    tmp_path: Path, busy_port: object
) -> None:
    data = tmp_path / "kept"
    # Settings of this machine must not touch the demo, nor the demo what they point at.
    stranger = {"MEETLAT_ENDPOINT": "http://127.0.0.1:1", "MEETLAT_DATA": str(tmp_path / "mine")}
    done = demo(tmp_path, "--exit", "--data", str(data), **stranger)
    assert (done.returncode, done.stderr) == (0, "")
    heading = re.search(r"^use case +what +truth +counted +n +equal$", done.stdout, re.MULTILINE)
    assert heading
    for use_case in ("service", "quotes", "hr"):
        assert re.search(rf"^{use_case} .* yes$", done.stdout, re.MULTILINE)
    assert re.search(r"dead letters +5 +5 +yes$", done.stdout, re.MULTILINE)
    assert re.search(r"refused by the collector +5 +5 +yes$", done.stdout, re.MULTILINE)
    assert re.search(r"all \d+ figures are equal", done.stdout)
    assert "NO" not in done.stdout.split()
    wide = [line for line in done.stdout.splitlines() if len(line) > 100 and "/" not in line]
    assert wide == []
    assert list(tmp_path.iterdir()) == [data]
    assert f"\n  meetlat kpi --data {data}\n" in done.stdout
    check_kpis(tmp_path, data)


def check_kpis(folder: Path, data: Path) -> None:
    """KPIs have their targets, phases and baselines, and what was put off is made."""
    shown = subprocess.run(
        [sys.executable, "-m", "meetlat", "kpi", "--data", str(data), "--format", "json"],
        cwd=folder, env=environ(), capture_output=True, text=True, timeout=DEADLINE, check=True,
    )  # fmt: skip
    rows = {(row["use_case"], row["kpi"]): row for row in json.loads(shown.stdout)}
    for use_case, kpi in (("service", "lead_time"), ("quotes", "time_to_first_draft")):
        row = rows[use_case, kpi]
        assert row["value"] > 0, kpi
        assert row["baseline"] > 0, kpi
        assert row["target_low"] is not None or row["target_high"] is not None, kpi
        assert row["phase"] != "", kpi
    assert rows["quotes", "time_to_first_draft"]["improvement"] > 0.4
    with duckdb.connect(str(data / "kpi.duckdb"), read_only=True) as con:
        waiting = con.execute("SELECT DISTINCT kpi FROM kpi_pending").fetchall()
    once_a_day = {(name,) for name, kpi in catalogue().items() if kpi.daily}
    assert set(waiting) <= once_a_day


def test_one_billionth_of_a_euro_too_much_is_a_difference_and_nothing_is_left_behind(
    tmp_path: Path,
) -> None:
    done = demo(tmp_path, "--exit", program=("-c", _WRONG))
    assert done.returncode == 1
    assert re.search(r"cost, EUR +\S+ +\S+ +\S+ +NO$", done.stdout, re.MULTILINE)
    assert re.search(r"1 of \d+ figures are NOT equal", done.stdout)
    assert "meetlat kpi --data" not in done.stdout, "nothing is kept to look at"
    assert list(tmp_path.iterdir()) == []


def test_a_used_directory_is_refused_before_anything_is_started(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "file").touch()
    done = demo(tmp_path, "--exit", "--data", "here")
    assert done.returncode == 1
    assert done.stdout == ""
    assert re.fullmatch(r"meetlat: .*here is not empty, .*\n", done.stderr)


def test_it_goes_on_live_and_ctrl_c_stops_it_in_order(tmp_path: Path) -> None:
    data = tmp_path / "kept"
    process = subprocess.Popen(
        [sys.executable, "-m", "meetlat", "demo", *WEEKS, "--data", str(data)],
        cwd=tmp_path,
        env=environ(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    errors: list[str] = []
    reading = threading.Thread(target=lambda: errors.extend(process.stderr or ()), daemon=True)
    reading.start()
    watchdog = threading.Timer(DEADLINE, process.kill)
    watchdog.start()
    try:
        said = []
        for line in process.stdout:
            said.append(line)
            if line.startswith("Ctrl-C"):
                break
        assert said
        assert said[-1].startswith("Ctrl-C"), (said, errors)
        began = live_calls(data)
        end = time.monotonic() + DEADLINE
        while live_calls(data) <= began:
            assert time.monotonic() < end, "nothing new came live"
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        status = process.wait(DEADLINE)
    finally:
        watchdog.cancel()
        if process.poll() is None:
            process.kill()
            process.wait()
        reading.join(DEADLINE)
        process.stdout.close()
        process.stderr.close()
    assert (status, errors) == (0, [])
    assert not (data / "aggregator.sock").exists()


def test_kill_9_of_both_services_changes_no_figure_of_what_happened(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "meetlat",
            "demo",
            "--weeks",
            "4",
            "--exit",
            "--all",
            "--data",
            "kept",
        ],
        cwd=tmp_path,
        env=environ(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    watchdog = threading.Timer(DEADLINE, process.kill)
    watchdog.start()
    try:
        for service in ("aggregate", "collect"):
            end = time.monotonic() + DEADLINE
            # In the middle of it: the first tables are there.
            while not (tmp_path / "kept" / "kpi.duckdb").exists():
                assert time.monotonic() < end, "no tables appeared"
                assert process.poll() is None
                time.sleep(0.02)
            os.kill(child_of(process.pid, service), signal.SIGKILL)
        told, errors = process.communicate(timeout=DEADLINE)
    finally:
        watchdog.cancel()
        if process.poll() is None:
            process.kill()
            process.communicate()
    # What was safe and not answered yet when the collector died is sent again, and counted once.
    wrong = [line.split() for line in told.splitlines() if line.endswith(" NO")]
    for *what, true, counted, _ in wrong:
        assert what == ["sent", "twice,", "not", "counted", "again"], (told, errors)
        assert int(counted.replace(",", "")) > int(true.replace(",", ""))
    assert process.returncode == (1 if wrong else 0), (told, errors)
    assert re.search(r"\d+ figures are (NOT )?equal", told)
    for name in ("aggregator", "collector"):
        assert f"the {name} was ended by SIGKILL; starting it again" in errors


def child_of(parent: int, service: str) -> int:
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdigit() and service.encode() in (
                (entry / "cmdline").read_bytes().split(b"\0")
            ):
                above = (entry / "stat").read_text().rpartition(")")[2].split()[1]
                if int(above) == parent:
                    return int(entry.name)
    raise AssertionError(f"no {service} runs")


def live_calls(data: Path) -> int:
    with duckdb.connect(str(data / "kpi.duckdb"), read_only=True) as con:
        (row,) = con.execute(
            "SELECT coalesce(sum(requests), 0) FROM interactions_hourly "
            "WHERE hour >= date_trunc('week', (SELECT watermark FROM meta))"
        ).fetchall()
    return int(row[0])
