"""`POST /v1/events`: CloudEvents in, a verdict per event out, 202 only when they are safe.

The answer to every POST has one shape: `{"accepted": n, "rejected": [{"index", "id", "error"}]}`,
with `error` beside it when the request as a whole could not be taken. An empty batch is taken:
202, accepted 0.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import lru_cache
from time import perf_counter
from typing import Literal

from meetlat.contract.envelope import BATCHED, MAX_EVENT_BYTES, STRUCTURED
from meetlat.errors import LogError
from meetlat.logs.base import LogWriter
from meetlat_collector.counters import BODY, Counters
from meetlat_collector.http import (
    Answer,
    Body,
    CutOffError,
    Header,
    HttpError,
    Request,
    Waiting,
    retry_after,
)
from meetlat_collector.judge import Headers, Verdicts, is_certain, split_batch
from meetlat_collector.person import Pseudonyms

_log = logging.getLogger("meetlat.collector")
_BINARY = "application/json"
_TAKEN = f"send {STRUCTURED}, {BATCHED}, or {_BINARY} with ce- headers"
# Judging a large batch lets other requests go on after as many events.
_SLICE = 500
_NOT_SAFE = (
    b'{"accepted":0,"rejected":[],'
    b'"error":"the collector stopped before the events were safe; send again"}'
)
_ACCEPTED_ONE = b'{"accepted":1,"rejected":[]}'

Mode = Literal["structured", "batched", "binary"]


class Events:
    """The endpoint. `clock` gives seconds since 1970; `headers` go with every message; plain users
    become `pseudonyms` when the key is there.
    """

    def __init__(
        self,
        writer: LogWriter,
        counters: Counters,
        *,
        max_body: int,
        max_waiting: int,
        clock: Callable[[], float],
        headers: Headers = (),
        pseudonyms: Pseudonyms | None = None,
    ) -> None:
        self._writer = writer
        self._counters = counters
        self._max_body = max_body
        self._waiting = Waiting(max_waiting)
        self._clock = clock
        self._headers = headers
        self._pseudonyms = pseudonyms
        self._away = False  # the log, as it was last said
        self.stopping = False

    async def post(self, request: Request) -> Answer:
        """Take one request. Raises CutOffError when the sender went away before its end."""
        verdicts = Verdicts(self._clock(), self._headers, self._pseudonyms)
        body = Body(self._waiting, self._max_body)
        try:
            if self.stopping:
                raise HttpError(503, "the collector is stopping; send again", (retry_after(2),))
            await self._judge(request, body, verdicts)
            if verdicts.messages:
                await self._append(verdicts)
        except HttpError as error:
            if error.status < 429:
                self._counters.refused[BODY] += 1
            verdicts.messages.clear()
            verdicts.rejected.clear()
            return Answer(error.status, verdicts.answer_body(error.message), error.headers)
        except asyncio.CancelledError:
            # Only the deadline of a shutdown cancels: the sender keeps the events and resends.
            return Answer(503, _NOT_SAFE, (retry_after(2),))
        except CutOffError:
            self._counters.refused[BODY] += 1
            raise
        finally:
            body.release()
        self._counters.accepted += len(verdicts.messages)
        if verdicts.rejected:
            self._counters.refused.update(verdicts.reasons)
        return _answer(verdicts)

    async def _judge(self, request: Request, body: Body, verdicts: Verdicts) -> None:
        mode: Mode | None = None
        gzipped = False
        binary: list[Header] = []
        for name, value in request.headers:
            if name == b"content-type":
                mode = _mode(value)
            elif name == b"content-encoding":
                gzipped = _is_gzip(value)
            elif name == b"content-length":
                self._check_length(value)
            elif name.startswith(b"ce-"):
                binary.append((name, value))
        if mode is None or (mode == "binary" and not binary):
            raise HttpError(415, f"content-type: names no CloudEvent; {_TAKEN}")
        whole = await body.read(request, gzipped=gzipped)
        if mode == "batched":
            certain = is_certain(whole)
            events = split_batch(whole)
            for start in range(0, len(events), _SLICE):
                if start:
                    await asyncio.sleep(0)
                for raw in events[start : start + _SLICE]:
                    verdicts.judge(bytes(raw), certain=certain)
            return
        if len(whole) > MAX_EVENT_BYTES:
            raise HttpError(413, f"body: one event is at most {MAX_EVENT_BYTES} bytes")
        if mode == "structured":
            verdicts.judge(whole, certain=is_certain(whole))
        else:
            verdicts.judge_binary(binary, whole)

    def _check_length(self, value: bytes) -> None:
        if value.isdigit() and int(value[:20]) > self._max_body:
            raise HttpError(
                413, f"body: is over {self._max_body} bytes; split it into smaller batches"
            )

    async def _append(self, verdicts: Verdicts) -> None:
        began = perf_counter()
        try:
            await self._writer.append(verdicts.messages)
        except LogError as error:
            if not self._away:
                self._away = True
                _log.error("the log takes no events, so senders are told to wait: %s", error)
            raise HttpError(
                503, f"the log takes no events now: {error.message}", (retry_after(2),)
            ) from error
        self._counters.append_took(perf_counter() - began)
        if self._away:
            self._away = False
            _log.warning("the log takes events again")


def _answer(verdicts: Verdicts) -> Answer:
    if not verdicts.rejected:
        one = len(verdicts.messages) == 1
        return Answer(202, _ACCEPTED_ONE if one else verdicts.answer_body())
    if verdicts.messages:
        return Answer(202, verdicts.answer_body())
    return Answer(400, verdicts.answer_body())


@lru_cache(maxsize=64)
def _mode(content_type: bytes) -> Mode:
    media, *parameters = content_type.decode("latin-1").lower().split(";")
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "charset" and value.strip().strip('"') not in ("utf-8", "utf8"):
            raise HttpError(415, "content-type: only UTF-8 is taken")
    modes: dict[str, Mode] = {STRUCTURED: "structured", BATCHED: "batched", _BINARY: "binary"}
    mode = modes.get(media.strip())
    if mode is None:
        raise HttpError(415, f"content-type: this media type is not taken; {_TAKEN}")
    return mode


def _is_gzip(encoding: bytes) -> bool:
    folded = encoding.strip().lower()
    if folded in (b"gzip", b"x-gzip"):
        return True
    if folded in (b"", b"identity"):
        return False
    raise HttpError(
        415, "content-encoding: is not taken; send gzip or none", ((b"accept-encoding", b"gzip"),)
    )
