"""How late a loop of 5,000 calls a second is: bare, measured, and measured while the broker hangs.

Each in a process of its own, in turn. The host sleeps until each call is due, so it has to get the
interpreter back from the worker 5,000 times a second.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.figure import Figure

PER_SECOND = 5_000
SECONDS = 2.0
ROUNDS = 8
WORST = 0.999


def run(kafka: Any) -> list[Figure]:
    """Milliseconds at p99.9 beyond the bare loop."""
    found: dict[str, list[float]] = {"bare": [], "sends": [], "hangs": []}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(ROUNDS):
            for kind, late in found.items():
                late.append(_once(kind, kafka, Path(folder) / f"{kind}-{number}"))
    # A busy machine only adds, and more than what is looked for: the quietest round of each counts.
    bare, sends, hangs = (min(late) for late in found.values())
    return [
        Figure("late at p99.9, the worker sends", sends - bare, "ms more", "bare, ms", bare),
        Figure("late at p99.9, the broker hangs", hangs - bare, "ms more", "bare, ms", bare),
    ]


def _once(kind: str, kafka: Any, folder: Path) -> float:
    command = [sys.executable, "-m", "bench.sdk_pace", kind, kafka.bootstrap, kafka.topic()]
    host = subprocess.Popen(
        [*command, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert host.stdin is not None
    assert host.stdout is not None
    try:
        assert host.stdout.readline() == "warm\n"
        if kind == "hangs":
            kafka.pause(0)
        host.stdin.write("go\n")
        host.stdin.flush()
        return float(host.stdout.readline())
    finally:
        if kind == "hangs":
            kafka.resume(0)
        host.kill()
        host.wait()
        host.stdin.close()
        host.stdout.close()


def _host(kind: str, bootstrap: str, topic: str, folder: str) -> None:
    def answer() -> int:
        return 1

    call = answer
    if kind != "bare":
        import meetlat
        from meetlat.settings import Settings

        given = {
            "MEETLAT_ENDPOINT": f"kafka://{bootstrap}",
            "MEETLAT_EVENTS_TOPIC": topic,
            "MEETLAT_SPOOL": folder,
            "MEETLAT_SEND_TIMEOUT_SECONDS": "1",
        }
        client = meetlat.Client(settings=Settings(given))
        call = client.track(tool="chatbot", use_case="service", operation="chat")(answer)
        call()
        assert client.flush(30).delivered == 1
    _paced(call, 0.5)
    print("warm", flush=True)
    sys.stdin.readline()
    late = sorted(_paced(call, SECONDS))
    print(late[int(len(late) * WORST)] / 1e6, flush=True)
    sys.stdin.readline()  # until it is killed: the end of the program is not measured


def _paced(call: Any, seconds: float) -> list[int]:
    """Nanoseconds that each call ended after it was due."""
    clock, sleep = time.perf_counter_ns, time.sleep
    late = [0] * int(PER_SECOND * seconds)
    start = clock()
    for number in range(len(late)):
        due = start + number * 1_000_000_000 // PER_SECOND
        now = clock()
        if now < due:
            sleep((due - now) / 1e9)
        call()
        late[number] = clock() - due
    return late


if __name__ == "__main__":
    _host(*sys.argv[1:])
