"""Whole programs: a light import, a quick end whatever the network does, fork, kill -9."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.sdk_collector import Collector, until


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    made.close()


def environment(tmp_path: Path, endpoint: str = "", **more: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MEETLAT_", "PYTEST_"))}
    return kept | {
        "MEETLAT_ENDPOINT": endpoint,
        "MEETLAT_SOURCE": "/t",
        "MEETLAT_SPOOL": str(tmp_path / "spool"),
        **more,
    }


def program(code: str, env: dict[str, str], stdin: int | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)],
        env=env,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(code: str, env: dict[str, str]) -> str:
    process = program(code, env)
    out, err = process.communicate(timeout=60)
    ended_well(process, err)
    return out


def ended_well(process: subprocess.Popen[str], err: str) -> None:
    assert process.returncode == 0, err
    assert "Traceback" not in err
    assert "Exception ignored" not in err


def spooled(tmp_path: Path) -> list[str]:
    """The topics of the events in the spool."""
    files = (tmp_path / "spool").rglob("*.events")
    lines = [line for path in files for line in path.read_bytes().splitlines()]
    events = [json.loads(line.split(b"\t", 3)[3]) for line in lines]
    return [event["data"]["topic"] for event in events if "topic" in event["data"]]


def topics(collector: Collector) -> list[str]:
    return [event["data"]["topic"] for event in collector.events()]


HEAVY = {
    "pydantic",
    "msgspec",
    "aiokafka",
    "duckdb",
    "opentelemetry",
    "sqlite3",
    "meetlat.settings",
}
HEAVY |= {"asyncio", "inspect", "dataclasses", "http.client", "json", "decimal", "tomllib"}


def test_importing_loads_nothing_heavy(tmp_path: Path) -> None:
    code = """
        import sys
        before = set(sys.modules)
        import meetlat
        print(*(set(sys.modules) - before))
    """
    loaded = set(run(code, environment(tmp_path)).split())
    assert "meetlat._client" in loaded
    assert loaded & HEAVY == set()


def test_decorating_and_calling_load_nothing_heavy_on_the_callers_thread(tmp_path: Path) -> None:
    """The settings may load, once; validation, clients and event loops never do."""
    code = """
        import sys, threading, meetlat
        sys.modules["pydantic"] = None  # an import of it would fail from here on
        sys.modules["msgspec"] = None
        threading.Thread.start = lambda self: None  # no worker
        @meetlat.track(tool="b")
        def f(): return 1
        f()
        meetlat.escalate(tool="b")
        print(meetlat.stats().emitted, "asyncio" in sys.modules, "aiokafka" in sys.modules)
        import os; os._exit(0) if not sys.stdout.flush() else None
    """
    assert run(code, environment(tmp_path)).split() == ["2", "False", "False"]


def test_from_environment_alone_a_short_programs_events_arrive(
    tmp_path: Path, collector: Collector
) -> None:
    run("import meetlat; meetlat.support_request('a')", environment(tmp_path, collector.url))
    assert topics(collector) == ["a"]
    assert spooled(tmp_path) == []


def test_a_program_that_ends_before_its_thread_has_connected_delivers(
    tmp_path: Path, collector: Collector
) -> None:
    """A script of a few lines: nothing should wait for a next program that may never come."""
    code = """
        import time, meetlat
        from meetlat._worker import Worker
        run = Worker.run
        def late(self):
            while not self._exiting:
                time.sleep(0.001)
            run(self)
        Worker.run = late
        meetlat.support_request("a")
    """
    run(code, environment(tmp_path, collector.url))
    assert topics(collector) == ["a"]
    assert spooled(tmp_path) == []


def test_events_left_in_the_spool_are_told(tmp_path: Path, collector: Collector) -> None:
    collector.answer = lambda _: (503, {}, {})
    process = program(
        "import meetlat; meetlat.support_request('a')", environment(tmp_path, collector.url)
    )
    _, err = process.communicate(timeout=60)
    assert f"1 events wait in {tmp_path / 'spool'}" in err
    assert "; the next run sends them" in err


@pytest.mark.parametrize("scheme", ["http", "kafka"])
def test_the_end_takes_at_most_three_seconds_with_a_hanging_broker_and_spools(
    tmp_path: Path, scheme: str
) -> None:
    """It accepts connections, hears, and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)
        endpoint = f"{scheme}://127.0.0.1:{server.getsockname()[1]}"
        code = """
            import sys, time, meetlat
            for number in range(100):
                meetlat.support_request(str(number))
            sys.stdin.readline()
            for number in range(100, 200):
                meetlat.support_request(str(number))
            print(time.time())
        """
        process = program(code, environment(tmp_path, endpoint), stdin=subprocess.PIPE)
        hung, _ = server.accept()
        with hung:
            hung.settimeout(60)
            assert hung.recv(1), "it asks, and waits for the answer"
            out, err = process.communicate("go\n", timeout=60)
            assert time.time() - float(out) < 3.5  # and half a second for the machine
        ended_well(process, err)
    assert sorted(map(int, spooled(tmp_path))) == list(range(200))


def test_the_end_takes_at_most_three_seconds_with_a_locked_log_and_spools(tmp_path: Path) -> None:
    """Another program keeps the file of the embedded log, and the thread waits for it."""
    folder = tmp_path / "log"
    code = "import meetlat; meetlat.support_request('before')"
    run(code, environment(tmp_path, f"embedded:{folder}"))
    other = sqlite3.connect(folder / "meetlat.events.v1.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    code = """
        import threading, time, meetlat
        from meetlat._transports.embedded import EmbeddedTransport
        sending, send = threading.Event(), EmbeddedTransport.send
        def told(*args, **options):
            sending.set()
            return send(*args, **options)
        EmbeddedTransport.send = told
        for number in range(100):
            meetlat.support_request(str(number))
        sending.wait()
        for number in range(100, 200):
            meetlat.support_request(str(number))
        print(time.time())
    """
    process = program(code, environment(tmp_path, f"embedded:{folder}"))
    out, err = process.communicate(timeout=60)
    assert time.time() - float(out) < 3.5  # and half a second for the machine
    ended_well(process, err)
    assert sorted(map(int, spooled(tmp_path))) == list(range(200))
    other.execute("ROLLBACK")
    other.close()
    code = "import meetlat; meetlat.support_request('next'); print(meetlat.flush(20).adopted)"
    assert run(code, environment(tmp_path, f"embedded:{folder}")).split() == ["200"]
    assert spooled(tmp_path) == []


def test_the_end_without_a_broker_spools(tmp_path: Path) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{held.getsockname()[1]}"
        start = time.monotonic()
        run("import meetlat; meetlat.support_request('a')", environment(tmp_path, endpoint))
        assert time.monotonic() - start < 10
    assert spooled(tmp_path) == ["a"]


def test_a_fault_is_told_in_one_line(tmp_path: Path) -> None:
    """A client library's own lines, one per try, and the end of the program add none."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        away = f"127.0.0.1:{held.getsockname()[1]}"
        for endpoint, key, *told in (
            (f"kafka://{away}", "k" * 16, "events wait: Kafka at "),
            ("ftp://x", "k" * 16, "nothing is sent: MEETLAT_ENDPOINT: 'ftp://x' is no "),
            (f"http://{away}", "short", "events wait: ", "MEETLAT_PSEUDONYM_KEY takes at least 16"),
        ):
            code = """
                import time, meetlat
                meetlat.used("copied", tool="b", user="ann")
                while not (meetlat.stats().spooled or meetlat.stats().dropped):
                    time.sleep(0.01)
            """
            env = environment(tmp_path, endpoint, MEETLAT_PSEUDONYM_KEY=key)
            _, err = program(code, env).communicate(timeout=60)
            lines = [line for line in err.splitlines() if "; the next run sends them" not in line]
            assert len(lines) == len(told), err
            assert all(any(text in line for line in lines) for text in told), err


def test_what_one_program_spooled_the_next_one_sends(tmp_path: Path, collector: Collector) -> None:
    collector.answer = lambda _: (503, {}, {})
    run("import meetlat; meetlat.support_request('a')", environment(tmp_path, collector.url))
    assert spooled(tmp_path) == ["a"]
    collector.answer = lambda events: (202, {}, {"rejected": []})
    code = "import meetlat; meetlat.support_request('b'); print(meetlat.flush(20).adopted)"
    assert run(code, environment(tmp_path, collector.url)).split() == ["1"]
    assert sorted(topics(collector)) == ["a", "b"]


def test_after_kill_9_what_was_spooled_is_sent_by_the_next_and_once(
    tmp_path: Path, collector: Collector
) -> None:
    collector.answer = lambda _: (503, {}, {})
    code = """
        import time, meetlat
        for number in range(50):
            meetlat.support_request(str(number))
        while meetlat.stats().spooled < 50:
            time.sleep(0.01)
        print("spooled", flush=True)
        time.sleep(60)
    """
    victim = program(code, environment(tmp_path, collector.url))
    assert victim.stdout is not None
    assert victim.stdout.readline() == "spooled\n"
    victim.kill()
    victim.communicate()
    collector.answer = lambda events: (202, {}, {"rejected": []})
    run("import meetlat; meetlat.support_request('new'); print(meetlat.flush(20))",
        environment(tmp_path, collector.url))  # fmt: skip
    until(lambda: len(topics(collector)) >= 51, "all events")
    assert sorted(topics(collector)) == sorted([*map(str, range(50)), "new"])


def test_a_forked_child_sends_its_own_events_and_never_its_parents(
    tmp_path: Path, collector: Collector
) -> None:
    """Forked while the parent's worker hangs in a send with events in hand and in the queue."""
    collector.hang.clear()
    code = """
        import os, sys, meetlat
        for number in range(5):
            meetlat.support_request(f"parent {number}")
        sys.stdin.readline()
        meetlat.support_request("parent queued")
        with meetlat.interaction(tool="parent call"):
            child = os.fork()
            if child == 0:
                print("forked", flush=True)
                sys.stdin.readline()
        if child == 0:
            meetlat.support_request("child")
            result = meetlat.flush(20)
            assert (result.emitted, result.delivered) == (1, 1), result
            sys.exit()  # with the hooks of atexit
        assert os.waitpid(child, 0)[1] == 0
        result = meetlat.flush(20)
        assert (result.emitted, result.delivered) == (7, 7), result
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        env=environment(tmp_path, collector.url),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    until(lambda: bool(collector.requests), "the parent's send to hang")
    process.stdin.write("fork\n")
    process.stdin.flush()
    assert process.stdout.readline() == "forked\n"
    collector.hang.set()
    _, err = process.communicate("go\n", timeout=60)
    assert process.returncode == 0, err
    found = [event["data"].get("topic") or event["data"]["tool"] for event in collector.events()]
    parents = [f"parent {number}" for number in range(5)]
    assert sorted(found) == sorted(["child", "parent call", "parent queued", *parents])


@pytest.mark.parametrize("delay", [0.0, 0.03, 0.1, 0.2])
def test_a_fork_while_the_thread_is_importing_leaves_a_child_that_works(
    tmp_path: Path, collector: Collector, delay: float
) -> None:
    """A module's import lock that the parent's thread held would never be free in the child."""
    code = f"""
        import os, sys, time, meetlat
        meetlat.support_request("parent")
        time.sleep({delay})
        child = os.fork()
        meetlat.support_request("child" if child == 0 else "parent")
        assert meetlat.flush(20).pending == 0
        if child == 0:
            sys.exit()
        assert os.waitpid(child, 0)[1] == 0
    """
    run(code, environment(tmp_path, collector.url))
    assert sorted(topics(collector)) == ["child", "parent", "parent"]


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:1", "kafka://127.0.0.1:1"])
def test_the_thread_loads_nothing_that_has_fork_hooks_of_its_own(
    tmp_path: Path, endpoint: str
) -> None:
    """Ours would wait for that import, and the new hooks would release what they never took."""
    code = """
        import os, threading, traceback, meetlat
        late = []
        register = os.register_at_fork
        def watch(**hooks):
            if threading.current_thread().name == "meetlat" and "before" in hooks:
                late.append(traceback.format_stack(limit=3))
            register(**hooks)
        os.register_at_fork = watch
        meetlat.support_request("a")
        meetlat.flush(3)
        assert meetlat.stats().spooled == 1, meetlat.stats()
        assert not late, late
    """
    run(code, environment(tmp_path, endpoint))


def test_a_child_after_fork_makes_other_ids(tmp_path: Path) -> None:
    code = """
        import os, meetlat
        class Clock:
            def time_ns(self): return 1_772_000_000_000_000_000
            def perf_counter_ns(self): return 0
        meetlat.init(mode="capture", clock=Clock())
        child = os.fork()
        with meetlat.interaction(tool="b") as call:
            pass
        print(call.id + "\\n", end="", flush=True)  # one write, so that two do not mix
        if child:
            status = os.waitpid(child, 0)[1]
            assert status == 0, status
    """
    first, second = run(code, environment(tmp_path)).split()
    assert first != second


def test_a_fork_lets_go_of_the_parents_spool_without_touching_it(
    tmp_path: Path, collector: Collector
) -> None:
    collector.answer = lambda _: (503, {}, {})
    code = """
        import os, sys, time, meetlat
        meetlat.support_request("parent")
        while not meetlat.stats().spooled:
            time.sleep(0.01)
        child = os.fork()
        if child == 0:
            meetlat.support_request("child")
            while not meetlat.stats().spooled:
                time.sleep(0.01)
            assert meetlat.stats().adopted == 0, meetlat.stats()
            sys.exit()
        assert os.waitpid(child, 0)[1] == 0
        print(meetlat.stats().pending)
    """
    assert run(code, environment(tmp_path, collector.url)).split() == ["1"]
    assert sorted(spooled(tmp_path)) == ["child", "parent"]


def test_a_child_that_lives_on_does_not_keep_its_dead_parents_spool(
    tmp_path: Path, collector: Collector
) -> None:
    collector.answer = lambda _: (503, {}, {})
    code = """
        import os, signal, sys, time, meetlat
        meetlat.support_request("parent")
        while not meetlat.stats().spooled:
            time.sleep(0.01)
        if os.fork():
            os.kill(os.getpid(), signal.SIGKILL)
        sys.stdin.read()
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        env=environment(tmp_path, collector.url),
        stdin=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.wait(60) == -signal.SIGKILL
    collector.answer = lambda events: (202, {}, {"rejected": []})
    code = "import meetlat; meetlat.support_request('b'); print(meetlat.flush(20).adopted)"
    assert run(code, environment(tmp_path, collector.url)).split() == ["1"]
    process.stdin.close()  # the child ends
    assert sorted(topics(collector)) == ["b", "parent"]


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_child_of_multiprocessing_loses_nothing_at_its_end(
    tmp_path: Path, collector: Collector, method: str
) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(
            f"""
            import multiprocessing, meetlat
            def work():
                meetlat.support_request("child")
            if __name__ == "__main__":
                context = multiprocessing.get_context({method!r})
                process = context.Process(target=work)
                process.start()
                process.join()
                meetlat.support_request("parent")
                meetlat.flush(20)
            """
        )
    )
    done = subprocess.run(
        [sys.executable, str(script)],
        env=environment(tmp_path, collector.url),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(topics(collector)) == ["child", "parent"]


def test_an_interrupted_program_ends_in_time_and_spools(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        endpoint = f"http://127.0.0.1:{server.getsockname()[1]}"
        code = """
            import time, meetlat
            meetlat.support_request("a")
            print("ready", flush=True)
            time.sleep(60)
        """
        process = program(code, environment(tmp_path, endpoint))
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        start = time.monotonic()
        process.communicate(timeout=60)
        assert time.monotonic() - start < 4
    assert spooled(tmp_path) == ["a"]


def test_a_wrong_setting_in_the_environment_does_not_stop_the_program(tmp_path: Path) -> None:
    env = environment(tmp_path, MEETLAT_QUEUE_EVENTS="many")
    code = """
        import meetlat
        @meetlat.track(tool="b")
        def f(): return 7
        print(f())
    """
    assert run(code, env).split() == ["7"]


def test_a_missing_client_does_not_stop_the_program(tmp_path: Path) -> None:
    code = """
        import sys
        sys.modules["aiokafka"] = None
        import meetlat
        meetlat.support_request("a")
        print(meetlat.flush(20).dropped)
    """
    assert run(code, environment(tmp_path, "kafka://127.0.0.1:1")).split() == ["1"]
