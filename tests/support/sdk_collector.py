"""A small collector for SDK tests: a real HTTP server on loopback that misbehaves on command."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

DEADLINE = 20.0


def until(condition: Callable[[], bool], what: str = "the condition") -> None:
    """Wait for a condition; fail with `what` after a deadline."""
    give_up = time.monotonic() + DEADLINE
    tick = threading.Event()
    while not condition():
        assert time.monotonic() < give_up, f"waited {DEADLINE:g} s in vain for {what}"
        tick.wait(0.005)


class Collector:
    """Keeps what it is sent. `answer` decides per request: (status, headers, body or None)."""

    def __init__(self, port: int = 0) -> None:
        self.received: list[dict[str, Any]] = []
        self.requests: list[tuple[dict[str, str], int]] = []
        self.hang = threading.Event()
        self.hang.set()
        self.answer: Callable[[list[dict[str, Any]]], tuple[int, dict[str, str], Any]] = accept
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                events = json.loads(body)
                outer.requests.append((dict(self.headers), len(events)))
                outer.hang.wait(DEADLINE)
                status, headers, answer = outer.answer(events)
                if status == 202:
                    refused = {entry["index"] for entry in answer["rejected"]}
                    outer.received += [e for i, e in enumerate(events) if i not in refused]
                content = json.dumps(answer).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *args: object) -> None:
                return

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: object, client_address: object) -> None:
                return  # a client that gave up waiting

        self._server = Server(("127.0.0.1", port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def events(self, name: str | None = None) -> list[dict[str, Any]]:
        """What was received, the SDK's reports left out, or those of one type."""
        return [
            event
            for event in list(self.received)
            if (event["type"] != "meetlat.sdk_report.v1" if name is None else name in event["type"])
        ]

    def close(self) -> None:
        self.hang.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def accept(events: list[dict[str, Any]]) -> tuple[int, dict[str, str], Any]:
    """202, everything taken."""
    return 202, {}, {"accepted": len(events), "rejected": []}
