"""A client: settings, clocks, the bounded queue that the hot path appends to, and its life.

Sleeping and waking use one raw lock that is only released from the hot path, never waited for:
that is safe in finalizers, signal handlers and under gevent, where a condition is not.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import deque
from itertools import count
from typing import TYPE_CHECKING, Any, Protocol

from meetlat import _exit
from meetlat._account import Delivery, Tally
from meetlat._api import Api
from meetlat.errors import MeetlatError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from meetlat._context import Fields
    from meetlat._encode import Encoder
    from meetlat._worker import Worker
    from meetlat.contract.envelope import Event
    from meetlat.settings import Settings


_GRACE = 0.9
THREAD = "meetlat"


class Clock(Protocol):
    """Where times come from; the module `time` is one."""

    def time_ns(self) -> int:
        """Nanoseconds since 1970: when something happened."""

    def perf_counter_ns(self) -> int:
        """Nanoseconds of a clock that only goes forward: how long it took."""


class Queue:
    """The bounded queue of one process, and how its worker sleeps."""

    def __init__(self, cap: int, wake: Callable[[Queue], None]) -> None:
        self._wake = wake
        self.queue: deque[Any] = deque()
        self.cap = cap
        self.closed = False
        self.full = Tally()
        self.late = Tally()
        self.mistakes: deque[tuple[str, str]] = deque(maxlen=100)
        self.wake_at = 0
        self._bell = threading.Lock()
        self._bell.acquire()

    def put(self, item: tuple[Any, ...]) -> None:
        """The hot path: append, or count a drop when full."""
        queue = self.queue
        if len(queue) >= self.cap:
            (self.late if self.closed else self.full).hit()
            return
        queue.append(item)
        if len(queue) > self.wake_at:
            self._wake(self)

    def close(self) -> None:
        """Take no more."""
        self.closed = True
        self.cap = 0

    def sleep(self, seconds: float | None, *, until: int) -> None:
        """Sleep until there are more than `until` events, a nudge, or the time is over."""
        self.wake_at = until
        if len(self.queue) <= until:  # looked at after wake_at is set, so that none is missed
            self._bell.acquire(timeout=-1 if seconds is None else max(seconds, 0.0))
        self.wake_at = sys.maxsize

    def nudge(self) -> None:
        """Wake the sleeper; the next sleep is cut short when nobody sleeps."""
        try:
            self._bell.release()
        except RuntimeError:
            return  # it has rung already


class Client(Api):
    """Sends to one place, with its own queue, thread and counts; several may live side by side.

    Arguments are the settings of docs/settings.md, and win over environment and file. `clock`
    gives the times of events; `history=True` marks all events as history; `strict` raises errors
    of the program at `flush` and `shutdown` (default: under pytest).
    """

    def __init__(
        self,
        *,
        endpoint: str | None = None,
        source: str | None = None,
        environment: str | None = None,
        use_case: str | None = None,
        team: str | None = None,
        pseudonym_key: str | None = None,
        pseudonym_key_id: str | None = None,
        api_key: str | None = None,
        mode: str | None = None,
        queue_events: int | None = None,
        spool: str | Path | None = None,
        spool_bytes: int | None = None,
        linger_seconds: float | None = None,
        send_timeout_seconds: float | None = None,
        history: bool = False,
        clock: Clock = time,
        strict: bool | None = None,
        settings: Settings | None = None,
    ) -> None:
        given = {
            "endpoint": endpoint,
            "source": source,
            "environment": environment,
            "use_case": use_case,
            "team": team,
            "pseudonym_key": pseudonym_key,
            "pseudonym_key_id": pseudonym_key_id,
            "api_key": api_key,
            "mode": mode,
            "queue_events": queue_events,
            "spool": spool,
            "spool_bytes": spool_bytes,
            "linger_seconds": linger_seconds,
            "send_timeout_seconds": send_timeout_seconds,
        }
        self.time_ns = clock.time_ns
        self.perf_ns = clock.perf_counter_ns
        self._history = history
        self._strict = strict
        self._mode = "off"
        self.source = ""
        try:
            self._configure(given, settings)
        except MeetlatError as error:
            self._configure_failed(error)
        self.off = self._mode == "off"
        self.ready = self
        self._fresh()
        _exit.watch(self)

    @property
    def client(self) -> Client:
        """Itself."""
        return self

    def flush(self, timeout: float = 10.0) -> Delivery:
        """Send everything now; wait at most `timeout` seconds. Returns where the events went.

        Under pytest raises MeetlatError when an event was refused, or the SDK was misused.
        """
        deadline = time.monotonic() + timeout
        if self._queue.queue and self._thread is None and self._mode == "send":
            self._wake(self._queue)
        if self._thread is not None and self._built.wait(timeout) and self._worker is not None:
            self._worker.flush(deadline - time.monotonic())
        return self._judged()

    def shutdown(self, timeout: float = 10.0) -> Delivery:
        """Send what can be sent within `timeout` seconds, spool the rest, stop the thread.

        Events that come later are dropped and counted. Raises like `flush`.
        """
        self.end(timeout, exiting=False)
        return self._judged()

    def stats(self) -> Delivery:
        """Where the events are now. Waits for nothing but a short lock."""
        worker = self._worker
        if worker is not None:
            return worker.delivery()
        queue = self._queue
        full, late, waiting = queue.full.value(), queue.late.value(), len(queue.queue)
        reasons = {k: v for k, v in (("queue_full", full), ("after_shutdown", late)) if v}
        lost = full + late
        return Delivery(waiting + lost, 0, waiting, lost, 0, 0, 0, reasons)

    def captured(self) -> list[Event]:
        """In mode `capture`: the events so far, as the contract reads them.

        Raises MeetlatError for one that does not fit, and for misuse of the SDK.
        """
        from meetlat.contract.envelope import RefusedError, read_event

        if self._queue.mistakes:
            raise MeetlatError(self._queue.mistakes.popleft()[1], remedy="mend the call")
        encoder = self._encoder()
        events = []
        for item in list(self._queue.queue):
            try:
                events.append(read_event(encoder.encode(item).value))
            except RefusedError as error:
                raise MeetlatError(
                    f"an event {item[0]} does not fit: {error}", remedy="look where it is recorded"
                ) from None
        return events

    # --- the hot path

    def put_event(
        self,
        kind: str,
        ident: str,
        moment: Any,
        inherited: Fields | None,
        own: Fields,
        history: bool | None,
        source: str | None,
        traced: bool,
    ) -> None:
        """Queue an event that is no call."""
        from meetlat._call import current_span

        span: Any = source
        if source is None and traced:
            span = current_span()
        head = (kind, ident, moment, inherited, None, own, history, span)
        self.put((*head, None, None, None, None))

    def own_error(self, where: str, error: Exception) -> None:
        """Note an error of the program or the SDK; the worker tells it. Never raises."""
        self._queue.mistakes.append((where, f"{where}: {error}"))

    # --- its life

    def _configure(self, given: dict[str, Any], settings: Settings | None) -> None:
        from meetlat import settings as names

        overrides = {f"MEETLAT_{k.upper()}": v for k, v in given.items() if v is not None}
        if settings is None:
            settings = names.Settings(overrides=overrides)
        elif overrides:
            raise MeetlatError("`settings` and single settings were given", remedy="give one")
        mode = settings[names.MODE]
        if mode not in ("send", "off", "capture"):
            raise MeetlatError(
                f"MEETLAT_MODE: {mode!r} is unknown", remedy="use send, off or capture"
            )
        self._settings = settings
        self._cap = settings[names.QUEUE_EVENTS]
        self.source = settings[names.SOURCE] or _default_source()
        self._mode = mode

    def _configure_failed(self, error: MeetlatError) -> None:
        """A wrong setting must not stop the host: nothing is measured, and that is said."""
        import logging

        self._cap = 0
        self._mode = "off"
        logging.getLogger("meetlat").error("nothing is measured: %s", error)
        if self._is_strict():
            raise error

    def _fresh(self) -> None:
        """A queue for this process, and no thread yet."""
        self._queue = Queue(self._cap, self._wake)
        if self._mode != "send":
            self._queue.wake_at = sys.maxsize
        self.put = self._queue.put
        self.sequence = count().__next__
        # Ids are made of this and a counter; a forked child needs another.
        self.seed = int.from_bytes(os.urandom(6)) & ((1 << 42) - 1)
        self._worker: Worker | None = None
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._building = threading.Lock()
        self._builder = 0
        self._hopeless = False
        self._built = threading.Event()
        self._ended = False

    def hold_still(self, timeout: float) -> bool:
        """Before a fork: wait until the thread has imported what it needs; True to `go_on`."""
        if threading.get_ident() == self._builder:
            return False  # the import itself forks
        return self._building.acquire(timeout=timeout)

    def go_on(self) -> None:
        """After the fork, in the parent."""
        self._building.release()

    def after_fork(self) -> None:
        """In the child: a new queue, no thread; what was the parent's is let go, unsent."""
        self._queue.close()
        if self._worker is not None:
            self._worker.after_fork()
        self._fresh()

    def end(self, timeout: float, *, exiting: bool) -> None:
        """Stop within about `timeout` seconds; what was not sent is in the spool. Idempotent."""
        deadline = time.monotonic() + timeout
        self._queue.close()
        thread = self._thread
        if self._ended or self._mode != "send" or (thread is None and not self._queue.queue):
            self._ended = True
            return
        if thread is not None and not self._built.wait(timeout + _GRACE):
            return  # its imports take so long: waiting on for them could take for ever
        self._ended = True
        worker = self._build()
        if worker is not None:
            worker.shutdown(thread, max(deadline - time.monotonic(), 0.0), exiting=exiting)

    def _wake(self, queue: Queue) -> None:
        queue.wake_at = sys.maxsize
        if self._thread is None:
            self._start()
        else:
            queue.nudge()

    def _start(self) -> None:
        """Start the thread, once. Waits for nobody: a finalizer may be calling."""
        if not self._starting.acquire(blocking=False):
            return
        try:
            if self._thread is None and not self._queue.closed:
                # They have hooks of their own around a fork. Loaded by the thread while our hook
                # waits for it, they would be asked to release what they never took.
                import concurrent.futures.thread  # noqa: F401 - see above
                import logging  # noqa: F401

                _exit.watch_process()
                thread = threading.Thread(target=self._run, name=THREAD, daemon=True)
                thread.start()
                self._thread = thread
        except RuntimeError as error:  # no threads any more: the exit handler spools
            self.own_error("start", error)
        finally:
            self._starting.release()

    def _run(self) -> None:
        self._builder = threading.get_ident()
        worker = self._build()
        self._built.set()
        if worker is not None and not self._ended:
            worker.run()

    def _build(self) -> Worker | None:
        """Load what only the worker needs, and make it; None when the settings do not allow it."""
        with self._building:
            if self._worker is None and not self._hopeless:
                try:
                    self._worker = self._made_worker()
                except (MeetlatError, ImportError) as error:
                    self._give_up(error)
            return self._worker

    def _made_worker(self) -> Worker:
        from meetlat import settings as names
        from meetlat._spool import Spool, spool_directory
        from meetlat._transports import open_transport
        from meetlat._worker import Worker

        settings = self._settings
        return Worker(
            self._queue,
            self._encoder(),
            Spool(spool_directory(settings), settings[names.SPOOL_BYTES]),
            open_transport(settings),
            linger=settings[names.LINGER_SECONDS],
            send_timeout=settings[names.SEND_TIMEOUT_SECONDS],
            time_ns=time.time_ns,
        )

    def _give_up(self, error: Exception) -> None:
        """There is no way to send: drop and count from now on, and say so once."""
        import logging

        self._hopeless = True
        queue = self._queue
        queue.cap = 0
        while queue.queue:
            queue.queue.popleft()
            queue.full.hit()
        self.own_error("settings", error)
        logging.getLogger("meetlat").error("nothing is sent: %s", error)

    def _encoder(self) -> Encoder:
        from meetlat import settings as names
        from meetlat._encode import Encoder

        settings = self._settings
        defaults = {
            "environment": settings[names.ENVIRONMENT],
            "use_case": settings[names.USE_CASE],
            "team": settings[names.TEAM],
        }
        return Encoder(
            source=self.source,
            seed=self.seed,
            history=self._history,
            defaults={k: v for k, v in defaults.items() if v and v != "production"},
            key=settings[names.PSEUDONYM_KEY].reveal(),
            key_id=settings[names.PSEUDONYM_KEY_ID] or None,
        )

    def _is_strict(self) -> bool:
        return "PYTEST_CURRENT_TEST" in os.environ if self._strict is None else self._strict

    def _judged(self) -> Delivery:
        """The counts; under the test runner an error when something was wrong."""
        worker, mistakes = self._worker, self._queue.mistakes
        wrong = worker.mistakes() if worker is not None else []
        while mistakes:
            wrong.append(mistakes.popleft()[1])
        if wrong and self._is_strict():
            more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
            raise MeetlatError(wrong[0] + more, remedy="raised under pytest only")
        return self.stats()


def _default_source() -> str:
    import socket

    program = os.path.basename(sys.argv[0]) if sys.argv else ""  # noqa: PTH119 - pathlib is not loaded here
    return f"/{socket.gethostname()}/{program or 'python'}"[:200]
