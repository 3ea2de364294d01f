"""The collector's addresses: one table of routes, and what happens around every request.

A dictionary rather than a framework's router: it costs the hot route one look-up, and every answer
is counted, refusals and faults included. OTLP's `/v1/traces` and `/v1/logs` will be
two more lines in the table, and API keys a check before the handler is called, so that nothing of
a body is read for a stranger.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from meetlat.errors import LogError
from meetlat.logs.base import LogWriter
from meetlat_collector.counters import CONTENT_TYPE, Counters
from meetlat_collector.events import Events
from meetlat_collector.http import (
    Answer,
    CutOffError,
    Request,
    error_answer,
    retry_after,
)

_log = logging.getLogger("meetlat.collector")
Handler = Callable[[Request], Awaitable[Answer]]


class App:
    """What answers a request."""

    def __init__(self, events: Events, writer: LogWriter, counters: Counters) -> None:
        self._events = events
        self._writer = writer
        self._counters = counters
        self._routes: dict[str, dict[str, Handler]] = {
            "/v1/events": {"POST": events.post},
            "/healthz": _readable(self._healthz),
            "/readyz": _readable(self._readyz),
            "/metrics": _readable(self._metrics),
        }

    async def __call__(self, request: Request) -> Answer | None:
        """The answer to one request; None when its sender went away."""
        counters = self._counters
        path = request.path
        methods = self._routes.get(path)
        code = "500"
        counters.in_flight += 1
        try:
            if methods is None:
                path = "other"
                known = ", ".join(self._routes)
                answer = error_answer(404, f"there is nothing here; the addresses are {known}")
            elif handler := methods.get(request.method):
                answer = await handler(request)
            else:
                allowed = ", ".join(methods)
                answer = error_answer(405, f"use {allowed} here", ((b"allow", allowed.encode()),))
            code = str(answer.status)
        except CutOffError:
            code = "disconnected"
            return None
        except Exception:  # noqa: BLE001 - the last resort: logged, counted, and the others go on
            _log.exception("a request failed by a fault of the collector's own; please report it")
            answer = error_answer(500, "a fault of the collector's own; its log says more")
        finally:
            counters.in_flight -= 1
            counters.requests[path, code] += 1
        return answer

    async def _healthz(self, request: Request) -> Answer:  # noqa: ARG002
        return Answer(200, b'{"status":"alive"}')

    async def _readyz(self, request: Request) -> Answer:  # noqa: ARG002
        if self._events.stopping:
            return error_answer(503, "stopping", (retry_after(2),))
        try:
            await self._writer.check()
        except LogError as error:
            return error_answer(503, str(error), (retry_after(2),))
        return Answer(200, b'{"status":"ready"}')

    async def _metrics(self, request: Request) -> Answer:  # noqa: ARG002
        return Answer(200, self._counters.exposition(), content_type=CONTENT_TYPE)


def _readable(handler: Handler) -> dict[str, Handler]:
    return {"GET": handler, "HEAD": handler}
