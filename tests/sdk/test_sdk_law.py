"""The law, through anything that may happen: every event is delivered, pending, dropped or refused.

A machine of hypothesis turns the worker by hand: sends that fail, half-succeed, or whose answer is
lost; a hanging one that the end takes over; a disk that takes nothing; flush, shutdown, restart,
fork, and a kill at the worst moment. At the end all that is not dropped, refused or lost by the
kill has arrived, and what arrived twice is byte for byte the same event.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from support.sdk_bench import Bench, Killed

from meetlat._encode import Encoded
from meetlat._transports.base import Sent


class Law(RuleBasedStateMachine):
    """One spool directory, one process at a time in it, and what became of the earlier ones."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp())
        self.processes = 0
        self.emitted = self.delivered = self.dropped = self.refused = self.lost = 0
        self.arrived: list[bytes] = []
        self.orphans = 0  # what forked children left, not yet adopted

    @initialize(cap=st.sampled_from([3_000, 1_000_000]))
    def begin(self, cap: int) -> None:
        self.cap = cap
        self.next_process(0)

    def next_process(self, left: int) -> None:
        """It finds what the one before left, and children of that."""
        self.processes += 1
        self.bench = Bench(self.directory, self.cap, name=f"p{self.processes}")
        self.bench.adopt()
        self.adopted = self.bench.check().adopted
        assert self.adopted == left + self.orphans
        self.orphans = 0

    def settle(self) -> None:
        """Add up what a process that is gone has counted."""
        account = self.bench.check()
        self.orphans -= account.adopted - self.adopted
        self.emitted += account.emitted
        self.delivered += account.delivered
        self.dropped += account.dropped
        self.refused += account.refused
        self.arrived += self.bench.transport.got

    @rule(number=st.integers(1, 70))  # the queue takes 50
    def emit(self, number: int) -> None:
        for _ in range(number):
            self.bench.emit()

    @rule(number=st.integers(1, 3))
    def emit_what_is_refused(self, number: int) -> None:
        for _ in range(number):
            self.bench.emit("x" * 300)

    @rule(fail=st.integers(0, 100), refuse=st.integers(0, 5), answer_lost=st.booleans())
    def next_sends(self, fail: int, refuse: int, answer_lost: bool) -> None:
        self.bench.transport.script.append((fail, refuse))
        self.bench.transport.answer_lost = answer_lost

    @rule(times=st.integers(1, 3))
    def turn(self, times: int) -> None:
        for _ in range(times):
            self.bench.worker.turn()

    @rule(seconds=st.sampled_from([0.3, 1, 5, 61]))
    def wait(self, seconds: float) -> None:
        self.bench.now += seconds

    @rule(fail=st.integers(0, 5), refuse=st.integers(0, 2), number=st.integers(6, 20))
    def part_of_the_spool_is_taken(self, fail: int, refuse: int, number: int) -> None:
        bench = self.bench
        for _ in range(number):
            bench.emit()
        bench.transport.script = [(100, 0)]
        bench.worker.turn()  # to the spool
        bench.transport.script = [(fail, refuse)]
        bench.worker.flush(0)  # no pause now
        bench.worker.turn()

    @rule()
    def flush(self) -> None:
        self.bench.worker.flush(0)
        self.bench.worker.turn()

    @rule(works=st.booleans())
    def disk(self, works: bool) -> None:
        spool: Any = self.bench.spool
        if works:
            spool.__dict__.pop("_write", None)
        else:
            spool._write = lambda *_: False

    @rule(exiting=st.booleans())
    def restart(self, exiting: bool) -> None:
        self.bench.queue.close()
        self.bench.worker.shutdown(None, 0, exiting=exiting)
        self.bench.emit()  # too late: dropped
        self.settle()
        self.next_process(self.bench.check().pending)

    @rule(from_spool=st.booleans())
    def end_takes_over_a_hanging_send(self, from_spool: bool) -> None:
        bench, hangs, goes_on = self.bench, threading.Event(), threading.Event()
        transport: Any = bench.transport
        send = transport.send

        def hang(events: Sequence[Encoded], timeout: float, *, connect: bool = True) -> Sent:
            hangs.set()
            goes_on.wait(20)
            sent: Sent = send(events, timeout, connect=connect)
            return sent

        bench.emit()
        if from_spool:
            transport.script = [(100, 0)]
            bench.worker.turn()
        if bench.spool.empty:  # the cap may have left nothing there
            bench.emit()
        transport.script = []
        transport.send = hang
        bench.worker.flush(0)  # no pause now
        thread = threading.Thread(target=bench.worker.turn)
        thread.start()
        assert hangs.wait(20)
        bench.emit()
        bench.worker.shutdown(thread, 0, exiting=True)
        account = bench.check()
        goes_on.set()
        thread.join(20)
        assert bench.check() == account  # what the late answer says is counted by nobody
        self.settle()
        self.next_process(account.pending)

    @rule(amid_a_send=st.booleans())
    def kill(self, amid_a_send: bool) -> None:
        bench = self.bench
        if amid_a_send:
            bench.transport.dies = True
            bench.now += 120
            with contextlib.suppress(Killed):
                bench.worker.turn()
        account = bench.check()
        on_disk = sum(s.count for s in bench.spool._segments if s.path is not None)
        self.settle()
        self.lost += account.pending - on_disk
        bench.spool.abandon()  # closes its files, as the end of a process does
        self.next_process(on_disk)

    @rule(number=st.integers(0, 5), arrive=st.booleans())
    def fork(self, number: int, arrive: bool) -> None:
        """The child sends its own and never its parent's; what it spools the next one sends."""
        before = self.bench.check()
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            status = 1
            try:
                os.write(write, self._in_child(number, arrive))
                status = 0
            finally:
                os._exit(status)
        os.close(write)
        with os.fdopen(read, "rb") as answer:
            told = answer.read()
        assert os.waitpid(child, 0)[1] == 0
        emitted, delivered, dropped, more = json.loads(told)
        assert emitted == number
        self.emitted += emitted
        self.delivered += delivered
        self.dropped += dropped
        self.orphans += more
        assert self.bench.check() == before
        self.processes += 1

    def _in_child(self, number: int, arrive: bool) -> bytes:
        self.bench.worker.after_fork()
        own = Bench(self.directory, self.cap, name=f"p{self.processes + 1}")
        own.adopt()
        for _ in range(number):
            own.emit()
        own.transport.script = [] if arrive else [(100, 0)]
        own.worker.turn()
        own.queue.close()
        own.worker.shutdown(None, 0, exiting=True)
        account = own.check()
        assert not any(f'"{self.bench.name}-'.encode() in value for value in own.transport.got)
        more = account.pending - account.adopted  # it may adopt what an earlier child left
        return json.dumps([account.emitted, account.delivered, account.dropped, more]).encode()

    @invariant()
    def law(self) -> None:
        if self.processes:
            self.bench.check()

    def teardown(self) -> None:
        if not self.processes:
            return
        self.disk(works=True)
        self.restart(exiting=True)
        self.bench.drain()
        self.bench.worker.shutdown(None, 0, exiting=True)
        self.settle()
        assert self.emitted == self.delivered + self.dropped + self.refused + self.lost
        events: dict[str, bytes] = {}
        for value in self.arrived:
            assert events.setdefault(json.loads(value)["id"], value) == value
        shutil.rmtree(self.directory)


TestLaw = Law.TestCase
TestLaw.settings = settings(max_examples=80, stateful_step_count=20, deadline=None)
