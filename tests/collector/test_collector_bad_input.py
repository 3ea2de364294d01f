"""Bad input over HTTP: its answer, its count in /metrics, and that nothing else is lost by it.

Each case goes to the real server with a real log, between two honest events of another client.
"""

from __future__ import annotations

import asyncio
import gzip
import re
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support.collector_http import Client, ids_in, request, running, settings, until
from support.events import MINIMAL, encode, envelope

from meetlat.contract.envelope import BATCHED, MAX_EVENT_BYTES, STRUCTURED
from meetlat_collector.connection import Limits
from meetlat_collector.service import Collector

CALL = MINIMAL["interaction"]
AHEAD = (datetime.now(UTC) + timedelta(hours=1)).isoformat()


@dataclass(frozen=True)
class Case:
    """What is sent, and what is to come of it: `kept` are the ids of it that the log holds."""

    name: str
    body: bytes
    status: int
    error: str = ""
    media: str = STRUCTURED
    more: str = ""
    kept: tuple[str, ...] = ()
    refused: int = 1


def taken(name: str, body: bytes, *kept: str, media: str = STRUCTURED) -> Case:
    """Looks bad, and is taken."""
    return Case(name, body, 202, media=media, kept=kept, refused=0)


def call(**data: object) -> bytes:
    return encode(envelope("interaction", id="bad", data={**CALL, **data}))


def raw(field: bytes) -> bytes:
    """An interaction with `field` in its data, byte for byte."""
    return call()[:-2] + b"," + field + b"}}"


def batch(*events: bytes) -> bytes:
    return b"[" + b",".join(events) + b"]"


def good(event_id: str) -> bytes:
    return encode(envelope(id=event_id))


PACKED = gzip.compress(good("1"))
BOMB = gzip.compress(bytes(64_000_000), 9)
GZIP = "content-encoding: gzip\r\n"
NESTED = b"[" * 100_000 + b"]" * 100_000
CASES = [
    Case("not JSON", b"hello", 400, "event: invalid JSON"),
    Case("nothing", b"", 400, "event: invalid JSON"),
    Case("cut off JSON", good("1")[:-1], 400, "event: invalid JSON"),
    Case("a number", b"7", 400, "event: input should be an object"),
    Case("two events in a row", good("1") + good("2"), 400, "event: invalid JSON"),
    Case("no tool", encode(envelope("interaction", data={"status": "ok"})), 400, "data.tool:"),
    Case("no source", encode(envelope(source=None)), 400, "source:"),
    Case("another CloudEvents version", encode(envelope(specversion="0.3")), 400, "specversion:"),
    Case("1 MB in one event", call(tool="x" * 1_000_000), 413, f"at most {MAX_EVENT_BYTES} bytes"),
    Case("NUL in a text", call(model="a\x00b"), 400, "data.model:"),
    Case("a NUL byte", raw(b'"model":"a\x00b"'), 400, "event: "),
    Case("a NUL byte after the event", good("1") + b"\x00", 400, "event: invalid JSON"),
    Case("invalid UTF-8", raw(b'"model":"\xff\xfe"'), 400, "event: "),
    Case("half a surrogate pair", raw(b'"model":"\\ud800"'), 400, "event: "),
    Case("UTF-16", good("1").decode().encode("utf-16"), 400, "event: "),
    Case("a negative duration", call(duration=-1), 400, "data.duration:"),
    Case("a duration of years", call(duration=1e12), 400, "data.duration:"),
    Case("half a token", call(input_tokens=1.5), 400, "data.input_tokens:"),
    Case("more tokens than fit", call(input_tokens=2**70), 400, "data.input_tokens:"),
    Case("a number of 5,000 digits", raw(b'"input_tokens":' + b"9" * 5_000), 400, ""),
    Case("a number beyond a double", raw(b'"duration":1e999'), 400, ""),
    Case("NaN", raw(b'"duration":NaN'), 400, ""),
    Case("Infinity", raw(b'"duration":-Infinity'), 400, ""),
    Case("NaN in a field of one's own", raw(b'"own":NaN'), 400, "event: "),
    Case("deep nesting", raw(b'"own":' + NESTED), 400, "recursion limit"),
    Case("deep nesting in a batch", NESTED, 400, "nested", media=BATCHED),
    Case("an hour ahead", encode(envelope(time=AHEAD)), 400, "time: "),
    Case("no day", encode(envelope(time="2026-02-30T00:00:00Z")), 400, "time: "),
    Case("a time without its zone", encode(envelope(time="2026-03-02T00:00:00")), 400, "time: "),
    Case("a plain name", call(user="Jan Jansen"), 400, "data.user:"),
    taken("years old", encode(envelope(id="old", time="2009-01-01T00:00:00Z")), "old"),
    taken("an unknown type", encode(envelope("later", id="new")), "new"),
    taken("an unknown field", call(own={"a": [1]}), "bad"),
    taken("twice in a batch", batch(good("2"), good("2")), "2", "2", media=BATCHED),
    Case(
        "bad ones among good ones",
        batch(good("1"), b"7", call(duration=-1), good("2"), call(tool="x" * 300_000)),
        202, '"index":4', media=BATCHED, kept=("1", "2"), refused=3,
    ),
    Case("a batch with one that is not JSON", batch(good("1"), b"x"), 400, "body: is not JSON",
         media=BATCHED),
    Case("no array", good("1"), 400, "body: a batch is a JSON array", media=BATCHED),
    Case("a gzip bomb", BOMB, 413, "body: is over", media=BATCHED, more=GZIP),
    Case("a bomb in many members", gzip.compress(bytes(3_000_000)) * 20, 413, "body: is over",
         media=BATCHED, more=GZIP),
    Case("gzip that is none", good("1"), 400, "is not gzip", more=GZIP),
    Case("gzip cut off", PACKED[:-9], 400, "cut off", more=GZIP),
    Case("gzip with a wrong sum", PACKED[:-8] + bytes(8), 400, "is not gzip", more=GZIP),
    Case("zlib for gzip", zlib.compress(good("1")), 400, "is not gzip", more=GZIP),
    Case("another coding", good("1"), 415, "content-encoding:", more="content-encoding: br\r\n"),
    Case("a form", good("1"), 415, "content-type:", media="application/x-www-form-urlencoded"),
    Case("no ce- headers", good("1"), 415, "content-type:", media="application/json"),
    Case("Latin-1", good("1"), 415, "only UTF-8", media=f"{STRUCTURED}; charset=latin-1"),
]  # fmt: skip


async def metrics(collector: Collector) -> dict[str, int]:
    """The collector's counters, as Prometheus sees them."""
    client = await Client.connect(collector.url)
    text = (await client.get("/metrics")).body.decode()
    await client.close()
    found = re.findall(r"^meetlat_collector_(\S+) ([0-9.]+)$", text, re.MULTILINE)
    return {name: int(float(value)) for name, value in found}


async def reported(collector: Collector) -> tuple[int, int]:
    """Events accepted and refused, from /metrics."""
    counts = await metrics(collector)
    return counts['events_total{result="accepted"}'], counts['events_total{result="refused"}']


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_bad_input_has_its_answer_is_counted_and_costs_nobody_else_anything(
    tmp_path: Path, case: Case
) -> None:
    async with running(Collector(settings(tmp_path))) as collector:
        honest = await Client.connect(collector.url)
        bad = await Client.connect(collector.url)
        assert (await honest.post(good("before"))).status == 202
        bad.send(request(case.body, case.media, case.more))
        reply = await bad.reply()
        assert (reply.status, reply.json()["accepted"]) == (case.status, len(case.kept))
        assert case.error in reply.body.decode()
        assert (await bad.post(good("same connection"))).status == 202
        assert (await honest.post(good("after"))).status == 202
        assert await reported(collector) == (3 + len(case.kept), case.refused)
        answers = await metrics(collector)
        assert answers[f'requests_total{{code="{case.status}",path="/v1/events"}}'] == (
            4 if case.status == 202 else 1
        )
        assert answers["requests_in_flight"] == 1, "this very request"
        await bad.close()
        await honest.close()
    assert await ids_in(tmp_path / "log") == ["before", *case.kept, "same connection", "after"]


# --- a length that is not the body's


async def test_a_body_shorter_than_its_length_is_waited_for_and_then_refused(
    tmp_path: Path,
) -> None:
    limits = Limits(head_seconds=0.3, request_seconds=0.3)
    async with running(Collector(settings(tmp_path), limits=limits)) as collector:
        client = await Client.connect(collector.url)
        client.send(request(good("1")).replace(b"content-length: 1", b"content-length: 2"))
        assert (await client.reply()).status == 408
        assert await client.closed()
        assert await reported(collector) == (0, 1)
    assert await ids_in(tmp_path / "log") == []


async def test_a_body_longer_than_its_length_is_cut_there_and_the_rest_is_no_request(
    tmp_path: Path,
) -> None:
    async with running(Collector(settings(tmp_path))) as collector:
        client = await Client.connect(collector.url)
        client.send(request(good("1")) + good("2"))
        assert (await client.reply()).status == 202
        assert (await client.reply()).status == 400
        assert await client.closed()
        assert (await metrics(collector))['requests_total{code="400",path="other"}'] == 1
    assert await ids_in(tmp_path / "log") == ["1"]


@pytest.mark.parametrize("length", ["-1", "+5", "5,5", "0x5", "9" * 30, "five", ""])
async def test_a_length_that_is_no_number_is_400_and_closed(tmp_path: Path, length: str) -> None:
    async with running(Collector(settings(tmp_path))) as collector:
        client = await Client.connect(collector.url)
        head = request(b"").replace(b"content-length: 0", b"content-length: " + length.encode())
        client.send(head + good("1"))
        assert (await client.reply()).status == 400
        assert await client.closed()
        assert (await metrics(collector))['requests_total{code="400",path="other"}'] == 1
    assert await ids_in(tmp_path / "log") == []


async def test_a_length_beyond_the_cap_is_413_before_a_byte_of_the_body(tmp_path: Path) -> None:
    async with running(Collector(settings(tmp_path))) as collector:
        client = await Client.connect(collector.url)
        client.send(request(b"").replace(b"content-length: 0", b"content-length: 999999999999"))
        assert (await client.reply()).status == 413
        assert await reported(collector) == (0, 1)
        await client.close()


# --- many slow clients


async def drip(client: Client, raw: bytes, stop: asyncio.Event) -> None:
    """A byte now and then."""
    for at in range(len(raw)):
        client.send(raw[at : at + 1])
        try:
            await asyncio.wait_for(stop.wait(), 0.25)
        except TimeoutError:
            continue
        break


async def test_a_thousand_slow_clients_are_cut_off_in_time_and_honest_ones_never_wait_for_them(
    tmp_path: Path,
) -> None:
    limits = Limits(head_seconds=2, request_seconds=3, idle_seconds=2)
    async with running(Collector(settings(tmp_path), limits=limits)) as collector:
        stop = asyncio.Event()
        honest = [await Client.connect(collector.url) for _ in range(8)]
        slow = [await Client.connect(collector.url) for _ in range(1_000)]
        whole = request(good("slow"))
        head = whole.index(b"\r\n\r\n") + 4
        idle = slow[900:]
        for client in idle:
            client.send(whole.replace(b'"slow"', b'"idle"'))
        dripping = [asyncio.create_task(drip(client, whole, stop)) for client in slow[:450]]
        for client in slow[450:900]:
            client.send(whole[:head])
            dripping.append(asyncio.create_task(drip(client, whole[head:-5], stop)))

        answered = 0

        async def serve(client: Client, number: int) -> None:
            nonlocal answered
            for turn in range(25):
                assert (await client.post(good(f"{number}-{turn}"))).status == 202
                answered += 1
                await asyncio.sleep(0.05)

        await asyncio.gather(*(serve(client, number) for number, client in enumerate(honest)))
        assert answered == 200, "all of them, while the slow ones were there"
        for client in idle:
            assert (await client.reply()).status == 202
        for client in slow[:900]:
            assert (await client.reply()).status == 408
        await until(lambda: all(client.reader.at_eof() for client in idle), "idle ones are closed")
        stop.set()
        await asyncio.gather(*dripping)
        counts = await metrics(collector)
        assert counts['requests_total{code="408",path="other"}'] == 450
        assert counts['requests_total{code="disconnected",path="/v1/events"}'] == 450
        assert await reported(collector) == (300, 450)
        for client in (*slow, *honest):
            await client.close()
    stored = await ids_in(tmp_path / "log")
    assert len(stored) == 300
    assert set(stored) == {"idle", *(f"{n}-{turn}" for n in range(8) for turn in range(25))}
