"""How many requests and events a second the collector takes, safe in the embedded log.

`python -m bench.collector [SECONDS]` runs the collector as a program with a fresh log, and a load
generator in a process of its own, on the same machine; beside it a bare ASGI application on
uvicorn, which reads the body and answers 202 and keeps nothing. Rounds alternate, so that a noisy
neighbour hits both; the best round counts. CPU time is that of the server's process alone.
"""

from __future__ import annotations

import json
import re
import select
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bench.figure import Figure

BATCH = 100
ROUNDS = 3
SINGLE_CLIENTS = 64
BATCH_CLIENTS = 16
_BARE = """
import asyncio, socket, uvicorn
async def app(scope, receive, send):
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 202, "headers": [
        (b"content-type", b"application/json"), (b"content-length", b"28")]})
    await send({"type": "http.response.body", "body": b'{"accepted":1,"rejected":[]}'})
bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # or Nagle waits
bound.bind(("127.0.0.1", 0))
print("http://127.0.0.1:%d" % bound.getsockname()[1], flush=True)
config = uvicorn.Config(app, http="httptools", ws="none", lifespan="off", access_log=False,
    log_level="error", proxy_headers=False, server_header=False)
asyncio.run(uvicorn.Server(config).serve([bound]))
"""


@dataclass(frozen=True)
class Round:
    """One round: requests a second, answers that were not 202, microseconds of CPU a request."""

    requests: float
    failed: int
    cpu: float = 0.0


def event(number: int) -> dict[str, object]:
    """An interaction of about 470 bytes."""
    return {
        "specversion": "1.0",
        "id": f"0197f2c0-1111-7000-8000-{number:012d}",
        "source": "/shop/chat-backend",
        "type": "meetlat.interaction.v1",
        "time": "2026-03-02T09:30:00.123456Z",
        "data": {
            "tool": "chatbot",
            "use_case": "support",
            "team": "service",
            "session": f"s{number}",
            "status": "ok",
            "duration": 1.234,
            "first_token": 0.3,
            "streamed": True,
            "operation": "chat",
            "provider": "openai",
            "model": "gpt-4o-mini",
            "input_tokens": 1234,
            "output_tokens": 321,
            "cost": "0.0012",
            "currency": "EUR",
            "cost_source": "provider",
        },
    }


def request(batch: int) -> bytes:
    """One POST, of a single event or of a batch."""
    media = "application/cloudevents-batch+json" if batch > 1 else "application/cloudevents+json"
    content = [event(i) for i in range(batch)] if batch > 1 else event(0)
    body = json.dumps(content, separators=(",", ":")).encode()
    head = f"POST /v1/events HTTP/1.1\r\nhost: bench\r\ncontent-type: {media}\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body


@dataclass(frozen=True)
class Server:
    """A server in a process of its own."""

    process: subprocess.Popen[str]
    port: int

    def cpu(self) -> float:
        """Seconds of CPU that all its threads have used."""
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


def load(port: int, clients: int, seconds: float, batch: int) -> Round:
    """Keep `clients` connections busy, each with one request at a time."""
    raw = request(batch)
    poll = select.epoll()
    open_: dict[int, socket.socket] = {}
    for _ in range(clients):
        client = socket.create_connection(("127.0.0.1", port))
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        open_[client.fileno()] = client
        poll.register(client.fileno(), select.EPOLLIN)
        client.sendall(raw)
    answered = failed = 0
    began = time.perf_counter()
    while (now := time.perf_counter()) < began + seconds:
        for number, _ in poll.poll(1):
            answer = open_[number].recv(65536)
            if not answer:
                raise ConnectionResetError("the server closed a connection")
            if answer.startswith(b"HTTP/") and not answer.startswith(b"HTTP/1.1 202"):
                failed += 1
            if answer.endswith(b"}"):  # a bare answer comes in two pieces
                answered += 1
                open_[number].sendall(raw)
    for client in open_.values():
        client.close()
    return Round(answered / (now - began), failed)


def measure(server: Server, clients: int, seconds: float, batch: int) -> Round:
    """`load` in a process of its own."""
    arguments = [str(server.port), str(clients), str(seconds), str(batch)]
    before = server.cpu()
    said = subprocess.run(
        [sys.executable, "-m", "bench.collector", "--load", *arguments],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    requests = float(said[0])
    return Round(requests, int(said[1]), (server.cpu() - before) / (requests * seconds) * 1e6)


def start(*command: str) -> Server:
    """A server that says where it listens."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    found = re.search(r"http://127\.0\.0\.1:(\d+)", process.stdout.readline())
    if found is None:
        raise RuntimeError(f"{command} did not start")
    return Server(process, int(found[1]))


def run(seconds: float = 5.0) -> list[Figure]:
    """Measure, in rounds that alternate."""
    rounds: dict[str, list[Round]] = {"bare": [], "single": [], "batch": []}
    with tempfile.TemporaryDirectory() as data:
        bare = start(sys.executable, "-c", _BARE)
        collector = start(
            *(sys.executable, "-m", "meetlat", "collect"),
            *("--data", data, "--listen", "127.0.0.1:0"),
        )
        try:
            for _ in range(ROUNDS):
                for name, server, clients, batch in (
                    ("bare", bare, SINGLE_CLIENTS, 1),
                    ("single", collector, SINGLE_CLIENTS, 1),
                    ("batch", collector, BATCH_CLIENTS, BATCH),
                ):
                    found = measure(server, clients, seconds, batch)
                    if found.failed:
                        raise RuntimeError(f"{name}: {found.failed} answers were not 202")
                    rounds[name].append(found)
        finally:
            for server in (bare, collector):
                server.process.terminate()
                server.process.communicate(timeout=30)
    speed = {name: max(one.requests for one in found) for name, found in rounds.items()}
    cpu = {name: min(one.cpu for one in found) for name, found in rounds.items()}
    floor = ("bare ASGI app on uvicorn, requests/s", speed["bare"])
    work = ("bare ASGI app on uvicorn, µs a request", cpu["bare"])
    return [
        Figure("collector, single events", speed["single"], "requests/s", *floor),
        Figure("collector, batches of 100", speed["batch"] * BATCH, "events/s", *floor),
        Figure("collector, CPU, single events", cpu["single"], "µs/request", *work),
        Figure("collector, CPU, batches", cpu["batch"] / BATCH, "µs/event", *work),
    ]


if __name__ == "__main__":
    if sys.argv[1:2] == ["--load"]:
        port_, clients_, seconds_, batch_ = sys.argv[2:]
        found_ = load(int(port_), int(clients_), float(seconds_), int(batch_))
        print(found_.requests, found_.failed)
    else:
        for figure_ in run(float(sys.argv[1]) if sys.argv[1:] else 5.0):
            print(figure_)
