"""One suite over the three transports, with real servers; then what is HTTP's or Kafka's own."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from support.sdk_collector import Collector

from meetlat._encode import Encoded
from meetlat._transports import open_transport
from meetlat._transports.base import Transport
from meetlat._transports.http import _retry_after
from meetlat.errors import SettingError
from meetlat.logs.address import open_reader
from meetlat.settings import Settings


def event(number: int, size: int = 0) -> Encoded:
    value = {
        "specversion": "1.0",
        "id": f"id-{number}",
        "source": "/t",
        "type": "meetlat.usage.v1",
        "time": "2026-03-02T00:00:00Z",
        "data": {"tool": "b", "action": "x" * size} if size else {"tool": "b"},
    }
    return Encoded(f"id-{number}".encode(), json.dumps(value).encode())


@dataclass
class Place:
    """A transport's far end."""

    settings: Settings
    unreachable: Settings
    ids: Callable[[], list[str]]


class FromTheStart:
    async def assigned(self, partitions: Sequence[int]) -> dict[int, int]:
        return {}

    async def revoked(self, partitions: Sequence[int]) -> None:
        return


def ids_in_log(settings: Settings, topic: str) -> Callable[[], list[str]]:
    async def read() -> list[str]:
        reader = open_reader(settings, topic)
        await reader.start(FromTheStart())
        found = []
        ends = sum((await reader.end_offsets()).values())
        while len(found) < ends:
            found += await reader.read(10_000, 1.0)
        await reader.close(5)
        for record in found:
            assert ("content-type", b"application/cloudevents+json") in record.headers
            assert record.key == json.loads(record.value)["id"].encode()
        return [json.loads(record.value)["id"] for record in found]

    return lambda: asyncio.run(read())


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    made.close()


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that refuses: bound, so that nobody else gets it, and not listening."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.fixture(params=["http", "embedded", pytest.param("kafka", marks=pytest.mark.kafka)])
def place(request: pytest.FixtureRequest, tmp_path: Path, closed_port: int) -> Place:
    common = {"MEETLAT_SEND_TIMEOUT_SECONDS": "20"}
    if request.param == "http":
        server: Collector = request.getfixturevalue("collector")
        return Place(
            Settings({"MEETLAT_ENDPOINT": server.url, **common}),
            Settings({"MEETLAT_ENDPOINT": f"http://127.0.0.1:{closed_port}"}),
            lambda: [received["id"] for received in server.received],
        )
    if request.param == "embedded":
        (tmp_path / "file").write_text("")
        endpoint = f"embedded:{tmp_path / 'log'}"
        settings = Settings({"MEETLAT_ENDPOINT": endpoint, "MEETLAT_LOG": endpoint, **common})
        return Place(
            settings,
            Settings({"MEETLAT_ENDPOINT": f"embedded:{tmp_path / 'file' / 'log'}"}),
            ids_in_log(settings, "meetlat.events.v1"),
        )
    kafka = request.getfixturevalue("kafka")
    topic = kafka.topic()
    address = f"kafka://{kafka.bootstrap}"
    settings = Settings(
        {"MEETLAT_ENDPOINT": address, "MEETLAT_LOG": address, "MEETLAT_EVENTS_TOPIC": topic}
        | common
    )
    return Place(
        settings,
        Settings({"MEETLAT_ENDPOINT": f"kafka://127.0.0.1:{closed_port}"}),
        ids_in_log(settings, topic),
    )


@pytest.fixture
def transport(place: Place) -> Iterator[Transport]:
    made = open_transport(place.settings)
    yield made
    made.close(2.0)


# --- the contract


def test_all_events_arrive_and_none_is_named(transport: Transport, place: Place) -> None:
    transport.open(20)
    events = [event(number, 300) for number in range(700)]
    sent = transport.send(events, 20)
    assert (sent.retry, sent.refused, sent.problem) == ([], [], "")
    assert sorted(place.ids()) == sorted(f"id-{number}" for number in range(700))


def test_it_connects_by_itself_and_sends_again_after_a_close(
    transport: Transport, place: Place
) -> None:
    assert transport.send([event(1)], 20).retry == []
    transport.close(2.0)
    assert transport.send([event(2)], 20).retry == []
    assert sorted(place.ids()) == ["id-1", "id-2"]


def test_an_event_of_the_largest_size_arrives(transport: Transport, place: Place) -> None:
    large = event(1, 250_000)
    assert transport.send([event(0), large, event(2)], 20).retry == []
    assert sorted(place.ids()) == ["id-0", "id-1", "id-2"]


def test_where_nobody_listens_all_is_retry_within_the_time_and_the_problem_named(
    place: Place,
) -> None:
    transport = open_transport(place.unreachable)
    start = time.monotonic()
    transport.open(1)
    sent = transport.send([event(1), event(2)], 1)
    assert time.monotonic() - start < 6
    assert (sent.retry, sent.refused) == ([0, 1], [])
    assert sent.problem
    transport.close(1)


# --- HTTP


@pytest.fixture
def http(collector: Collector) -> Iterator[Transport]:
    made = open_transport(Settings({"MEETLAT_ENDPOINT": collector.url}))
    yield made
    made.close(1)


def answering(status: int, headers: dict[str, str] | None = None, body: Any = None) -> Any:
    return lambda _events: (status, headers or {}, body or {})


def test_the_request_is_a_batch_with_the_key_as_bearer_on_one_connection(
    collector: Collector,
) -> None:
    settings = Settings({"MEETLAT_ENDPOINT": collector.url, "MEETLAT_API_KEY": "the-key"})
    transport = open_transport(settings)
    transport.send([event(1)], 5)
    kept = transport._connection  # type: ignore[attr-defined]
    transport.send([event(2)], 5)
    assert transport._connection is kept  # type: ignore[attr-defined]
    headers, _ = collector.requests[0]
    assert headers["Content-Type"] == "application/cloudevents-batch+json"
    assert headers["Authorization"] == "Bearer the-key"
    transport.close(1)


def test_rejected_events_are_refused_by_field_not_retried(
    http: Transport, collector: Collector
) -> None:
    entry = {"index": 1, "id": "id-1", "error": "data.tool: is missing"}
    collector.answer = answering(202, body={"accepted": 1, "rejected": [entry]})
    sent = http.send([event(0), event(1)], 5)
    assert (sent.retry, sent.refused) == ([], [(1, "data.tool")])


def test_400_that_names_all_refuses_all(http: Transport, collector: Collector) -> None:
    entries = [{"index": i, "id": "", "error": "time: is missing"} for i in range(2)]
    collector.answer = answering(400, body={"accepted": 0, "rejected": entries})
    assert http.send([event(0), event(1)], 5).refused == [(0, "time"), (1, "time")]


@pytest.mark.parametrize("status", [400, 413])
def test_what_is_refused_as_a_whole_is_halved_until_the_culprit_stands_alone(
    http: Transport, collector: Collector, status: int
) -> None:
    def answer(events: list[dict[str, Any]]) -> tuple[int, dict[str, str], Any]:
        if any(found["id"] == "id-5" for found in events):
            return status, {}, {}
        return 202, {}, {"accepted": len(events), "rejected": []}

    collector.answer = answer
    sent = http.send([event(number) for number in range(8)], 5)
    assert sent.retry == []
    assert [index for index, _ in sent.refused] == [5]
    assert len(collector.received) == 7


@pytest.mark.parametrize("status", [401, 403, 404, 408, 415, 429, 500, 502, 503, 302])
def test_other_answers_are_retried_and_named(
    http: Transport, collector: Collector, status: int
) -> None:
    collector.answer = answering(status, {"Retry-After": "7"})
    sent = http.send([event(0), event(1)], 5)
    assert (sent.retry, sent.retry_after) == ([0, 1], 7.0)
    assert str(status) in sent.problem


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("5", 5), ("0.5", 0.5), ("", 0), (None, 0), ("-3", 0), ("soon", 0), ("9999", 600), ("nan", 0)],
)
def test_retry_after_in_seconds(text: str | None, seconds: float) -> None:
    assert _retry_after(text) == seconds


def test_retry_after_as_a_date() -> None:
    assert 50 < _retry_after(formatdate(time.time() + 60, usegmt=True)) <= 60


def test_a_hanging_server_costs_the_timeout_and_no_more(
    http: Transport, collector: Collector
) -> None:
    collector.hang.clear()
    start = time.monotonic()
    sent = http.send([event(0)], 0.3)
    assert time.monotonic() - start < 3
    assert sent.retry == [0]
    collector.hang.set()
    assert http.send([event(1)], 5).retry == []


@contextmanager
def locked_by_a_writer(directory: Path) -> Iterator[None]:
    lock = os.open(directory / "meetlat.events.v1.lock", os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    yield
    os.close(lock)


@contextmanager
def locked_by_another_program(directory: Path) -> Iterator[None]:
    other = sqlite3.connect(directory / "meetlat.events.v1.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield
    other.execute("ROLLBACK")
    other.close()


@pytest.mark.parametrize("locked", [locked_by_a_writer, locked_by_another_program])
def test_a_locked_file_costs_the_timeout_and_no_more(
    tmp_path: Path, locked: Callable[[Path], AbstractContextManager[None]]
) -> None:
    endpoint = f"embedded:{tmp_path}"
    settings = Settings({"MEETLAT_ENDPOINT": endpoint, "MEETLAT_SEND_TIMEOUT_SECONDS": "0.5"})
    transport = open_transport(settings)
    assert transport.send([event(0)], 5).retry == []
    with locked(tmp_path):
        start = time.monotonic()
        sent = transport.send([event(1)], 0.5)
        assert time.monotonic() - start < 3
        assert sent.retry == [0]
        assert "locked" in sent.problem
    assert transport.send([event(1)], 5).retry == []
    with locked(tmp_path):
        transport.close(1)  # and never raises
    assert transport.send([event(2)], 5).retry == []
    transport.close(1)


def test_a_dripping_server_costs_the_timeout_and_no_more() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        transport = open_transport(Settings({"MEETLAT_ENDPOINT": f"http://127.0.0.1:{port}"}))
        transport.open(5)
        connection, _ = server.accept()
        connection.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 1000\r\n\r\n{")
        stop = threading.Event()

        def drip() -> None:
            while not stop.wait(0.05):
                with suppress(OSError):
                    connection.sendall(b" ")

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        start = time.monotonic()
        sent = transport.send([event(0)], 0.3)
        took = time.monotonic() - start
        stop.set()
        thread.join()
        assert took < 3
        assert sent.retry == [0]
        connection.close()
        transport.close(1)


def test_an_answer_cut_short_is_retried() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        transport = open_transport(Settings({"MEETLAT_ENDPOINT": f"http://127.0.0.1:{port}"}))
        transport.open(5)
        connection, _ = server.accept()
        connection.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 1000\r\n\r\n{")
        connection.shutdown(socket.SHUT_WR)
        assert transport.send([event(0)], 5).retry == [0]
        connection.close()
        transport.close(1)


def test_a_kept_connection_that_the_server_closed_is_made_anew(
    http: Transport, collector: Collector
) -> None:
    assert http.send([event(0)], 5).retry == []
    http._connection.sock.shutdown(socket.SHUT_RDWR)  # type: ignore[attr-defined]
    assert http.send([event(1)], 5).retry == []
    assert len(collector.received) == 2


def test_at_the_end_of_the_program_no_new_connection_is_made(
    http: Transport, collector: Collector
) -> None:
    assert http.send([event(0)], 5, connect=False).retry == [0]
    assert collector.requests == []
    http.open(5)
    assert http.send([event(0)], 5, connect=False).retry == []


@pytest.mark.parametrize(
    "endpoint", ["ftp://x", "http://", "http://h:port", "http://u:pw@h", "embedded:", "nonsense"]
)
def test_a_bad_address_says_what_to_use(endpoint: str) -> None:
    with pytest.raises(SettingError, match="use http") as caught:
        open_transport(Settings({"MEETLAT_ENDPOINT": endpoint}))
    assert "pw" not in str(caught.value)


# --- Kafka


def kafka_transport(port: int, **environ: str) -> Any:
    given = {"MEETLAT_ENDPOINT": f"kafka://127.0.0.1:{port}", **environ}
    return open_transport(Settings(given))


def test_kafka_does_not_connect_at_the_end_of_the_program(closed_port: int) -> None:
    transport = kafka_transport(closed_port)
    sent = transport.send([event(0)], 5, connect=False)
    assert sent.retry == [0]
    assert transport._loop is None


def test_a_kafka_that_accepts_and_says_nothing_costs_the_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        transport = kafka_transport(server.getsockname()[1])
        start = time.monotonic()
        sent = transport.send([event(0)], 0.5)
        assert time.monotonic() - start < 5
        assert sent.retry == [0]
        assert transport._loop is None  # abandoned
        transport.close(1)


@pytest.mark.kafka
def test_killed_brokers_cost_the_timeout_and_their_return_heals(
    kafka_cluster: Any,
) -> None:
    cluster = kafka_cluster
    topic = cluster.topic()
    address = f"kafka://{cluster.bootstrap}"
    settings = Settings({"MEETLAT_ENDPOINT": address, "MEETLAT_EVENTS_TOPIC": topic})
    transport = open_transport(settings)
    assert transport.send([event(number) for number in range(50)], 30).retry == []
    for index in (0, 1):
        cluster.kill(index)
    try:
        start = time.monotonic()
        sent = transport.send([event(number) for number in range(50, 100)], 2)
        assert time.monotonic() - start < 8
        assert sent.retry
        assert sent.problem
    finally:
        for index in (0, 1):
            cluster.start(index)
    again = [event(50 + index) for index in sent.retry]
    give_up = time.monotonic() + 60
    while transport.send(again, 10).retry:
        assert time.monotonic() < give_up
    transport.close(2)
    read = Settings({"MEETLAT_LOG": address})
    assert set(ids_in_log(read, topic)()) == {f"id-{number}" for number in range(100)}
