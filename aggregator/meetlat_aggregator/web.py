"""The aggregator's addresses: `/metrics`, `/healthz`, `/readyz`. Pages for people join here."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from meetlat.errors import MeetlatError

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def make_app(metrics: Callable[[], bytes], unready: Callable[[], str | None]) -> Starlette:
    """The application. `metrics` gives the text; `unready` the reason why not ready, or None."""

    async def show_metrics(_: Request) -> Response:
        return Response(metrics(), media_type=METRICS_TYPE)

    async def healthz(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(_: Request) -> Response:
        reason = unready()
        if reason is None:
            return PlainTextResponse("ready\n")
        return PlainTextResponse(f"{reason}\n", status_code=503)

    return Starlette(
        routes=[
            Route("/metrics", show_metrics),
            Route("/healthz", healthz),
            Route("/readyz", readyz),
        ]
    )


class Server(uvicorn.Server):
    """uvicorn without its signal handling: it re-raises SIGTERM at its end, and what is to be
    cleaned up after it never would be.
    """

    def __init__(self, app: Starlette) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                lifespan="off",
                ws="none",
                access_log=False,
                log_config=None,
                server_header=False,
                timeout_graceful_shutdown=2,
            )
        )

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to `meetlat.service.serve`."""
        yield


def bind(host: str, port: int) -> socket.socket:
    """A listening socket. Raises MeetlatError when the address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise MeetlatError(
            f"cannot listen on {host}:{port}: {error.strerror}",
            remedy="free the port, or choose another with MEETLAT_AGGREGATOR_LISTEN",
        ) from None
    return listening
