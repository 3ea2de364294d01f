"""What a transport is. The docstrings are the specification; one suite holds all three to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from meetlat._encode import Encoded


@dataclass(slots=True)
class Sent:
    """What became of a batch: every event is delivered, unless its index is named here.

    `retry`: not safe yet, send again later (after `retry_after` seconds, when above 0); `problem`
    says why, with what to do (empty: nothing is wrong). `refused`: will never be taken, with the
    reason.
    """

    retry: list[int] = field(default_factory=list)
    refused: list[tuple[int, str]] = field(default_factory=list)
    retry_after: float = 0.0
    problem: str = ""

    @classmethod
    def failed(cls, events: Sequence[Encoded], problem: str, retry_after: float = 0.0) -> Sent:
        """Nothing arrived, or nobody knows."""
        return cls(list(range(len(events))), [], retry_after, problem)


class Transport(Protocol):
    """Brings events to a log. Used by one thread at a time; never raises."""

    def open(self, timeout: float) -> None:
        """Connect ahead of the first event, where that takes time; a failure shows at `send`."""

    def send(self, events: Sequence[Encoded], timeout: float, *, connect: bool = True) -> Sent:
        """Send and wait until it is known what became of each event, at most about `timeout` s.

        With `connect` False (the interpreter is ending) only a connection that is there is used:
        look-ups and new threads fail then. What may or may not have arrived is `retry`: events
        have their ids, a second copy does not count.
        """

    def close(self, timeout: float) -> None:
        """Let go, within `timeout` seconds."""
