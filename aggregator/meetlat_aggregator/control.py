"""The socket by which commands ask the running aggregator, and how they ask.

One JSON object a line each way: {"do": NAME, …} → progress lines {"progress": …}, then one
{"answer": …} or {"error": …, "remedy": …}. The socket lies in the data directory, for its owner
only.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec

from meetlat.errors import MeetlatError

SOCKET = "aggregator.sock"
Say = Callable[[Any], Awaitable[None]]
Handler = Callable[[dict[str, Any], Say], Awaitable[Any]]
_log = logging.getLogger("meetlat.aggregator")


class ControlServer:
    """Answers commands on `DIRECTORY/aggregator.sock` with `handlers`. Whoever asks is told to ask
    again when one of them raises what `may_heal`.
    """

    def __init__(
        self,
        directory: Path,
        handlers: dict[str, Handler],
        may_heal: tuple[type[Exception], ...] = (),
    ) -> None:
        self._directory = directory
        self._handlers = handlers
        self._may_heal = may_heal
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen. A socket that a crash left is replaced: the directory is ours."""
        (self._directory / SOCKET).unlink(missing_ok=True)
        with _short(self._directory) as path:
            self._server = await asyncio.start_unix_server(self._serve, path)
        (self._directory / SOCKET).chmod(0o600)

    async def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()
            (self._directory / SOCKET).unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def send(message: dict[str, Any]) -> None:
            writer.write(msgspec.json.encode(message, enc_hook=str) + b"\n")
            await writer.drain()

        async def say(progress: Any) -> None:
            await send({"progress": progress})

        with suppress(ConnectionError):
            try:
                request = msgspec.json.decode(await reader.readline(), type=dict[str, Any])
                handler = self._handlers[str(request.get("do"))]
                await send({"answer": await handler(request, say)})
            except MeetlatError as error:
                await send({"error": error.message, "remedy": error.remedy, "retry": error.retry})
            except self._may_heal as error:
                why = str(error).splitlines()[0]
                await send({"error": f"failed: {why}", "remedy": "ask again", "retry": True})
            except (KeyError, msgspec.DecodeError) as error:
                await send({"error": f"not understood: {error}", "remedy": "update meetlat"})
            except Exception as error:  # noqa: BLE001 - a command must not end the aggregator
                _log.exception("a command failed")
                await send({"error": f"failed: {error}", "remedy": "see the aggregator's log"})
        writer.close()


def ask(directory: Path, do: str, **arguments: Any) -> Iterator[dict[str, Any]]:
    """Ask the running aggregator; yields progress messages, then the answer as the last one.

    Raises NotRunningError when none runs there, MeetlatError when the answer is an error.
    """
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            with _short(directory) as path:
                connection.connect(path)
        except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
            raise NotRunningError(
                f"no aggregator runs on {directory}",
                remedy="start `meetlat up` or `meetlat aggregate`, or give --data where one runs",
            ) from None
        connection.sendall(msgspec.json.encode({"do": do, **arguments}) + b"\n")
        with connection.makefile("rb") as lines:
            for line in lines:
                message = msgspec.json.decode(line, type=dict[str, Any])
                if "error" in message:
                    raise MeetlatError(
                        message["error"],
                        remedy=message["remedy"],
                        retry=message.get("retry", False),
                    )
                yield message
                if "answer" in message:
                    return
    raise MeetlatError("the aggregator stopped while it was asked", remedy="ask again", retry=True)


class NotRunningError(MeetlatError):
    """No aggregator runs on that data directory."""


@contextmanager
def _short(directory: Path) -> Iterator[str]:
    """The socket's path, short enough for the system (about 100 bytes), however deep it lies."""
    path = str(directory / SOCKET)
    if len(os.fsencode(path)) < 100:
        yield path
        return
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{fd}/{SOCKET}"
    finally:
        os.close(fd)
