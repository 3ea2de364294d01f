"""The worker: delivered + pending + dropped + refused == emitted (+ adopted), always; what is not
delivered is spooled, sent later and counted once."""

from __future__ import annotations

import gc
import logging
import signal
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.sdk_bench import Bench, lawful
from support.sdk_collector import Collector, accept, until

from meetlat import Client, MeetlatError
from meetlat._account import Complaints, Reasons, Tally
from meetlat._client import Queue
from meetlat._encode import Encoded
from meetlat._transports.base import Sent
from meetlat._worker import BATCH


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    made.close()


@pytest.fixture
def make(tmp_path: Path, collector: Collector) -> Iterator[Callable[..., Client]]:
    made: list[Client] = []

    def client(**given: Any) -> Client:
        given = {
            "endpoint": collector.url,
            "source": "/t",
            "spool": tmp_path / "spool",
            "linger_seconds": 0.01,
            "strict": False,
        } | given
        made.append(Client(**given))
        return made[-1]

    yield client
    for one in made:
        one.end(0.2, exiting=True)


def refuse_service(_events: Any) -> Any:
    return 503, {}, {}


def test_events_arrive_without_a_flush(make: Callable[..., Client], collector: Collector) -> None:
    client = make()
    for _ in range(1000):
        client.support_request("x")
    until(lambda: len(collector.events()) == 1000, "all events")
    client.support_request("later")
    until(lambda: len(collector.events()) == 1001, "one more after a rest")
    until(lambda: client.stats().delivered == 1001, "the count")
    assert lawful(client.stats())


def test_flush_and_shutdown_say_where_the_events_are(
    make: Callable[..., Client], collector: Collector
) -> None:
    client = make()
    client.support_request("a")
    flushed = client.flush(10)
    assert (flushed.emitted, flushed.delivered, flushed.pending) == (1, 1, 0)
    client.support_request("b")
    ended = client.shutdown(10)
    assert (ended.emitted, ended.delivered, ended.dropped, ended.refused) == (2, 2, 0, 0)
    assert len(collector.events()) == 2


def test_events_after_shutdown_are_dropped_and_counted(make: Callable[..., Client]) -> None:
    client = make()
    client.support_request()
    client.shutdown(10)
    client.support_request()
    assert client.stats().reasons == {"after_shutdown": 1}
    assert client.stats() == client.shutdown(1)
    assert lawful(client.stats())


def test_flush_without_events_starts_nothing(make: Callable[..., Client]) -> None:
    client = make()
    assert client.flush(5).emitted == 0
    assert client._thread is None


def test_a_full_queue_drops_new_events_and_counts_them(
    make: Callable[..., Client], collector: Collector
) -> None:
    collector.hang.clear()
    client = make(queue_events=10)
    client.support_request("first")
    until(lambda: len(collector.requests) == 1, "the first request to hang")
    for number in range(25):
        client.support_request(str(number))
    assert client.stats().reasons == {"queue_full": 15}
    collector.hang.set()
    assert client.flush(10).delivered == 11
    topics = [event["data"]["topic"] for event in collector.events()]
    assert topics == ["first", *map(str, range(10))]


def test_a_hanging_collector_does_not_slow_the_caller(
    make: Callable[..., Client], collector: Collector
) -> None:
    collector.hang.clear()
    client = make()
    client.support_request()
    until(lambda: len(collector.requests) == 1, "the request to hang")
    start = time.perf_counter()
    for _ in range(1000):
        client.support_request()
    assert time.perf_counter() - start < 1.0
    start = time.perf_counter()
    assert client.flush(0.2).pending == 1001
    assert time.perf_counter() - start < 2.0


def test_what_the_collector_refuses_is_counted_by_field_and_not_sent_again(
    make: Callable[..., Client], collector: Collector
) -> None:
    def answer(events: list[Any]) -> Any:
        bad = [i for i, e in enumerate(events) if e["data"].get("topic") == "bad"]
        entries = [{"index": i, "id": "", "error": "data.topic: is bad"} for i in bad]
        return 202, {}, {"accepted": len(events) - len(bad), "rejected": entries}

    collector.answer = answer
    client = make()
    client.support_request("bad")
    client.support_request("good")
    delivery = client.flush(10)
    assert (delivery.delivered, delivery.refused, delivery.pending) == (1, 1, 0)
    assert delivery.reasons == {"refused: data.topic": 1}


def test_what_does_not_fit_is_refused_before_it_is_sent_logged_and_counted(
    make: Callable[..., Client], collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    client = make()
    for _ in range(5):
        client.support_request("x" * 300)
    client.support_request("good")
    delivery = client.flush(10)
    assert (delivery.delivered, delivery.refused) == (1, 5)
    assert delivery.reasons == {"refused: data.topic": 5}
    told = [r.getMessage() for r in caplog.records if r.name == "meetlat"]
    assert len(told) == 1  # once a minute, however many
    assert "data.topic" in told[0]
    assert "xxx" not in told[0]


def test_under_pytest_refused_events_raise_at_flush(make: Callable[..., Client]) -> None:
    client = make(strict=None)
    client.support_request("x" * 300)
    with pytest.raises(MeetlatError, match=r"data\.topic"):
        client.flush(10)
    assert client.flush(10).refused == 1  # told once


def test_outside_pytest_nothing_raises(
    make: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    client = make(strict=None)
    client.support_request("x" * 300)
    assert client.flush(10).refused == 1


def test_a_lost_user_is_counted(make: Callable[..., Client], collector: Collector) -> None:
    client = make()
    client.support_request(user="ann")
    delivery = client.flush(10)
    assert delivery.reasons == {"user_without_key": 1}
    assert "user" not in collector.events()[0]["data"]


def test_spooled_then_delivered_counts_once(
    make: Callable[..., Client], collector: Collector
) -> None:
    collector.answer = refuse_service
    client = make()
    for number in range(20):
        client.support_request(str(number))
    until(lambda: client.stats().spooled == 20, "the spool")
    assert (client.stats().pending, client.stats().delivered) == (20, 0)
    collector.answer = accept
    delivery = client.flush(10)
    assert (delivery.delivered, delivery.pending, delivery.spooled) == (20, 0, 20)
    assert len({event["id"] for event in collector.events()}) == 20


def test_the_next_process_sends_what_one_left_and_says_so(
    make: Callable[..., Client], collector: Collector
) -> None:
    collector.answer = refuse_service
    first = make()
    first.support_request("left")
    left = first.shutdown(0.2)
    assert (left.pending, left.delivered) == (1, 0)
    collector.answer = accept
    second = make()
    second.support_request("new")
    until(lambda: second.stats().delivered == 2, "both")
    assert (second.stats().emitted, second.stats().adopted) == (1, 1)
    assert lawful(second.stats())
    assert {event["data"]["topic"] for event in collector.events()} == {"left", "new"}


def test_the_sdk_reports_on_itself_at_the_end(
    make: Callable[..., Client], collector: Collector
) -> None:
    client = make()
    client.support_request("good")
    client.support_request("x" * 300)
    client.shutdown(10)
    [report] = collector.events("sdk_report")
    assert report["data"]["emitted"] == 2
    assert report["data"]["refused"] == {"data.topic": 1}
    assert report["source"] == "/t"


def test_a_wrong_setting_turns_measuring_off_and_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = Client(mode="sned", strict=False)
    client.support_request()
    assert client.track(tool="b")(len)("abc") == 3
    assert "sned" in caplog.text
    with pytest.raises(MeetlatError, match="sned"):
        Client(mode="sned", strict=True)


def test_an_endpoint_that_is_none_drops_all_and_says_so(
    make: Callable[..., Client], caplog: pytest.LogCaptureFixture
) -> None:
    client = make(endpoint="nonsense")
    client.support_request()
    until(lambda: client.stats().dropped == 1, "the drop")
    client.support_request()
    assert (client.flush(1).dropped, client.shutdown(1).dropped) == (2, 2)
    assert "nonsense" in caplog.text


# --- the hot path


def test_the_hot_path_never_waits_for_a_lock(
    make: Callable[..., Client], collector: Collector
) -> None:
    """All locks of the worker are held, as by a thread that a signal or finalizer interrupts."""
    client = make(queue_events=50)
    client.support_request()
    client.flush(10)
    worker = client._worker
    assert worker is not None
    done = threading.Event()

    def emit() -> None:
        for _ in range(100):  # beyond the cap too
            client.support_request()
        done.set()

    with worker._lock, client._building:
        thread = threading.Thread(target=emit, daemon=True)
        thread.start()
        assert done.wait(10)
    thread.join()
    assert lawful(client.stats())


def test_the_first_event_does_not_wait_for_a_start_under_way(make: Callable[..., Client]) -> None:
    client = make()
    done = threading.Event()
    with client._starting:  # as in a signal handler amid the start
        threading.Thread(target=lambda: (client.support_request(), done.set()), daemon=True).start()
        assert done.wait(10)
    assert client.flush(10).delivered == 1


def test_an_event_from_a_finalizer_or_signal_during_a_wake_does_not_deadlock(
    make: Callable[..., Client],
) -> None:
    client = make()

    class Noisy:
        def __init__(self) -> None:
            self.me = self

        def __del__(self) -> None:
            client.support_request("finalizer")

    previous = signal.signal(signal.SIGALRM, lambda *_: client.support_request("signal"))
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    try:
        for _ in range(300):
            Noisy()
            client.support_request("plain")
            gc.collect(0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    gc.collect()
    delivery = client.flush(20)
    assert delivery.emitted >= 600
    assert delivery.delivered == delivery.emitted


def test_waking_misses_no_event() -> None:
    """A sleeper that looked at the queue just before an event still wakes."""
    woken: list[Queue] = []
    queue = Queue(10, lambda q: (woken.append(q), q.nudge()))  # type: ignore[func-returns-value,arg-type]

    class Sly(deque[Any]):
        def __len__(self) -> int:
            if len(woken) == 0 and super().__len__() == 0:
                woken.append(queue)
                queue.put(("event",))
            return super().__len__()

    queue.queue = Sly()
    start = time.monotonic()
    queue.sleep(30, until=0)
    assert time.monotonic() - start < 10


def test_tallies_count_every_hit_of_every_thread() -> None:
    tally = Tally()
    threads = [
        threading.Thread(target=lambda: [tally.hit() for _ in range(20_000)]) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    seen = [tally.value() for _ in range(100)]
    for thread in threads:
        thread.join()
    assert seen == sorted(seen)
    assert tally.value() == 80_000


def test_reasons_are_bounded() -> None:
    reasons = Reasons()
    for number in range(100):
        reasons.add(str(number))
    assert reasons.total == 100
    assert len(reasons.by_reason) == 61
    assert reasons.by_reason["other"] == 40


def test_complaints_are_told_once_a_minute_with_how_many(
    caplog: pytest.LogCaptureFixture,
) -> None:
    complaints = Complaints()
    with caplog.at_level(logging.WARNING, "meetlat"):
        for second in (0, 1, 59, 60.5):
            complaints.say("kind", "told", second)
    assert [r.getMessage() for r in caplog.records] == [
        "told",
        "told (2 more like this in the last minute)",
    ]


# --- the law, and pauses, with a transport and clock of the test's own


steps = st.one_of(
    st.tuples(st.just("emit"), st.integers(1, 60)),
    st.tuples(st.just("emit bad"), st.integers(1, 5)),
    st.tuples(st.just("turn"), st.integers(0, 3)),
    st.tuples(st.just("fail"), st.tuples(st.integers(0, 100), st.integers(0, 5))),
    st.tuples(st.just("wait"), st.integers(1, 100)),
)


@given(st.lists(steps, max_size=30), st.sampled_from([2_000, 1_000_000]))
@settings(deadline=None, max_examples=150)
def test_law_every_event_is_in_exactly_one_place(
    tmp_path_factory: pytest.TempPathFactory, script: list[Any], cap: int
) -> None:
    bench = Bench(tmp_path_factory.mktemp("spool"), cap)
    for step, value in script:
        if step == "emit":
            for _ in range(value):
                bench.emit()
        elif step == "emit bad":
            for _ in range(value):
                bench.emit("x" * 300)
        elif step == "turn":
            for _ in range(value):
                bench.worker.turn()
        elif step == "fail":
            bench.transport.script.append(value)
        else:
            bench.now += value
        bench.check()
    bench.worker.shutdown(None, 0, exiting=True)
    delivery = bench.check()
    sent = [value for value in bench.transport.got if b"sdk_report" not in value]
    assert len(sent) == len(set(sent)) == delivery.delivered


def test_pauses_double_up_to_a_minute_and_a_success_ends_them(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    pauses = []
    bench.emit()
    for _ in range(10):
        bench.transport.script = [(100, 0)]
        bench.worker.turn()
        pauses.append(bench.worker._retry_at - bench.now)
        bench.worker.turn()  # too early: nothing is sent
        assert bench.transport.script == []
        bench.now = bench.worker._retry_at
    assert pauses == [0.5, 1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert bench.transport.sends == 10
    bench.worker.turn()
    assert bench.check().delivered == 1
    assert bench.worker._retry_at == 0
    bench.worker.shutdown(None, 0, exiting=True)


def test_retry_after_is_honoured(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.transport.retry_after = 30.0
    bench.transport.script = [(100, 0)]
    bench.emit()
    bench.worker.turn()
    assert bench.worker._retry_at == bench.now + 30
    bench.worker.shutdown(None, 0, exiting=True)


def test_a_report_comes_once_a_minute_and_only_when_something_happened(tmp_path: Path) -> None:
    bench = Bench(tmp_path)

    def reports() -> int:
        return sum(b"sdk_report" in value for value in bench.transport.got)

    bench.emit()
    bench.worker.turn()
    assert reports() == 0
    bench.now += 61
    bench.worker.turn()
    assert reports() == 1
    bench.now += 61
    bench.worker.turn()
    assert reports() == 1
    bench.worker.shutdown(None, 0, exiting=True)


def test_a_fault_of_the_sdk_is_counted_and_loses_nothing(
    make: Callable[..., Client], caplog: pytest.LogCaptureFixture
) -> None:
    client = make()
    client.support_request()
    client.flush(10)
    worker = client._worker
    assert worker is not None
    transport: Any = worker._transport
    send, transport.send = transport.send, lambda *_, **__: 1 / 0
    client.support_request()
    until(lambda: client.stats().spooled == 1, "the spool")
    assert "fault inside meetlat" in caplog.text
    transport.send = send
    assert client.flush(10).delivered == 2


def test_ids_are_made_once_so_that_a_resend_is_the_same_event(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    kept: list[bytes] = []
    send = bench.transport.send

    def remember(events: Sequence[Encoded], timeout: float, *, connect: bool = True) -> Sent:
        kept.extend(event.value for event in events)
        return send(events, timeout, connect=connect)

    bench.transport.send = remember  # type: ignore[method-assign]
    bench.transport.script = [(1, 0)]
    bench.emit()
    bench.worker.turn()
    bench.now += 10
    bench.worker.turn()
    assert len(kept) == 2
    assert kept[0] == kept[1]
    bench.worker.shutdown(None, 0, exiting=True)


def test_a_takeover_from_a_hung_send_leaves_the_thread_nothing_to_count(
    make: Callable[..., Client], collector: Collector
) -> None:
    collector.hang.clear()
    client = make(send_timeout_seconds=30)
    for number in range(3):
        client.support_request(str(number))
    until(lambda: len(collector.requests) == 1, "the request to hang")
    client.support_request("queued")
    start = time.monotonic()
    delivery = client.shutdown(0.3)
    assert time.monotonic() - start < 3
    assert (delivery.pending, delivery.delivered) == (4, 0)
    collector.hang.set()
    assert client._thread is not None
    client._thread.join(10)
    assert client.stats() == delivery


def test_memory_is_given_up_as_dropped_when_there_is_no_disk(
    make: Callable[..., Client], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        client = make(endpoint=f"http://127.0.0.1:{port}", spool=tmp_path / "file")
        client.support_request()
        until(lambda: client.stats().spooled == 1, "the memory")
        assert client.stats().pending == 1
        delivery = client.shutdown(0.2)
    assert delivery.reasons == {"spool_failed": 1}
    assert lawful(delivery)


def test_after_a_flush_events_gather_into_batches_again(tmp_path: Path) -> None:
    """A worker that stayed in haste until the flush's deadline would send them one by one."""
    bench = Bench(tmp_path)
    bench.emit()
    bench.worker.turn()
    bench.worker.flush(1000)
    slept: list[tuple[float | None, int]] = []
    bench.queue.sleep = lambda seconds, *, until: slept.append((seconds, until))  # type: ignore[method-assign]
    bench.emit()
    bench.worker._rest()
    assert slept == [(0.01, BATCH - 1)]
    bench.worker.shutdown(None, 0, exiting=True)
