"""The background thread: takes events from the queue, encodes, sends, and spools what must wait.

Everything it does with counted events happens under one lock, so that at any moment each event is
in exactly one place. When the program ends while a send hangs, `shutdown` takes over from the
thread what it holds, and spools it.
"""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from itertools import islice
from typing import TYPE_CHECKING, Protocol

from meetlat._account import Complaints, Delivery, Reasons, Tally
from meetlat._encode import LOST_USER, REPORT, Encoded, Encoder, Item
from meetlat._transports.base import Sent, Transport
from meetlat._values import rfc3339, uuid7
from meetlat.contract.envelope import RefusedError

if TYPE_CHECKING:
    from meetlat._spool import Spool

BATCH = 1000
_BATCH_BYTES = 1_000_000
_REPORT_SECONDS = 60.0
_FIRST_RETRY, _LONGEST_RETRY = 0.5, 60.0
# So many events are encoded at one go, a third of a millisecond; then the host's threads get the
# interpreter. A sleep of 0 would not do: who waits is not awake yet when it is taken back.
_SLICE = 50
_PAUSE = 50e-6


class Source(Protocol):
    """The queue side: where events come from, and how to sleep until there are some."""

    queue: deque[Item]
    full: Tally
    late: Tally
    mistakes: deque[tuple[str, str]]

    def sleep(self, seconds: float | None, *, until: int) -> None:
        """Sleep until there are more than `until` events, a nudge, or the time is over."""

    def nudge(self) -> None:
        """Wake the sleeper."""


class Worker:
    """One per process and client. `run` is the thread; the rest is called from others."""

    def __init__(
        self,
        source: Source,
        encoder: Encoder,
        spool: Spool,
        transport: Transport,
        *,
        linger: float,
        send_timeout: float,
        time_ns: Callable[[], int],
        monotonic: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._source = source
        self._encoder = encoder
        self._spool = spool
        self._transport = transport
        self._linger = linger
        self._send_timeout = send_timeout
        self._time_ns = time_ns
        self._now = monotonic
        self._jitter = jitter
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._raw: deque[Item] = deque()
        self._hand: list[Encoded] = []
        self._from_spool: list[Encoded] = []
        self._taken = self._delivered = self._spooled = self._adopted = 0
        self._dropped = Reasons()
        self._refused = Reasons()
        self._started = time_ns()
        self._reported: tuple[int, ...] = (0, 0, 0, 0)
        self._report_at = monotonic() + _REPORT_SECONDS
        self._failures = 0
        self._retry_at = 0.0
        self._flushes = 0
        self._stop_at: float | None = None
        self._exiting = False
        self._abandoned = False
        self._left = 0
        self._complaints = Complaints()

    # --- the thread

    def run(self) -> None:
        """Work until told to stop; what is left then is in the spool."""
        with self._lock:
            self._adopt()
        # Also when the program is ending already: one of a few lines ends before this thread gets
        # here, and its events should not have to wait for the next one.
        self._transport.open(self._timeout())
        while not self._abandoned:
            try:
                self.turn()
            except Exception as error:  # noqa: BLE001 - the thread must outlive any fault of ours
                with self._lock:
                    if not self._abandoned:
                        self._own_fault(error)
            with self._lock:
                if self._finished():
                    self._spool_rest()
                    break
            self._rest()
        self._transport.close(0.5)

    def turn(self) -> None:
        """Take what waits and deal with it once."""
        with self._lock:
            if self._abandoned:
                return
            self._tell_mistakes()
            number = min(BATCH, len(self._source.queue))
            self._raw += [self._source.queue.popleft() for _ in range(number)]
            self._taken += number
            last = self._stop_at is not None and not (self._raw or self._hand)
            if self._now() >= self._report_at or (last and not self._idle()):
                self._report()
        self._encode_raw()
        self._send_hand()
        self._send_spooled()
        with self._lock:
            self._changed.notify_all()

    def _rest(self) -> None:
        """Sleep until there is something to do."""
        now = self._now()
        source = self._source
        if len(source.queue) >= BATCH:
            return
        if not self._flushes and self._stop_at is None:
            if not source.queue:
                source.sleep(self._until_timer(now), until=0)
            if source.queue and not self._flushes and self._stop_at is None:
                source.sleep(self._linger, until=BATCH - 1)
        elif not source.queue:
            timer = self._until_timer(now)
            source.sleep(1.0 if timer is None else min(timer, 1.0), until=0)

    def _until_timer(self, now: float) -> float | None:
        with self._lock:
            due: list[float] = []
            if not self._idle():
                due.append(self._report_at if self._stop_at is None else now)
            if not self._spool.empty:
                due.append(self._retry_at)
        return max(min(due) - now, 0.0) if due else None

    def _encode_raw(self) -> None:
        """A few at a time: what they share is done once, and the host's threads do not wait."""
        while self._raw:
            items = list(islice(self._raw, _SLICE))
            found = self._encoder.encode_some(items)
            with self._lock:
                if self._abandoned:
                    return
                for _ in items:
                    self._raw.popleft()
                self._keep(items, found)
            time.sleep(_PAUSE)

    def _send_hand(self) -> None:
        while self._hand:
            batch = _part(self._hand)
            sent = self._send(batch) if self._may_send() else Sent.failed(batch, "")
            with self._lock:
                if self._abandoned:
                    return
                del self._hand[: len(batch)]
                retry = self._book(batch, sent)
                self._to_spool(retry)

    def _send_spooled(self) -> None:
        """One batch of what waits on disk, so that new events get their turn."""
        with self._lock:
            if self._abandoned or self._spool.empty or not self._may_send():
                return
            batch = self._spool.peek(BATCH, _BATCH_BYTES)
            self._hear_spool()
        if not batch:
            with self._lock:
                if not self._spool.empty and not self._abandoned:
                    self._dropped.add("spool_damaged", self._spool.advance(0))
            return
        sent = self._send(batch)
        with self._lock:
            if self._abandoned or len(sent.retry) == len(batch):
                return
            retry = self._book(batch, sent)
            self._dropped.add("spool_damaged", self._spool.advance(len(batch)))
            self._dropped.add("spool_full", self._spool.append(retry))
            self._hear_spool()

    def _send(self, batch: list[Encoded]) -> Sent:
        sent = self._transport.send(batch, self._timeout(), connect=not self._exiting)
        with self._lock:
            now = self._now()
            if sent.retry:
                pause = min(_FIRST_RETRY * 2**self._failures, _LONGEST_RETRY)
                self._failures = min(self._failures + 1, 16)
                pause = max(pause * (0.5 + self._jitter() / 2), sent.retry_after)
                self._retry_at = now + pause
                if sent.problem:
                    self._complaints.say("send", f"events wait: {sent.problem}", now)
            else:
                self._failures = 0
                self._retry_at = 0.0
        return sent

    def _may_send(self) -> bool:
        if self._exiting and self._failures:
            return False
        return self._now() >= self._retry_at

    def _timeout(self) -> float:
        if self._stop_at is None:
            return self._send_timeout
        return max(0.05, min(self._send_timeout, self._stop_at - self._now()))

    # --- under the lock

    def _book(self, batch: list[Encoded], sent: Sent) -> list[Encoded]:
        """Count what became of a batch; returns what has to be sent again."""
        if not sent.retry and not sent.refused:
            self._delivered += sum([event.counted for event in batch])
            return []
        retry = set(sent.retry)
        refused = dict(sent.refused)
        for index, event in enumerate(batch):
            if not event.counted or index in retry:
                continue
            if index in refused:
                self._refused.add(refused[index])
                told = f"the collector refused an event: {refused[index]}"
                self._complaints.mistake("refused", told, self._now())
            else:
                self._delivered += 1
        return [batch[index] for index in sent.retry]

    def _to_spool(self, events: list[Encoded]) -> None:
        self._spooled += sum(event.counted for event in events)
        self._dropped.add("spool_full", self._spool.append(events))
        self._hear_spool()

    def _keep(self, items: Iterable[Item], found: list[Encoded | RefusedError]) -> None:
        fit = [event for event in found if isinstance(event, Encoded)]
        self._hand += fit
        if len(fit) < len(found):
            for item, event in zip(items, found, strict=True):
                if isinstance(event, RefusedError):
                    self._refuse(item[0], event)

    def _refuse(self, kind: str, error: RefusedError) -> None:
        message = f"an event {kind} was refused: {error}; look at where it is recorded"
        if kind != REPORT:
            self._refused.add(".".join(error.field.split(".")[:2]) or "event")
        self._complaints.mistake("refused", message, self._now())

    def _own_fault(self, error: Exception) -> None:
        """A fault of this SDK: what is in hand goes to the spool, and a pause comes first."""
        self._complaints.mistake("fault", f"fault inside meetlat: {error!r}", self._now())
        self._failures += 1
        self._retry_at = self._now() + _LONGEST_RETRY / 2
        self._to_spool(self._hand)
        self._hand = []

    def _hear_spool(self) -> None:
        if self._spool.trouble:
            self._complaints.say("spool", f"spool: {self._spool.trouble}", self._now())
            self._spool.trouble = ""

    def _tell_mistakes(self) -> None:
        mistakes = self._source.mistakes
        while mistakes:
            kind, message = mistakes.popleft()
            self._complaints.mistake(kind, message, self._now())
        for reason, number in self._encoder.lost_fields.items():
            told = f"`user` was left out of {number} events ({reason}); {LOST_USER[reason]}"
            self._complaints.say(reason, told, self._now())

    def _adopt(self) -> None:
        adopted = self._spool.adopt()
        self._adopted += adopted
        self._hear_spool()

    def _totals(self) -> tuple[int, ...]:
        emitted = self._taken + self._source.full.value() + self._source.late.value()
        return emitted, self._dropped.total, self._refused.total, self._spooled

    def _idle(self) -> bool:
        return self._totals() == self._reported

    def _report(self) -> None:
        """Put the SDK's own account in the queue's place; adopt what others left meanwhile."""
        self._report_at = self._now() + _REPORT_SECONDS
        if self._stop_at is None:
            self._adopt()
        totals = self._totals()
        if totals == self._reported:
            return
        self._reported = totals
        full, late = self._source.full.value(), self._source.late.value()
        dropped = {**self._dropped.by_reason}
        dropped |= {k: v for k, v in (("queue_full", full), ("after_shutdown", late)) if v}
        own = {
            "started": rfc3339(self._started),
            "emitted": totals[0] + len(self._source.queue),
            "spooled": self._spooled,
            "dropped": dropped or None,
            "refused": dict(self._refused.by_reason) or None,
        }
        own = {name: value for name, value in own.items() if value is not None}
        now = self._time_ns()
        head = (REPORT, uuid7(now), now, None, None, own, False)
        self._raw.append((*head, None, None, None, None, None))

    def _finished(self) -> bool:
        if self._stop_at is None or self._abandoned:
            return False
        if self._now() >= self._stop_at:
            return True
        waiting = self._source.queue or self._raw or self._hand or not self._idle()
        if waiting:
            return False
        return self._spool.empty or (self._exiting and bool(self._failures))

    def _spool_rest(self) -> None:
        """The end: everything that is left goes to the spool, and nobody works any more."""
        self._abandoned = True
        while self._source.queue:
            self._raw.append(self._source.queue.popleft())
            self._taken += 1
        self._report()
        self._keep(self._raw, self._encoder.encode_some(self._raw))
        self._raw.clear()
        rest, self._hand = self._hand, []
        self._to_spool(rest)
        self._left = self._spool.count
        lost = self._spool.close()
        self._left -= lost
        self._dropped.add("spool_failed", lost)
        self._hear_spool()
        if self._left:
            told = f"{self._left} events wait in {self._spool.directory}; the next run sends them"
            self._complaints.say("left", told, self._now())
        self._changed.notify_all()

    # --- from other threads

    def flush(self, timeout: float) -> None:
        """Wait until nothing is pending, at most `timeout` seconds."""
        deadline = self._now() + timeout
        with self._changed:
            self._flushes += 1
            self._retry_at = 0.0
            self._source.nudge()
            while not self._abandoned and self._pending():
                left = deadline - self._now()
                if left <= 0:
                    break
                self._changed.wait(left)
            self._flushes -= 1
            self._tell_mistakes()

    def shutdown(self, thread: threading.Thread | None, timeout: float, *, exiting: bool) -> None:
        """Deliver within `timeout` seconds, then spool the rest; take over from a hung thread."""
        deadline = self._now() + timeout
        self._exiting = exiting
        self._stop_at = deadline
        self._retry_at = 0.0
        self._source.nudge()
        if thread is not None:
            thread.join(timeout)
        if not self._lock.acquire(timeout=1.0):
            return  # the disk hangs under the spool; nothing more can be saved
        try:
            if not self._abandoned:
                self._spool_rest()
        finally:
            self._lock.release()

    def delivery(self) -> Delivery:
        """Where the events are now."""
        with self._lock:
            full, late = self._source.full.value(), self._source.late.value()
            waiting = len(self._source.queue)
            reasons = {**self._dropped.by_reason}
            reasons |= {k: v for k, v in (("queue_full", full), ("after_shutdown", late)) if v}
            for refused, number in self._refused.by_reason.items():
                reasons[f"refused: {refused}"] = number
            reasons |= self._encoder.lost_fields
            return Delivery(
                emitted=self._taken + waiting + full + late,
                delivered=self._delivered,
                pending=waiting + self._inside(),
                dropped=self._dropped.total + full + late,
                refused=self._refused.total,
                spooled=self._spooled,
                adopted=self._adopted,
                reasons=reasons,
            )

    def mistakes(self) -> list[str]:
        """Errors of the program or the SDK since the last time, for the test runner."""
        with self._lock:
            self._tell_mistakes()
            found, self._complaints.mistakes = self._complaints.mistakes, []
        return found

    def after_fork(self) -> None:
        """In the child: close what is the parent's, send nothing of it."""
        self._abandoned = True
        self._spool.abandon()

    def _pending(self) -> bool:
        return bool(self._source.queue or self._inside() or self._raw)

    def _inside(self) -> int:
        counted = sum(1 for item in self._raw if item[0] != REPORT)
        counted += sum(event.counted for event in self._hand)
        return counted + (self._left if self._abandoned else self._spool.count)


def _part(events: list[Encoded]) -> list[Encoded]:
    """As many from the front as make one request: 1,000, or one megabyte."""
    size = 0
    for index, event in enumerate(events[:BATCH]):
        size += len(event.value)
        if size > _BATCH_BYTES and index:
            return events[:index]
    return events[:BATCH]
