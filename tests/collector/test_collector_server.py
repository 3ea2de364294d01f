"""Slow, greedy and rude clients, over real sockets: limits hold, and the others go on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.collector_http import Client, ids_in, request, running, settings, until
from support.events import encode, envelope, event

from meetlat.contract.envelope import BATCHED
from meetlat_collector.server import Limits
from meetlat_collector.service import Collector

TIGHT = Limits(head_bytes=2_000, head_seconds=0.3, request_seconds=0.6, connections=20)


@pytest.fixture
async def collector(tmp_path: Path) -> AsyncIterator[Collector]:
    async with running(Collector(settings(tmp_path), limits=TIGHT)) as started:
        yield started


def counted(collector: Collector, path: str, code: str) -> int:
    return collector.counters.requests[path, code]


async def test_one_connection_serves_many_requests_also_pipelined(
    collector: Collector, tmp_path: Path
) -> None:
    client = await Client.connect(collector.url)
    assert (await client.post(encode(envelope(id="0")))).status == 202
    client.send(b"".join(request(encode(envelope(id=str(i)))) for i in range(1, 6)))
    assert [(await client.reply()).status for _ in range(5)] == [202] * 5
    assert await ids_in(tmp_path / "log") == [str(i) for i in range(6)]
    await client.close()


async def test_a_body_in_many_pieces_and_one_in_chunks_arrive_whole(
    collector: Collector, tmp_path: Path
) -> None:
    client = await Client.connect(collector.url)
    raw = request(encode(envelope(id="pieces")))
    for start in range(0, len(raw), 50):
        client.send(raw[start : start + 50])
        await client.writer.drain()
        await asyncio.sleep(0)
    assert (await client.reply()).status == 202
    body = encode(envelope(id="chunks"))
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in (body[:9], body[9:])) + b"0\r\n\r\n"
    head = request(b"", more="transfer-encoding: chunked\r\n")
    client.send(head.replace(b"content-length: 0\r\n", b"") + chunks)
    assert (await client.reply()).status == 202
    assert await ids_in(tmp_path / "log") == ["pieces", "chunks"]
    await client.close()


async def test_a_client_that_waits_for_100_continue_gets_it(collector: Collector) -> None:
    client = await Client.connect(collector.url)
    raw = request(event(), more="expect: 100-continue\r\n")
    client.send(raw[: -len(event())])
    async with asyncio.timeout(5):
        assert (await client.reader.readline()).startswith(b"HTTP/1.1 100")
    await client.reader.readline()
    client.send(event())
    assert (await client.reply()).status == 202
    await client.close()


async def test_a_head_that_comes_too_slowly_is_408_and_closed(collector: Collector) -> None:
    silent = await Client.connect(collector.url)
    slow = await Client.connect(collector.url)
    slow.send(b"POST /v1/events HTTP/1.1\r\nx-drip: ")
    assert (await slow.reply()).status == 408
    assert await slow.closed()
    assert await silent.closed()
    assert counted(collector, "other", "408") == 2


async def test_a_second_head_that_comes_too_slowly_is_closed_too(collector: Collector) -> None:
    client = await Client.connect(collector.url)
    assert (await client.post(event())).status == 202
    client.send(b"POST /v1/ev")
    assert (await client.reply()).status == 408
    assert await client.closed()


async def test_a_body_that_comes_too_slowly_is_408_and_counted_as_cut_off(
    collector: Collector, tmp_path: Path
) -> None:
    client = await Client.connect(collector.url)
    client.send(request(event())[:-5])
    assert (await client.reply()).status == 408
    assert await client.closed()
    await until(lambda: counted(collector, "/v1/events", "disconnected") == 1, "the count")
    assert collector.counters.refused == {"body": 1}
    assert await ids_in(tmp_path / "log") == []


async def test_an_idle_connection_is_left_alone_while_it_asks_for_nothing(
    collector: Collector,
) -> None:
    idle = await Client.connect(collector.url)
    assert (await idle.post(event())).status == 202
    slow = await Client.connect(collector.url)
    assert (await slow.reply()).status == 408
    assert await slow.closed()
    assert (await idle.post(event())).status == 202
    await idle.close()


async def test_a_flood_of_headers_is_431_and_closed(collector: Collector) -> None:
    for flood in (b"x: " + b"y" * 5_000, b"x: y\r\n" * 1_000):
        client = await Client.connect(collector.url)
        client.send(b"POST /v1/events HTTP/1.1\r\n" + flood)
        assert (await client.reply()).status == 431
        assert await client.closed()
    assert counted(collector, "other", "431") == 2


async def test_what_is_not_http_is_400_and_counted(collector: Collector) -> None:
    client = await Client.connect(collector.url)
    client.send(b"\x16\x03\x01 hello\r\n\r\n")
    assert (await client.reply()).status == 400
    assert await client.closed()
    assert counted(collector, "other", "400") == 1


async def test_a_body_cut_off_by_the_client_appends_nothing_and_is_counted(
    collector: Collector, tmp_path: Path
) -> None:
    client = await Client.connect(collector.url)
    client.send(request(event())[:-1])
    await client.writer.drain()
    await client.close()
    await until(lambda: counted(collector, "/v1/events", "disconnected") == 1, "the count")
    assert collector.counters.in_flight == 0
    assert await ids_in(tmp_path / "log") == []


async def test_a_413_reaches_a_client_that_keeps_sending_and_the_connection_lives(
    collector: Collector,
) -> None:
    client = await Client.connect(collector.url)
    client.send(request(b" " * 8_000_001, BATCHED))
    assert (await client.reply()).status == 413
    assert (await client.post(event())).status == 202
    await client.close()


async def test_one_connection_too_many_is_503_and_the_others_go_on(collector: Collector) -> None:
    clients = [await Client.connect(collector.url) for _ in range(20)]
    assert [(await client.post(event())).status for client in clients] == [202] * 20
    late = await Client.connect(collector.url)
    reply = await late.reply()
    assert (reply.status, reply.headers["retry-after"]) == (503, "2")
    assert await late.closed()
    assert (await clients[0].post(event())).status == 202
    for client in clients:
        await client.close()
