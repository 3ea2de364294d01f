"""The collector as a service: start, chores, and a shutdown that loses nothing."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from contextlib import suppress
from pathlib import Path

import pytest
from support.collector_http import (
    NOON,
    Client,
    FakeLog,
    ids_in,
    read_log,
    request,
    running,
    settings,
    until,
)
from support.events import encode, envelope, event

from meetlat.contract.envelope import BATCHED
from meetlat.contract.fast import read_fast
from meetlat.errors import LogError, MeetlatError, SettingError
from meetlat_collector.server import Limits
from meetlat_collector.service import Collector

DAY = 86_400_000_000


async def started_and_stopped(collector: Collector) -> None:
    async with running(collector):
        pass


# --- start


async def test_it_says_where_it_listens_that_it_is_loopback_and_where_events_go(
    tmp_path: Path,
) -> None:
    said: list[str] = []
    async with running(Collector(settings(tmp_path), say=said.append)) as collector:
        assert collector.url.startswith("http://127.0.0.1:")
        assert said == [
            f"collecting at {collector.url} (this machine only) into embedded:{tmp_path / 'log'}"
        ]


@pytest.mark.parametrize("host", ["0.0.0.0", "[::]"])
async def test_it_refuses_to_listen_beyond_loopback_unless_told(tmp_path: Path, host: str) -> None:
    where = f"{host}:0"
    collector = Collector(settings(tmp_path, collector_listen=where))
    with pytest.raises(SettingError, match=r"open to other machines.*MEETLAT_COLLECTOR_EXPOSE"):
        await collector.startup()
    await collector.shutdown(1)


async def test_told_to_it_listens_beyond_loopback_and_says_so(tmp_path: Path) -> None:
    said: list[str] = []
    exposed = settings(tmp_path, collector_listen="0.0.0.0:0", collector_expose=True)
    await started_and_stopped(Collector(exposed, say=said.append))
    assert "(open to other machines)" in said[0]


async def test_localhost_is_loopback(tmp_path: Path) -> None:
    await started_and_stopped(Collector(settings(tmp_path, collector_listen="localhost:0")))


async def test_a_port_that_is_taken_is_one_line_with_a_remedy(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        collector = Collector(settings(tmp_path, collector_listen=where))
        with pytest.raises(MeetlatError, match=f"cannot listen on {where}.*--listen"):
            await collector.startup()
        await collector.shutdown(1)


async def test_a_host_that_is_none_is_one_line(tmp_path: Path) -> None:
    collector = Collector(settings(tmp_path, collector_listen="no such host:4318"))
    with pytest.raises(SettingError, match="is no address"):
        await collector.startup()
    await collector.shutdown(1)


async def test_a_log_that_cannot_be_opened_stops_the_start_and_frees_the_port(
    tmp_path: Path,
) -> None:
    log = FakeLog(fault=LogError("the broker does not answer", retry=True))
    collector = Collector(settings(tmp_path), writer=log)
    with pytest.raises(LogError):
        await collector.startup()
    url = collector.url
    await collector.shutdown(1)
    with pytest.raises(ConnectionRefusedError):
        await Client.connect(url)


async def test_memory_too_small_for_a_body_is_refused_at_start(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="MEETLAT_MAX_WAITING_BYTES"):
        await Collector(settings(tmp_path, max_waiting_bytes=1)).startup()


# --- many at once


async def test_64_clients_at_once_every_event_answered_202_is_in_the_log_exactly_once(
    tmp_path: Path,
) -> None:
    sent: list[str] = []

    async def one(number: int) -> None:
        client = await Client.connect(collector.url)
        for turn in range(25):
            if turn % 5:
                ids = [f"{number}-{turn}"]
                reply = await client.post(encode(envelope(id=ids[0])))
            else:
                ids = [f"{number}-{turn}-{part}" for part in range(7)]
                batch = b",".join(encode(envelope(id=i)) for i in ids)
                reply = await client.post(b"[" + batch + b"]", BATCHED)
            assert (reply.status, reply.json()["accepted"]) == (202, len(ids))
            sent.extend(ids)
        await client.close()

    async with running(Collector(settings(tmp_path))) as collector:
        await asyncio.gather(*(one(number) for number in range(64)))
        assert collector.counters.accepted == len(sent) == 64 * (20 + 5 * 7)
        commits = sum(collector.counters._appends)
        assert commits == 64 * 25
    assert sorted(await ids_in(tmp_path / "log")) == sorted(sent)
    blocks = len({record.append_time for record in await read_log(tmp_path / "log")})
    assert blocks < commits / 2, "concurrent requests share a commit"


# --- chores


async def test_a_report_is_kept_when_counts_changed_and_at_the_end(tmp_path: Path) -> None:
    log = FakeLog()
    collector = Collector(
        settings(tmp_path), writer=log, clock=lambda: NOON, chores_seconds=0.02
    )  # fmt: skip
    async with running(collector):
        client = await Client.connect(collector.url)
        await client.post(b"[" + event() + b",{},7]", BATCHED)
        await until(lambda: len(log.messages) == 2, "the first report")
        chores = len(log.trimmed)
        await until(lambda: len(log.trimmed) > chores + 1, "two more rounds of chores")
        assert len(log.messages) == 2, "no report without a change"
        await client.post(event())
        await client.close()
    first, last = (read_fast(m.value) for m in log.messages if b"collector_report" in m.value[:400])
    assert first is not None
    assert last is not None
    assert first.source.startswith("/meetlat/collector/")
    assert first.data.started == first.time
    assert (first.data.emitted, first.data.refused) == (1, {"schema": 1, "unreadable": 1})
    assert (last.data.emitted, last.data.refused) == (2, {"schema": 1, "unreadable": 1})
    assert first.id != last.id


async def test_a_report_that_could_not_be_kept_is_made_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = FakeLog()
    collector = Collector(settings(tmp_path), writer=log, chores_seconds=0.02)
    async with running(collector):
        client = await Client.connect(collector.url)
        log.fault = LogError("away", retry=True)
        assert (await client.post(b"{}")).status == 400
        with caplog.at_level(logging.WARNING):
            await until(lambda: "report was not kept: away" in caplog.text, "the warning")
        log.fault = None
        await until(lambda: len(log.messages) >= 1, "the report")
        await client.close()
    assert json.loads(log.messages[-1].value)["data"]["refused"] == {"schema": 1}


async def test_the_log_is_trimmed_of_what_is_older_than_its_retention(tmp_path: Path) -> None:
    log = FakeLog()
    collector = Collector(
        settings(tmp_path, log_retention_days=2),
        writer=log,
        clock=lambda: NOON,
        chores_seconds=0.02,
    )
    async with running(collector):
        await until(lambda: bool(log.trimmed), "the trimming")
    assert set(log.trimmed) == {int(NOON) * 1_000_000 - 2 * DAY}


# --- shutdown


async def test_shutdown_finishes_requests_under_way_and_then_takes_none(tmp_path: Path) -> None:
    log = FakeLog()
    stop = asyncio.Event()
    collector = Collector(settings(tmp_path), writer=log)
    await collector.startup()
    run = asyncio.create_task(collector.run(stop))
    url = collector.url
    idle, busy, partial = [await Client.connect(url) for _ in range(3)]
    assert (await idle.post(event())).status == 202
    log.open.clear()
    busy.send(request(encode(envelope(id="busy"))))
    raw = request(encode(envelope(id="partial")))
    partial.send(raw[:-5])
    await until(lambda: collector.counters.in_flight == 2, "both requests")
    await until(lambda: log.entered == 2, "the append")
    stop.set()
    await run
    ending = asyncio.create_task(collector.shutdown(10))
    await asyncio.sleep(0)
    with suppress(ConnectionError):  # closed, or told to come back: taken no more
        assert (await idle.post(encode(envelope(id="late")))).status == 503
    assert await idle.closed()
    with pytest.raises(ConnectionRefusedError):
        await Client.connect(url)
    partial.send(raw[-5:])
    # Its handler judged before the stop, or is told to come back: never silence, never a loss.
    log.open.set()
    assert (await busy.reply()).status == 202
    late = await partial.reply()
    await ending
    assert await busy.closed()
    assert await partial.closed()
    stored = [json.loads(message.value)["id"] for message in log.messages]
    assert "busy" in stored
    assert "late" not in stored
    assert (late.status == 202) == ("partial" in stored)


async def test_shutdown_does_not_wait_for_ever_for_a_body_or_a_log(tmp_path: Path) -> None:
    log = FakeLog()
    collector = Collector(settings(tmp_path), writer=log, limits=Limits(request_seconds=600))
    stop = asyncio.Event()
    await collector.startup()
    run = asyncio.create_task(collector.run(stop))
    stuck, partial = [await Client.connect(collector.url) for _ in range(2)]
    log.open.clear()
    stuck.send(request(event()))
    partial.send(request(event())[:-5])
    await until(lambda: collector.counters.in_flight == 2, "both requests")
    stop.set()
    await run
    loop = asyncio.get_running_loop()
    began = loop.time()
    with pytest.raises(TimeoutError):  # the fake log's close, which never opens
        await collector.shutdown(3)
    assert loop.time() - began < 6
    assert (await stuck.reply()).status == 503
    assert (await partial.reply()).status == 503
    assert await stuck.closed()
    assert await partial.closed()


async def test_at_shutdown_a_body_that_does_not_come_is_not_waited_for_to_the_end(
    tmp_path: Path,
) -> None:
    collector = Collector(settings(tmp_path))
    await collector.startup()
    partial = await Client.connect(collector.url)
    partial.send(request(event())[:-5])
    await until(lambda: collector.counters.in_flight == 1, "the request")
    loop = asyncio.get_running_loop()
    began = loop.time()
    await collector.shutdown(12)
    assert loop.time() - began < 8
    assert (await partial.reply()).status == 503
    assert await partial.closed()
