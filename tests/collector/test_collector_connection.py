"""One connection, by bytes: what is a request, what is none, and whose answer is whose.

The transport is a fake, so that hypothesis can cut the bytes wherever it likes; the application
tells which requests it was given.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from meetlat_collector.connection import Connection, Limits, Shared
from meetlat_collector.counters import Counters
from meetlat_collector.http import Answer, CutOffError, Request

HEAD = b"POST /v1/events HTTP/1.1\r\nhost: test\r\n"
GET = b"GET /healthz HTTP/1.1\r\nhost: test\r\n\r\n"
few = settings(max_examples=300, deadline=None)


class FakeTransport(asyncio.Transport):
    """Keeps what is written; says to the protocol what a socket would."""

    def __init__(self, protocol: Connection) -> None:
        super().__init__()
        self.protocol = protocol
        self.written = b""
        self.open = True
        self.sends = True
        self.reading = True
        self.small = False  # the client reads nothing: one answer, and the buffers are full
        protocol.connection_made(self)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert self.open
        assert self.sends
        self.written += bytes(data)
        if self.small:
            self.small = False
            self.protocol.pause_writing()

    def close(self) -> None:
        if self.open:
            self.open = self.reading = False
            asyncio.get_running_loop().call_soon(self.protocol.connection_lost, None)

    def abort(self) -> None:
        self.close()

    def write_eof(self) -> None:
        self.sends = False

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = self.open


@dataclass
class Told:
    """An application that answers 200 with the body, and remembers the requests."""

    requests: list[tuple[str, str, bytes]] = field(default_factory=list)
    cut_off: int = 0
    fault: bool = False
    reads: bool = True
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    async def __call__(self, request: Request) -> Answer | None:
        body = b""
        try:
            while self.reads and (piece := await request.read()):
                body += piece
        except CutOffError:
            self.cut_off += 1
            return None
        self.requests.append((request.method, request.path, body))
        await self.gate.wait()
        return Answer(200, body)


class Talk:
    """A client on a connection."""

    def __init__(self, app: Any, limits: Limits | None = None) -> None:
        self.counters = Counters()
        self.shared = Shared(app, self.counters, limits or Limits(head_bytes=2_000))
        self.shared.date = b"date: now\r\n\r\n"
        self.connection = Connection(self.shared)
        self.transport = FakeTransport(self.connection)

    async def send(self, *pieces: bytes) -> None:
        """Send, and let everything come to rest, as far as the connection reads."""
        for piece in pieces:
            for _ in range(200):
                if self.transport.reading:
                    break
                await asyncio.sleep(0)
            if not self.transport.reading:
                break
            self.shared.buffer[: len(piece)] = piece
            self.connection.buffer_updated(len(piece))
        await self.rest()

    async def end(self) -> None:
        """The client closes its side."""
        if self.transport.open and not self.connection.eof_received():
            self.transport.close()
        await self.rest()

    async def rest(self) -> None:
        """Let what can go on go on."""
        for _ in range(50):
            await asyncio.sleep(0)

    @property
    def answers(self) -> list[tuple[int, bytes]]:
        """Status and body of each answer; 100 Continue has no body."""
        found = []
        rest = self.transport.written
        while rest:
            head, _, rest = rest.partition(b"\r\n\r\n")
            status, *lines = head.split(b"\r\n")
            length = int(dict(line.split(b": ", 1) for line in lines).get(b"content-length", 0))
            found.append((int(status.split()[1]), rest[:length]))
            rest = rest[length:]
        return found

    @property
    def statuses(self) -> list[int]:
        return [status for status, _ in self.answers]

    @property
    def ended(self) -> bool:
        """True when the server says no more on this connection."""
        return not (self.transport.open and self.transport.sends)


def post(body: bytes, more: bytes = b"") -> bytes:
    return HEAD + more + b"content-length: %d\r\n\r\n" % len(body) + body


def chunked(*pieces: bytes, extension: bytes = b"", trailer: bytes = b"") -> bytes:
    parts = [b"%x%s\r\n%s\r\n" % (len(piece), extension, piece) for piece in pieces]
    return b"".join(
        [HEAD, b"transfer-encoding: chunked\r\n\r\n", *parts, b"0\r\n", trailer, b"\r\n"]
    )


# --- smuggling: what two servers could read in two ways is refused, and nothing after it is read

AMBIGUOUS = {
    "length and chunked": HEAD
    + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked and length": HEAD
    + b"transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n",
    "two lengths": HEAD + b"content-length: 2\r\ncontent-length: 3\r\n\r\nabc",
    "the same length twice": HEAD + b"content-length: 2\r\ncontent-length: 2\r\n\r\nab",
    "a list of lengths": HEAD + b"content-length: 2, 2\r\n\r\nab",
    "a signed length": HEAD + b"content-length: +2\r\n\r\nab",
    "a negative length": HEAD + b"content-length: -2\r\n\r\nab",
    "a hexadecimal length": HEAD + b"content-length: 0x2\r\n\r\nab",
    "a length beyond 64 bits": HEAD + b"content-length: 99999999999999999999999\r\n\r\nab",
    "space before the colon": HEAD + b"content-length : 2\r\n\r\nab",
    "a folded header": HEAD + b"x: a\r\n content-length: 2\r\n\r\nab",
    "a bare LF in the head": HEAD + b"x: a\ncontent-length: 2\r\n\r\nab",
    "a bare CR in the head": HEAD + b"x: a\rcontent-length: 2\r\n\r\nab",
    "a bare LF after the request line": b"POST /v1/events HTTP/1.1\nhost: test\r\n\r\n",
    "a bare LF that ends the head": HEAD + b"\n",
    "NUL in a header": HEAD + b"x: a\x00b\r\n\r\n",
    "a header without a name": HEAD + b": a\r\n\r\n",
    "chunked twice": HEAD
    + b"transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked not last": HEAD + b"transfer-encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "a bare LF after a chunk's size": HEAD
    + b"transfer-encoding: chunked\r\n\r\n2\nab\r\n0\r\n\r\n",
    "a negative chunk": HEAD + b"transfer-encoding: chunked\r\n\r\n-2\r\nab\r\n0\r\n\r\n",
    "a chunk beyond 64 bits": HEAD + b"transfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\nab",
    "a chunk longer than it says": HEAD
    + b"transfer-encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n",
    "an unknown method": b"BREW / HTTP/1.1\r\n\r\n",
    "a method in lower case": b"get / HTTP/1.1\r\n\r\n",
    "space before the method": b" GET / HTTP/1.1\r\n\r\n",
    "a target with a space": b"GET /a b HTTP/1.1\r\n\r\n",
    "a target that is no ASCII": b"GET /\xff HTTP/1.1\r\n\r\n",
    "a handshake of TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "HTTP/2 with prior knowledge": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
}


@pytest.mark.parametrize("raw", AMBIGUOUS.values(), ids=AMBIGUOUS.keys())
@pytest.mark.parametrize("cut", [1, 10_000], ids=["byte by byte", "at once"])
async def test_what_can_be_read_in_two_ways_is_400_and_nothing_after_it_is_read(
    raw: bytes, cut: int
) -> None:
    app = Told()
    talk = Talk(app)
    sent = GET + raw + GET
    await talk.send(*[sent[at : at + cut] for at in range(0, len(sent), cut)])
    assert talk.statuses == [200, 400]
    assert talk.ended
    assert app.requests == [("GET", "/healthz", b"")]


@pytest.mark.parametrize("coding", [b"gzip, chunked", b"xchunked", b"identity"])
async def test_another_transfer_coding_is_501_and_nothing_after_it_is_read(coding: bytes) -> None:
    app = Told()
    talk = Talk(app)
    await talk.send(HEAD + b"transfer-encoding: %s\r\n\r\n0\r\n\r\n" % coding + GET)
    assert (talk.statuses, talk.ended) == ([501], True)
    assert app.requests == []


@pytest.mark.parametrize(
    "line", [b"GET / HTTP/2.0", b"GET / HTTP/0.9", b"GET /", b"GET / HTTP/1.7"]
)
async def test_another_version_is_505_or_400(line: bytes) -> None:
    app = Told()
    talk = Talk(app)
    await talk.send(line + b"\r\n\r\n")
    assert talk.ended
    assert talk.statuses[0] in (400, 505)
    assert app.requests == []


async def test_connect_is_405_and_what_follows_is_not_read() -> None:
    app = Told()
    talk = Talk(app)
    await talk.send(b"CONNECT test:443 HTTP/1.1\r\nhost: test\r\n\r\n" + GET)
    assert (talk.statuses, talk.ended, app.requests) == ([405], True, [])


async def test_refusals_before_a_handler_are_counted_and_tell_why() -> None:
    talk = Talk(Told())
    await talk.send(HEAD + b"content-length: x\r\n\r\n")
    assert talk.counters.requests == {("other", "400"): 1}
    assert b"Content-Length" in talk.answers[0][1]


# --- upgrades are not granted, and cost nothing


@pytest.mark.parametrize("cut", [1, 7, 10_000])
async def test_a_request_that_asks_for_another_protocol_is_read_whole_and_the_next_one_too(
    cut: int,
) -> None:
    app = Told()
    talk = Talk(app)
    more = b"connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAM\r\n"
    sent = post(b"hello", more) + post(b"again")
    await talk.send(*[sent[at : at + cut] for at in range(0, len(sent), cut)])
    assert [body for _, _, body in app.requests] == [b"hello", b"again"]
    assert talk.answers == [(200, b"hello"), (200, b"again")]
    assert not talk.ended


# --- one request after another


async def test_pipelined_requests_are_answered_one_after_another_in_order() -> None:
    app = Told()
    app.gate.clear()
    talk = Talk(app)
    await talk.send(post(b"one") + post(b"two") + chunked(b"thr", b"ee") + GET)
    assert [body for _, _, body in app.requests] == [b"one"]
    assert not talk.transport.reading, "a client that is ahead waits"
    app.gate.set()
    await talk.rest()
    assert talk.answers == [(200, b"one"), (200, b"two"), (200, b"three"), (200, b"")]
    assert talk.transport.reading


async def test_a_refusal_waits_for_the_answers_before_it() -> None:
    app = Told()
    app.gate.clear()
    talk = Talk(app)
    await talk.send(post(b"one") + b"nonsense\r\n\r\n")
    assert talk.answers == []
    app.gate.set()
    await talk.rest()
    assert talk.statuses == [200, 400]
    assert talk.ended


async def test_after_connection_close_and_after_http_1_0_nothing_more_is_read() -> None:
    for raw in (
        b"GET /healthz HTTP/1.1\r\nconnection: close\r\n\r\n",
        b"GET /healthz HTTP/1.0\r\n\r\n",
        b"GET /healthz HTTP/1.0\r\nconnection: keep-alive\r\n\r\n",
    ):
        app = Told()
        talk = Talk(app)
        await talk.send(raw + GET + b"nonsense")
        assert (talk.statuses, talk.ended, len(app.requests)) == ([200], True, 1)
        assert talk.counters.requests == {}, "nothing of it is even a refusal"
        assert b"connection: close\r\n" in talk.transport.written


async def test_head_gets_the_head_alone_and_the_next_answer_is_its_own() -> None:
    async def app(request: Request) -> Answer:
        return Answer(200, request.method.encode())

    talk = Talk(app)
    await talk.send(GET.replace(b"GET", b"HEAD"))
    assert b"content-length: 4\r\n" in talk.transport.written
    assert talk.transport.written.endswith(b"\r\n\r\n")
    await talk.send(GET)
    assert talk.transport.written.endswith(b"\r\n\r\nGET")


@pytest.mark.parametrize(
    ("target", "path"),
    [
        (b"/v1/events?x=1#f", "/v1/events"),
        (b"/v1%2fevents", "/v1/events"),
        (b"http://test:4318/v1/events?x", "/v1/events"),
        (b"http://test", "/"),
        (b"*", "*"),
        (b"/v1/%ff", "/v1/\ufffd"),
    ],
)
async def test_the_path_is_what_a_target_names_in_any_form(target: bytes, path: str) -> None:
    app = Told()
    talk = Talk(app)
    await talk.send(b"OPTIONS %s HTTP/1.1\r\nhost: test\r\n\r\n" % target)
    assert app.requests == [("OPTIONS", path, b"")]


async def test_every_answer_has_a_date_and_its_length() -> None:
    talk = Talk(Told())
    await talk.send(post(b"abc"))
    head, _, body = talk.transport.written.partition(b"\r\n\r\n")
    assert head.split(b"\r\n")[0] == b"HTTP/1.1 200 OK"
    assert b"content-length: 3" in head
    assert head.endswith(b"date: now")
    assert body == b"abc"


# --- bodies


async def test_a_body_that_nobody_reads_is_thrown_away_and_the_connection_lives() -> None:
    app = Told(reads=False)
    talk = Talk(app)
    raw = post(b"x" * 100_000)
    await talk.send(raw[:50_000])
    assert talk.statuses == [200], "answered before the body is there"
    await talk.send(raw[50_000:])
    idle = talk.shared.limits.idle_seconds
    assert talk.connection.deadline > talk.shared.loop.time() + idle - 1
    await talk.send(GET)
    assert talk.statuses == [200, 200]
    assert not talk.ended


async def test_a_client_is_not_read_faster_than_its_body_is() -> None:
    reading = asyncio.Event()

    async def app(request: Request) -> Answer:
        await reading.wait()
        size = 0
        while piece := await request.read():
            size += len(piece)
        return Answer(200, b"%d" % size)

    talk = Talk(app)
    raw = post(b"x" * 300_000)
    await talk.send(raw[:100_000], raw[100_000:])
    assert not talk.transport.reading
    reading.set()
    await talk.rest()
    assert talk.transport.reading
    await talk.send(raw[100_000:])
    assert talk.answers == [(200, b"300000")]


async def test_a_client_that_expects_100_gets_it_only_when_its_body_is_wanted() -> None:
    raw = post(b"abc", b"expect: 100-continue\r\n")
    talk = Talk(Told())
    await talk.send(raw[:-3])
    assert talk.statuses == [100]
    await talk.send(raw[-3:])
    assert talk.answers == [(100, b""), (200, b"abc")]
    assert not talk.ended
    refused = Talk(Told(reads=False))
    await refused.send(raw[:-3])
    assert refused.statuses == [200]
    assert refused.ended, "whether the body still comes is not known"


async def test_trailers_and_extensions_of_chunks_are_read_by_nobody() -> None:
    seen: list[Any] = []

    async def app(request: Request) -> Answer:
        while await request.read():
            continue
        seen.append(list(request.headers))
        return Answer(200, b"")

    talk = Talk(app)
    await talk.send(chunked(b"ab", extension=b";a=b", trailer=b"ce-id: 7\r\n") + GET)
    assert talk.statuses == [200, 200]
    assert [name for name, _ in seen[0]] == [b"host", b"transfer-encoding"]
    assert [name for name, _ in seen[1]] == [b"host"]


@pytest.mark.parametrize(
    "flood",
    [
        b"GET / HTTP/1.1\r\nx: " + b"y" * 3_000,
        b"GET /" + b"y" * 3_000,
        b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 600 + b"\r\n",
        b"\r\n" * 1_500,
        HEAD + b"transfer-encoding: chunked\r\n\r\n1;" + b"y" * 3_000,
        HEAD + b"transfer-encoding: chunked\r\n\r\n0\r\nx: " + b"y" * 3_000,
    ],
    ids=["a header", "a target", "many headers", "empty lines", "an extension", "a trailer"],
)
@pytest.mark.parametrize("cut", [100, 10_000])
async def test_whatever_is_no_body_is_bounded(flood: bytes, cut: int) -> None:
    talk = Talk(Told())
    await talk.send(*[flood[at : at + cut] for at in range(0, len(flood), cut)])
    assert (talk.statuses, talk.ended) == ([431], True)


async def test_a_body_is_not_counted_as_head_however_long() -> None:
    talk = Talk(Told())
    body = b"x" * 200_000
    await talk.send(post(body), chunked(*[body[:1_500]] * 100))
    assert [len(body) for _, body in talk.answers] == [200_000, 150_000]


# --- the client goes, or does not listen


@pytest.mark.parametrize("more", [b"", b"GET /he"])
async def test_a_client_that_ends_its_side_still_gets_the_answers_to_whole_requests(
    more: bytes,
) -> None:
    app = Told()
    app.gate.clear()
    talk = Talk(app)
    await talk.send(post(b"one") + post(b"two") + more)
    await talk.end()
    app.gate.set()
    await talk.rest()
    assert talk.answers == [(200, b"one"), (200, b"two")]
    assert not talk.transport.open
    assert not talk.shared.tasks


@pytest.mark.parametrize("abrupt", [False, True])
async def test_a_client_that_goes_in_the_middle_of_a_body_frees_its_handler(abrupt: bool) -> None:
    app = Told()
    talk = Talk(app)
    await talk.send(post(b"one")[:-1])
    if abrupt:
        talk.transport.close()
        await talk.rest()
    else:
        await talk.end()
    assert (app.cut_off, app.requests, talk.answers) == (1, [], [])
    assert not talk.shared.tasks
    assert not talk.shared.connections


async def test_a_client_that_does_not_read_its_answers_gets_no_more_until_it_does() -> None:
    talk = Talk(Told())
    talk.transport.small = True
    await talk.send(post(b"one") + post(b"two"))
    assert talk.answers == [(200, b"one")]
    assert not talk.transport.reading
    talk.connection.resume_writing()
    await talk.rest()
    assert talk.statuses == [200, 200]
    assert talk.transport.reading


async def test_a_client_that_never_reads_its_answers_is_dropped_in_the_end() -> None:
    talk = Talk(Told())
    talk.transport.small = True
    await talk.send(post(b"one") + post(b"two"))
    now = talk.shared.loop.time()
    assert talk.connection.deadline <= now + talk.shared.limits.idle_seconds
    talk.connection.expire(now + 1_000)
    await talk.rest()
    assert not talk.transport.open
    assert not talk.shared.tasks


async def test_a_refused_client_has_a_moment_to_read_why_before_the_connection_goes() -> None:
    talk = Talk(Told())
    await talk.send(b"nonsense\r\n\r\n", GET)
    assert talk.statuses == [400]
    assert talk.transport.open, "closing at once could take the answer away from it"
    assert talk.transport.reading
    talk.connection.expire(talk.connection.deadline + 1)
    assert not talk.transport.open


async def test_a_request_in_a_slow_log_is_not_late() -> None:
    app = Told()
    app.gate.clear()
    talk = Talk(app)
    await talk.send(post(b"one"))
    talk.connection.expire(talk.shared.loop.time() + 10_000)
    app.gate.set()
    await talk.rest()
    assert talk.statuses == [200]
    assert not talk.ended


async def test_an_idle_connection_is_closed_without_a_word_when_its_time_is_over() -> None:
    talk = Talk(Told())
    await talk.send(GET)
    limits = talk.shared.limits
    assert talk.connection.deadline >= talk.shared.loop.time() + limits.idle_seconds - 1
    talk.connection.expire(talk.connection.deadline + 1)
    assert (talk.statuses, talk.transport.open) == ([200], False)


async def test_a_fault_of_the_parsers_own_callbacks_is_500_and_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: Connection) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(Connection, "on_headers_complete", broken)
    talk = Talk(Told())
    with caplog.at_level(logging.ERROR):
        await talk.send(GET)
    assert (talk.statuses, talk.ended) == ([500], True)
    assert "a bug" in caplog.text


# --- however the bytes are cut

bodies = st.binary(max_size=300)
requests = st.one_of(
    bodies.map(post),
    st.lists(bodies.filter(bool), max_size=4).map(lambda pieces: chunked(*pieces)),
    st.just(GET),
    st.just(b"\r\n" + GET),
    bodies.map(lambda body: post(body, b"connection: upgrade\r\nupgrade: h2c\r\n")),
    bodies.map(lambda body: post(body, b"expect: 100-continue\r\n")),
)
tails = st.sampled_from(
    [b"", *AMBIGUOUS.values(), b"GET / HTTP/1.0\r\n\r\n", GET[:-2], post(b"x")[:-1]]
)


async def outcome(sent: bytes, cuts: Sequence[int]) -> tuple[Any, ...]:
    app = Told()
    talk = Talk(app)
    edges = [0, *sorted({cut % (len(sent) + 1) for cut in cuts}), len(sent)]
    pieces = [sent[a:b] for a, b in pairwise(edges) if a < b]
    await talk.send(*pieces)
    await talk.end()
    assert not talk.shared.tasks
    answers = [(status, body) for status, body in talk.answers if status != 100]
    refusals = [status for status, _ in answers if status != 200]
    return app.requests, [one for one in answers if one[0] == 200], refusals


@few
@given(st.lists(requests, max_size=5), tails, st.lists(st.integers(0, 5_000), max_size=40))
@example([post(b"ab")], b"", list(range(200)))
def test_cut_anywhere_the_requests_and_answers_are_the_same(
    sent: list[bytes], tail: bytes, cuts: list[int]
) -> None:
    raw = b"".join(sent) + tail
    whole = asyncio.run(outcome(raw, []))
    assert asyncio.run(outcome(raw, cuts)) == whole
    assert [body for _, _, body in whole[0]] == [body for _, body in whole[1]]
    assert len(whole[0]) >= len(sent)


async def cut_off(raw: bytes, abrupt: bool) -> tuple[Told, Talk]:
    app = Told()
    talk = Talk(app)
    await talk.send(raw)
    if abrupt:
        talk.transport.close()
        await talk.rest()
    else:
        await talk.end()
    assert not talk.shared.tasks
    assert not talk.transport.open
    return app, talk


@few
@given(st.lists(bodies.filter(bool), min_size=1, max_size=4), st.booleans(), st.data())
def test_a_request_cut_off_anywhere_is_never_taken(
    pieces: list[bytes], in_chunks: bool, data: st.DataObject
) -> None:
    """With a length or in chunks: half a body is no body, however the client goes."""
    raw = chunked(*pieces) if in_chunks else post(b"".join(pieces))
    cut = data.draw(st.integers(0, len(raw) - 1) | st.integers(max(0, len(raw) - 6), len(raw) - 1))
    app, talk = asyncio.run(cut_off(raw[:cut], data.draw(st.booleans())))
    assert (app.requests, talk.answers) == ([], [])
    begun = cut >= raw.index(b"\r\n\r\n") + 4
    assert app.cut_off == int(begun), "its handler is told, and so it is counted"


@few
@given(st.binary(max_size=400), st.lists(st.integers(0, 400), max_size=10), st.booleans())
def test_any_bytes_at_all_are_answered_or_waited_for_and_never_a_fault(
    noise: bytes, cuts: list[int], after_head: bool
) -> None:
    raw = HEAD * after_head + noise
    requests, _, refusals = asyncio.run(outcome(raw, cuts))
    assert set(refusals) <= {400, 405, 431, 501, 505}
    assert len(refusals) <= 1
    assert asyncio.run(outcome(raw, []))[0] == requests
