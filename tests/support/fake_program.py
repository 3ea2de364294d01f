"""A program for the supervisor's tests: `fake_program.py NAME PORT JOURNAL MODE`.

Writes what happens to it as lines `what name pid` into JOURNAL, and answers `/readyz` on PORT.
MODE: `good`; `stubborn` (ignores SIGTERM); `exit N` (ends at once with status N).
"""

from __future__ import annotations

import http.server
import os
import signal
import sys
from types import FrameType


def main(name: str, port: str, journal: str, mode: str, *more: str) -> None:
    def write(what: str) -> None:
        with open(journal, "a") as file:  # noqa: PTH123 - appended in one write
            file.write(f"{what} {name} {os.getpid()}\n")

    def on_term(_number: int, _frame: FrameType | None) -> None:
        write("term")
        if mode != "stubborn":
            os._exit(0)

    class Ready(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    signal.signal(signal.SIGTERM, on_term)
    write("start")
    if mode == "exit":
        sys.exit(int(more[0]))
    http.server.HTTPServer(("127.0.0.1", int(port)), Ready).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
