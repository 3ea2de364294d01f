"""A worker without its thread, turned by hand, with a clock and a transport of the test's own."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from meetlat import Delivery
from meetlat._client import Queue
from meetlat._encode import Encoded, Encoder
from meetlat._spool import Spool
from meetlat._transports.base import Sent
from meetlat._worker import Worker


def lawful(delivery: Delivery) -> bool:
    """The law: every event is in exactly one place."""
    where = delivery.delivered + delivery.pending + delivery.dropped + delivery.refused
    return where == delivery.emitted + delivery.adopted


class Killed(BaseException):
    """The process dies here."""


class Scripted:
    """A transport that does what the script says: how many of a batch fail, are refused.

    What fails is lost on the way there, or with `answer_lost` on the way back. With `dies` the
    process is killed when all has arrived and nobody has heard of it.
    """

    def __init__(self) -> None:
        self.script: list[tuple[int, int]] = []
        self.got: list[bytes] = []
        self.retry_after = 0.0
        self.sends = 0
        self.answer_lost = False
        self.dies = False

    def open(self, timeout: float) -> None:
        return

    def send(self, events: Sequence[Encoded], timeout: float, *, connect: bool = True) -> Sent:
        self.sends += 1
        fail, refuse = self.script.pop(0) if self.script else (0, 0)
        number = len(events)
        retry = list(range(min(fail, number)))
        refused = [(i, "data.x") for i in range(len(retry), min(len(retry) + refuse, number))]
        arrived = [event.value for event in events[len(retry) + len(refused) :]]
        if self.answer_lost:
            arrived += [events[index].value for index in retry]
        self.got += arrived
        if self.dies:
            raise Killed
        return Sent(retry, refused, self.retry_after if retry else 0.0, "down" if retry else "")

    def close(self, timeout: float) -> None:
        return


class Bench:
    """A worker without its thread: turned by hand."""

    def __init__(self, directory: Path, cap: int = 1_000_000, *, name: str = "id") -> None:
        self.now = 1000.0
        self.name = name
        self.transport = Scripted()
        self.queue = Queue(50, lambda _: None)
        self.encoder = Encoder(source="/t", seed=1, history=False, defaults={}, key="", key_id=None)
        self.spool = Spool(directory, cap)
        self.worker = Worker(
            self.queue,
            self.encoder,
            self.spool,
            self.transport,
            linger=0.01,
            send_timeout=1,
            time_ns=time.time_ns,
            monotonic=lambda: self.now,
            jitter=lambda: 1.0,
        )
        self.emitted = 0

    def emit(self, topic: str = "x") -> None:
        self.emitted += 1
        ident = f"{self.name}-{self.emitted}"
        own = {"topic": topic}
        head = ("meetlat.support_request.v1", ident, time.time_ns(), None, None, own)
        self.queue.put((*head, None, None, None, None, None, None))

    def adopt(self) -> None:
        """What the thread does first."""
        with self.worker._lock:
            self.worker._adopt()

    def drain(self) -> Delivery:
        """Let all be delivered that can be."""
        self.transport.script = []
        for _ in range(1000):
            if not self.check().pending:
                break
            self.now += 120
            self.worker.turn()
        account = self.check()
        assert account.pending == 0, account
        return account

    def check(self) -> Delivery:
        delivery = self.worker.delivery()
        assert lawful(delivery), delivery
        assert delivery.emitted == self.emitted
        return delivery
