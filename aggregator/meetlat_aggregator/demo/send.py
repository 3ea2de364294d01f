"""Tells the SDK what happened, with the same functions that a measured program uses.

A call is made inside `interaction`, on a clock that is set forward by hand; a failure is a real
exception. From here on it is the real path: SDK → HTTP → collector → log → aggregator.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from meetlat import Client, Delivery, Ref
from meetlat.errors import MeetlatError
from meetlat.settings import Settings
from meetlat_aggregator.demo.company import TOOLS, Tool
from meetlat_aggregator.demo.story import Happening

_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_USAGE = (
    "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "currency",
)  # fmt: skip
_FAILURES: dict[str, type[BaseException]] = {
    "error": ConnectionError,
    "timeout": TimeoutError,
    "cancelled": asyncio.CancelledError,
}


class _HandClock:
    """A clock that stands still until somebody moves it."""

    def __init__(self) -> None:
        self.now = 0

    def time_ns(self) -> int:
        return self.now

    def perf_counter_ns(self) -> int:
        return self.now


class Program:
    """The program around one tool, with its own SDK client."""

    def __init__(self, tool: Tool, settings: Settings) -> None:
        self._clock = _HandClock()
        self._source = tool.source
        self.client = Client(settings=settings, clock=self._clock, strict=False)

    def tell(self, happening: Happening, *, history: bool) -> None:
        """Tell the SDK. `history` marks it as such, so that it may be of any age."""
        given = {"time": happening.time, "id": happening.id, "history": history}
        if happening.kind == "interaction":
            self._call(dict(happening.fields), given)
        elif happening.kind == "void":
            target: Happening = happening.fields["target"]
            ref = Ref(self._source, target.id, _rfc3339(target.time))
            self.client.void(ref, reason=happening.fields["reason"], **given)  # type: ignore[arg-type] # a mapping of known names
        else:
            getattr(self.client, happening.kind)(**happening.fields, **given)

    def _call(self, fields: dict[str, Any], given: dict[str, Any]) -> None:
        clock = self._clock
        clock.now = (given["time"] - _EPOCH) // timedelta(microseconds=1) * 1000
        start, duration = clock.now, fields.pop("duration") * 1000
        first, status = fields.pop("first_token", None), fields.pop("status")
        cost = fields.pop("cost", None)
        usage = {name: fields.pop(name) for name in _USAGE if name in fields}
        if cost is not None:
            usage["cost"] = Decimal(cost).scaleb(-9)
        failure = _FAILURES.get(status)
        try:
            with self.client.interaction(**fields, **given) as call:
                if first is not None:
                    clock.now = start + first * 1000
                    call.first_token()
                if usage:
                    call.usage(**usage)
                clock.now = start + duration
                if failure is not None:
                    raise failure("simulated")
        except tuple(_FAILURES.values()):
            return  # the SDK has recorded it, and passes it on as it must


class Programs:
    """All programs of the company, sending to one collector."""

    def __init__(self, endpoint: str, key: str, spool: Path, config: Path) -> None:
        self._programs = {}
        for tool in TOOLS:
            overrides = {
                "MEETLAT_ENDPOINT": endpoint,
                "MEETLAT_PSEUDONYM_KEY": key,
                "MEETLAT_SOURCE": tool.source,
                "MEETLAT_SPOOL": str(spool),
                "MEETLAT_QUEUE_EVENTS": "1000000",
            }
            self._programs[tool] = Program(tool, Settings({}, overrides, config))

    def tell(self, happening: Happening, *, history: bool) -> None:
        """Tell the SDK of the program it happened in."""
        self._programs[happening.tool].tell(happening, history=history)

    def delivered(self) -> int:
        """Events that are safe at the collector."""
        return sum(program.client.stats().delivered for program in self._programs.values())

    def flush(self, timeout: float) -> None:
        """Send everything. Raises MeetlatError when an event was lost or refused, or waits."""
        for program in self._programs.values():
            _complete(program.client.flush(timeout))

    def shutdown(self, timeout: float) -> None:
        """Stop sending, within `timeout` seconds each."""
        for program in self._programs.values():
            program.client.shutdown(timeout)


def _complete(delivery: Delivery) -> None:
    if delivery.pending or delivery.dropped or delivery.refused:
        raise MeetlatError(
            f"the collector did not get every event: {delivery.pending} wait, "
            f"{delivery.dropped} dropped, {delivery.refused} refused {delivery.reasons or ''}",
            remedy="see what the programs said above, and try again",
            retry=True,
        )


def _rfc3339(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
