"""Asking the collector in tests: in process, over a socket, and as a program."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from meetlat.contract.envelope import BATCHED, STRUCTURED
from meetlat.errors import LogError
from meetlat.logs.base import LogWriter, Message, Record
from meetlat.logs.embedded import EmbeddedReader
from meetlat.settings import Settings
from meetlat_collector.app import App
from meetlat_collector.counters import Counters
from meetlat_collector.events import Events
from meetlat_collector.http import Request
from meetlat_collector.person import Pseudonyms
from meetlat_collector.service import Collector

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC).timestamp()  # of the day whose midnight is MONDAY
TOPIC = "meetlat.events.v1"
DEADLINE = 30.0


@dataclass(frozen=True)
class Reply:
    """One HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class FakeLog:
    """A LogWriter in memory, for faults that a real one cannot be made to have on command."""

    messages: list[Message] = field(default_factory=list)
    fault: LogError | None = None
    open: asyncio.Event = field(default_factory=asyncio.Event)
    entered: int = 0
    trimmed: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.open.set()

    async def start(self) -> None:
        self._raise()

    async def append(self, messages: Sequence[Message]) -> None:
        self.entered += 1
        await self.open.wait()
        self._raise()
        self.messages += messages

    async def check(self) -> None:
        self._raise()

    async def trim(self, older_than: int, *, unread_too: bool = False) -> int:
        self._raise()
        self.trimmed.append(older_than)
        return 0

    async def close(self, deadline: float) -> None:
        await asyncio.wait_for(self.open.wait(), deadline)

    def _raise(self) -> None:
        if self.fault is not None:
            raise self.fault


class InProcess:
    """The application, asked without a socket."""

    def __init__(
        self,
        writer: LogWriter,
        *,
        max_body: int = 100_000,
        max_waiting: int = 1_000_000,
        pseudonyms: Pseudonyms | None = None,
    ) -> None:
        self.counters = Counters()
        self.now = NOON
        self.events = Events(
            writer,
            self.counters,
            max_body=max_body,
            max_waiting=max_waiting,
            clock=lambda: self.now,
            pseudonyms=pseudonyms,
        )
        self.app = App(self.events, writer, self.counters)

    async def ask(
        self,
        method: str,
        path: str,
        body: bytes | Sequence[bytes] = b"",
        headers: Mapping[str, str] | Sequence[tuple[str, str]] = (),
        *,
        cut_off: bool = False,
    ) -> Reply:
        """One request; `body` may come in chunks, and may be cut off after them."""
        pairs = headers.items() if isinstance(headers, Mapping) else headers
        encoded = [(n.lower().encode("latin-1"), v.encode("latin-1")) for n, v in pairs]
        pieces = [piece for piece in ([body] if isinstance(body, bytes) else body) if piece]

        def want() -> None:
            """The next piece comes when it is waited for."""
            if pieces:
                request.feed(pieces.pop(0))
            elif cut_off:
                request.cut_off()
            else:
                request.end()

        request = Request(method, path, encoded, want)
        answer = await self.app(request)
        if answer is None:
            raise ConnectionResetError("no answer")
        names = {name.decode(): value.decode() for name, value in answer.headers}
        names["content-type"] = answer.content_type.decode()
        return Reply(answer.status, names, answer.body)

    async def post(self, body: bytes | Sequence[bytes], media: str, **headers: str) -> Reply:
        """POST to /v1/events; `content_encoding="gzip"` becomes a header."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.ask("POST", "/v1/events", body, {"content-type": media, **named})

    async def post_one(self, event: bytes) -> Reply:
        return await self.post(event, STRUCTURED)

    async def post_batch(self, *events: bytes) -> Reply:
        return await self.post(b"[" + b",".join(events) + b"]", BATCHED)


async def read_log(directory: Path, topic: str = TOPIC) -> list[Record]:
    """All that an embedded log holds."""

    class FromTheStart:
        async def assigned(self, partitions: Sequence[int]) -> Mapping[int, int]:
            return {}

        async def revoked(self, partitions: Sequence[int]) -> None:
            return

    reader = EmbeddedReader(directory, topic)
    await reader.start(FromTheStart())
    found: list[Record] = []
    try:
        while records := await reader.read(100_000, 0):
            found += records
    finally:
        await reader.close(5)
    return found


async def ids_in(directory: Path) -> list[str]:
    """The ids of the events in an embedded log, the collector's own reports left out."""
    events = [json.loads(record.value) for record in await read_log(directory)]
    return [event["id"] for event in events if "collector_report" not in event["type"]]


async def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for a condition; fail with `what` after a deadline."""
    give_up = asyncio.get_running_loop().time() + DEADLINE
    while not condition():
        if asyncio.get_running_loop().time() > give_up:
            raise AssertionError(f"waited {DEADLINE:g} s in vain: {what}")
        await asyncio.sleep(0.005)


class Client:
    """One connection over a socket, by hand, so that it can misbehave."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def connect(cls, url: str) -> Client:
        host, _, port = url.removeprefix("http://").rpartition(":")
        return cls(*await asyncio.open_connection(host, int(port)))

    def send(self, raw: bytes) -> None:
        self.writer.write(raw)

    async def post(self, body: bytes, media: str = STRUCTURED) -> Reply:
        self.send(request(body, media))
        return await self.reply()

    async def get(self, path: str) -> Reply:
        self.send(f"GET {path} HTTP/1.1\r\nhost: test\r\n\r\n".encode())
        return await self.reply()

    async def reply(self) -> Reply:
        """The next answer. Raises ConnectionError when the server closed instead."""
        async with asyncio.timeout(DEADLINE):
            try:
                head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
                status, *lines = head.rstrip().split("\r\n")
                headers = dict(line.lower().split(": ", 1) for line in lines)
                body = await self.reader.readexactly(int(headers["content-length"]))
            except asyncio.IncompleteReadError as error:
                raise ConnectionResetError(f"closed after {error.partial!r}") from None
        return Reply(int(status.split()[1]), headers, body)

    async def closed(self) -> bool:
        """Wait until the server ends the connection; True, or TimeoutError at the deadline."""
        async with asyncio.timeout(DEADLINE):
            try:
                while await self.reader.read(65536):
                    continue
            except ConnectionResetError:
                self.writer.transport.abort()
        await self.close()
        return True

    async def close(self) -> None:
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except ConnectionError:
            return  # the server was quicker


def request(body: bytes, media: str = STRUCTURED, more: str = "") -> bytes:
    """The bytes of one POST to /v1/events."""
    head = f"POST /v1/events HTTP/1.1\r\nhost: test\r\ncontent-type: {media}\r\n{more}"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body


def settings(data: Path, **overrides: Any) -> Settings:
    """Settings for a collector on a free loopback port with its log below `data`."""
    return Settings(
        environ={},
        overrides={
            "MEETLAT_DATA": data,
            "MEETLAT_COLLECTOR_LISTEN": "127.0.0.1:0",
            **{f"MEETLAT_{name.upper()}": value for name, value in overrides.items()},
        },
    )


@asynccontextmanager
async def running(collector: Collector, deadline: float = 10.0) -> AsyncIterator[Collector]:
    """A collector in this loop, from startup to shutdown."""
    stop = asyncio.Event()
    await collector.startup()
    run = asyncio.create_task(collector.run(stop))
    try:
        yield collector
    finally:
        stop.set()
        await run
        await collector.shutdown(deadline)


class Program:
    """`meetlat collect` in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.url = ""
        self.said: list[str] = []

    @classmethod
    async def start(cls, data: Path, *arguments: str, **environ: str) -> Program:
        """Start it; `url` is set once it says that it is ready."""
        env = {k: v for k, v in os.environ.items() if not k.startswith("MEETLAT_")}
        listen = () if "--listen" in arguments else ("--listen", "127.0.0.1:0")
        program = cls(
            await asyncio.create_subprocess_exec(
                sys.executable, "-W", "error", "-m", "meetlat", "collect",
                "--data", str(data), *listen, *arguments,
                cwd=data, env={**env, **environ},
                stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            )
        )  # fmt: skip
        assert program.process.stdout is not None
        async with asyncio.timeout(DEADLINE):
            while line := (await program.process.stdout.readline()).decode():
                program.said.append(line.rstrip())
                if found := re.search(r"http://\S+", line):
                    program.url = found[0]
                    break
        return program

    def kill(self) -> None:
        """`kill -9`."""
        self.process.kill()

    def terminate(self) -> None:
        """SIGTERM."""
        self.process.send_signal(signal.SIGTERM)

    async def ended(self) -> tuple[int, str]:
        """Its exit status and what it wrote to stderr."""
        async with asyncio.timeout(DEADLINE):
            _, err = await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode, err.decode()
