"""The loop from log to tables: each record has its effect once, whatever log and disk do."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from support.aggregating import NOON, Sent, event
from support.ingesting import FakeReader, data_settings, opened, until

from meetlat.errors import DataLossError, LogError, MeetlatError
from meetlat.logs.base import Start
from meetlat.settings import Settings
from meetlat_aggregator import ingest as ingest_module
from meetlat_aggregator.ingest import Ingest, PoisonError
from meetlat_aggregator.store import Store
from meetlat_aggregator.transaction import Outcome

BAD = Sent(b"bad", NOON)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest_module, "_RETRY_SECONDS", (0.0, 0.0, 0.0))


async def drain(settings: Settings, reader: FakeReader) -> dict[str, int]:
    """Run until the log is read to its end; what became of its records."""
    async with opened(settings) as store:
        ingest = Ingest(settings, store, reader)
        stop = asyncio.Event()
        stop.set()
        await ingest.run(stop)
        return await verdicts(store)


async def verdicts(store: Store) -> dict[str, int]:
    names = ("received", "counted", "duplicate", "dead")
    sums = ", ".join(f"coalesce(sum({name}), 0)::BIGINT" for name in names)
    await store.fold()
    rows = await store.run(lambda con: con.execute(f"SELECT {sums} FROM health_hourly").fetchall())
    return {name: count for name, count in zip(names, rows[0], strict=True) if count}


@asynccontextmanager
async def running(
    settings: Settings, store: Store, reader: FakeReader, committed: list[Outcome]
) -> AsyncIterator[Ingest]:
    """The loop in the background until the block ends; its fault is raised there."""
    ingest = Ingest(settings, store, reader, lambda outcome, *_: committed.append(outcome))
    stop = asyncio.Event()
    task = asyncio.create_task(ingest.run(stop))
    try:
        yield ingest
    except BaseException:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        raise
    stop.set()
    await task


def count_of(committed: list[Outcome]) -> int:
    return sum(sum(outcome.verdicts.values()) for outcome in committed)


async def test_stop_drains_the_log_first(tmp_path: Path) -> None:
    reader = FakeReader([event() for _ in range(25)], most=10)
    assert await drain(data_settings(tmp_path), reader) == {"received": 25, "counted": 25}


async def test_a_log_without_end_does_not_keep_it_from_stopping(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest_module, "DRAIN_SECONDS", 0.0)
    reader = FakeReader([event() for _ in range(1000)], most=10)
    counted = await drain(data_settings(tmp_path, batch_events=10), reader)
    assert counted == {"received": 10, "counted": 10}
    assert await drain(data_settings(tmp_path), FakeReader([])) == counted


async def test_reading_goes_on_from_the_stored_offsets_after_a_restart(tmp_path: Path) -> None:
    settings = data_settings(tmp_path)
    events = [event(partition=n % 3) for n in range(10)]
    await drain(settings, FakeReader(events[:6]))
    after = FakeReader(events)
    assert await drain(settings, after) == {"received": 10, "counted": 10}
    assert after.reads <= 5


async def test_the_log_is_told_when_the_record_before_the_stored_offset_was_appended(
    tmp_path: Path,
) -> None:
    """To the microsecond, as the log gave it: it compares the two."""
    settings = data_settings(tmp_path)
    events = [event(late=timedelta(microseconds=n), partition=n % 2) for n in range(4)]
    first = FakeReader(events)
    await drain(settings, first)
    assert first.starts == {}
    after = FakeReader(events)
    await drain(settings, after)
    assert after.starts == {
        partition: Start(2, after.log[partition][1].append_time) for partition in (0, 1)
    }


async def test_batches_are_committed_in_the_order_of_the_log(tmp_path: Path) -> None:
    settings = data_settings(tmp_path, batch_events=3)
    committed: list[Outcome] = []
    reader = FakeReader([event() for _ in range(10)])
    async with opened(settings) as store:
        async with running(settings, store, reader, committed):
            await until(lambda: count_of(committed) == 10, "all is committed")
        assert [outcome.batch for outcome in committed] == [1, 2, 3, 4]
        rows = await store.run(
            lambda con: con.execute(
                'SELECT batch, "offset" FROM archive_tail ORDER BY batch, seq'
            ).fetchall()
        )
        assert [offset for _, offset in rows] == list(range(10))
        assert store.positions[0].next_offset == 10


async def test_the_log_is_told_how_far_the_tables_are(tmp_path: Path) -> None:
    settings = data_settings(tmp_path)
    reader = FakeReader([event(), event(), event(partition=1)])
    async with opened(settings) as store:
        ingest = Ingest(settings, store, reader)
        stop = asyncio.Event()
        stop.set()
        await ingest.run(stop)
        await ingest.tell_progress()
    assert reader.told == {0: 2, 1: 1}


@pytest.mark.parametrize("at", range(1, 7))
async def test_a_rebalance_at_any_read_loses_and_doubles_nothing(tmp_path: Path, at: int) -> None:
    """Also at one in the middle of gathering a batch, which takes two reads here."""
    reader = FakeReader([event(partition=n % 2) for n in range(20)], most=5)
    reader.before_read = lambda number: reader.rebalance() if number == at else None
    settings = data_settings(tmp_path, batch_events=8, batch_seconds=0.2)
    async with opened(settings) as store:
        async with running(settings, store, reader, []):
            await until(
                lambda: sum(p.next_offset for p in store.positions.values()) == 20, "all is read"
            )
            await until(lambda: reader.reads > at, "the rebalance was")
        assert await verdicts(store) == {"received": 20, "counted": 20}


class Held:
    """Stands before a store's transactions and holds one in the middle of its commit."""

    def __init__(self, store: Store) -> None:
        self._real = store.transactions
        self.entered = threading.Event()
        self.go = threading.Event()
        store.transactions = self  # type: ignore[assignment]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def apply(
        self, batch: Any, positions: Any, poison: str, at: Any, check: Callable[[], None]
    ) -> Outcome:
        def hold() -> None:
            check()
            self.entered.set()
            assert self.go.wait(30)

        return self._real.apply(batch, positions, poison, at, hold)


async def test_a_rebalance_waits_for_the_commit_under_way(tmp_path: Path) -> None:
    """It passed its check already; offsets that are read before it ends would double it."""
    settings = data_settings(tmp_path)
    reader = FakeReader([event() for _ in range(5)])
    async with opened(settings) as store:
        held = Held(store)
        async with running(settings, store, reader, []):
            await until(held.entered.is_set, "the commit is under way")
            # The loop has read on, found nothing, and waits for the commit as well.
            await until(lambda: reader.empty_reads >= 1, "the loop read on")
            await asyncio.sleep(0.01)
            rebalance = asyncio.create_task(reader.rebalance())
            await asyncio.sleep(0.01)
            assert not rebalance.done()
            held.go.set()
            await rebalance
            assert reader.next == {0: 5}
        assert await verdicts(store) == {"received": 5, "counted": 5}


async def test_a_batch_of_an_older_assignment_is_thrown_away_before_its_commit(
    tmp_path: Path,
) -> None:
    settings = data_settings(tmp_path)
    reader = FakeReader([event() for _ in range(5)])
    async with opened(settings) as store:
        ingest = Ingest(settings, store, reader)
        await reader.start(ingest)
        batch = ingest_module.decode(reader.log[0])
        loop = asyncio.get_running_loop()

        def check() -> None:
            """The partition is taken in the middle of the transaction."""
            asyncio.run_coroutine_threadsafe(ingest.revoked([0]), loop).result(30)
            raise RuntimeError("outdated")

        with pytest.raises(RuntimeError):
            await store.apply(batch, {}, "", check)
        assert await verdicts(store) == {}
        assert store.positions == {}


async def test_a_rebalance_throws_the_marks_of_bad_records_away_too(tmp_path: Path) -> None:
    """They are read again, and count once in the poison window."""
    settings = data_settings(tmp_path, poison_window=20, batch_events=6)
    reader = FakeReader([*[BAD] * 6, *[event() for _ in range(30)]], most=6)
    reader.before_read = lambda number: reader.rebalance() if number in (2, 3, 4) else None
    async with opened(settings) as store:
        ingest = Ingest(settings, store, reader)
        stop = asyncio.Event()
        stop.set()
        await ingest.run(stop)
        assert await verdicts(store) == {"received": 36, "counted": 30, "dead": 6}
        assert store.poison == "0" * 20


# --- faults


async def test_a_log_that_is_away_is_read_again(tmp_path: Path) -> None:
    settings = data_settings(tmp_path)
    reader = FakeReader([event()])
    faults = [LogError("the broker is away", retry=True)] * 3

    def fail(_: int) -> None:
        if faults:
            raise faults.pop()

    reader.before_read = fail
    committed: list[Outcome] = []
    async with opened(settings) as store, running(settings, store, reader, committed) as ingest:
        await until(lambda: ingest.fault is not None, "the fault shows")
        assert ingest.fault == "the broker is away"
        await until(lambda: bool(committed), "it is read at last")
        assert ingest.fault is None


@pytest.mark.parametrize("error", [LogError("no such topic"), DataLossError("offset 5 is gone")])
async def test_a_log_that_cannot_help_stops_the_aggregator(tmp_path: Path, error: LogError) -> None:
    reader = FakeReader()

    def fail(_: int) -> None:
        raise error

    reader.before_read = fail
    with pytest.raises(LogError, match=str(error)):
        await drain(data_settings(tmp_path), reader)


class Failing:
    """Stands before a store's transactions and fails some times first."""

    def __init__(self, store: Store, *errors: Exception) -> None:
        self._real = store.transactions
        self.errors = list(errors)
        store.transactions = self  # type: ignore[assignment]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def apply(self, *arguments: Any) -> Outcome:
        if self.errors:
            raise self.errors.pop(0)
        return self._real.apply(*arguments)


async def test_a_database_that_cannot_write_is_tried_again(tmp_path: Path) -> None:
    settings = data_settings(tmp_path)
    reader = FakeReader([event() for _ in range(4)])
    committed: list[Outcome] = []
    async with opened(settings) as store:
        failing = Failing(
            store,
            duckdb.IOException("No space left on device\nand more"),
            OSError(28, "No space left on device"),
            duckdb.TransactionException("Failed to commit: No space left on device"),
            duckdb.OutOfMemoryException("failed to pin block"),
        )
        async with running(settings, store, reader, committed) as ingest:
            await until(lambda: not failing.errors, "four tries")
            await until(lambda: bool(committed), "the fifth")
            assert ingest.fault is None
        assert await verdicts(store) == {"received": 4, "counted": 4}


async def test_a_rebalance_while_a_commit_is_tried_again_throws_it_away(tmp_path: Path) -> None:
    settings = data_settings(tmp_path)
    reader = FakeReader([event() for _ in range(4)])
    async with opened(settings) as store:
        failing = Failing(store, *[duckdb.IOException("No space left on device")] * 10_000)
        async with running(settings, store, reader, []) as ingest:
            await until(lambda: ingest.fault is not None, "it fails")
            assert "No space left on device" in (ingest.fault or "")
            await reader.rebalance()
            failing.errors.clear()
            await until(lambda: bool(store.positions), "it was read again")
        assert await verdicts(store) == {"received": 4, "counted": 4}


async def test_a_database_that_failed_for_good_stops_with_one_line(tmp_path: Path) -> None:
    settings = data_settings(tmp_path)
    async with opened(settings) as store:
        Failing(store, duckdb.FatalException("database has been invalidated\nmore"))
        with pytest.raises(MeetlatError, match=r"^the database failed: .*; start again") as caught:
            async with running(settings, store, FakeReader([event()]), []):
                await asyncio.sleep(0)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (duckdb.Error("Corrupt database file: computed checksum 1\nx"), "rebuild --accept"),
        (duckdb.Error("Corrupted RLE segment: run count 9"), "rebuild --accept"),
        (duckdb.IOException("Could not read enough bytes from file"), "rebuild --accept"),
        (duckdb.IOException('No files found that match "{archive}/2026/x.parquet"'), "backup"),
    ],
)
async def test_what_no_retry_can_mend_stops_with_one_line(
    tmp_path: Path, error: duckdb.Error, told: str
) -> None:
    settings = data_settings(tmp_path)
    async with opened(settings) as store:
        message = str(error).replace("{archive}", str(store.archive.directory))
        Failing(store, type(error)(message))
        with pytest.raises(MeetlatError, match=told) as caught:
            async with running(settings, store, FakeReader([event()]), []):
                await asyncio.sleep(0)
        assert "\n" not in str(caught.value)


async def test_told_to_stop_while_a_commit_fails_it_stops_and_nothing_is_skipped(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = data_settings(tmp_path)
    async with opened(settings) as store:
        failing = Failing(store, *[duckdb.IOException("No space left on device")] * 10_000)
        async with running(settings, store, FakeReader([event()]), []) as ingest:
            await until(lambda: ingest.fault is not None, "it fails")
        assert "stopped before a batch could be committed" in caplog.text
        assert store.positions == {}
        failing.errors.clear()


# --- which log it is


async def test_another_log_under_the_same_name_stops(tmp_path: Path) -> None:
    settings = data_settings(tmp_path)
    await drain(settings, FakeReader([event()]))
    other = FakeReader([event()])
    other.name = "another log"
    with pytest.raises(DataLossError, match="is not the one that was read so far"):
        await drain(settings, other)
    gone = FakeReader()
    gone.name = None
    with pytest.raises(DataLossError, match="is gone"):
        await drain(settings, gone)
    same = FakeReader([event(), event()])
    assert await drain(settings, same) == {"received": 2, "counted": 2}


async def test_a_log_that_is_not_there_yet_is_waited_for(tmp_path: Path) -> None:
    settings = data_settings(tmp_path)
    reader = FakeReader()
    reader.name = None
    assert await drain(settings, reader) == {}


async def test_a_log_that_came_after_the_start_is_known_from_its_first_record(
    tmp_path: Path,
) -> None:
    settings = data_settings(tmp_path)
    late, other = FakeReader(), FakeReader([event(), event()])
    late.name, other.name = None, "another log"

    def appear(number: int) -> None:
        if number == 1:
            late.name = "this log"
            late.append(event())

    late.before_read = appear
    assert await drain(settings, late) == {"received": 1, "counted": 1}
    with pytest.raises(DataLossError, match="is not the one that was read so far"):
        await drain(settings, other)


# --- poison


async def test_more_than_half_bad_stops_at_the_record_that_tips_it(tmp_path: Path) -> None:
    settings = data_settings(tmp_path, poison_window=10)
    reader = FakeReader([*[event() for _ in range(20)], *[BAD] * 5, event(), BAD, BAD, event()])
    with pytest.raises(
        PoisonError,
        match=r"^more than 50% of the last 10 records were bad; stopped before "
        r"partition 0, offset 27, .* --partition 0 --until OFFSET` and start again$",
    ):
        await drain(settings, reader)
    async with opened(settings) as store:
        assert store.positions[0].next_offset == 27
        assert await verdicts(store) == {"received": 27, "counted": 21, "dead": 6}


async def test_the_poison_window_survives_a_restart(tmp_path: Path) -> None:
    settings = data_settings(tmp_path, poison_window=10)
    reader = FakeReader([*[event() for _ in range(20)], *[BAD] * 4])
    assert (await drain(settings, reader))["dead"] == 4
    reader.append(BAD, BAD, BAD)
    with pytest.raises(PoisonError):
        await drain(settings, reader)
    async with opened(settings) as store:
        assert (await verdicts(store))["dead"] == 6


async def test_restarts_alone_do_not_drain_a_poisoned_topic(tmp_path: Path) -> None:
    settings = data_settings(tmp_path, poison_window=10)
    reader = FakeReader([BAD] * 30)
    for _ in range(3):
        with pytest.raises(PoisonError):
            await drain(settings, reader)
    async with opened(settings) as store:
        assert await verdicts(store) == {"received": 6, "dead": 6}


async def test_an_accepted_stretch_lets_it_go_on_and_not_beyond(tmp_path: Path) -> None:
    settings = data_settings(tmp_path, poison_window=10)
    reader = FakeReader([*[BAD] * 30, *[event() for _ in range(10)], *[BAD] * 10])
    with pytest.raises(PoisonError):
        await drain(settings, reader)
    async with opened(settings) as store:
        await store.accept_poison(0, 30)
    with pytest.raises(PoisonError, match="offset 46,"):
        await drain(settings, reader)
    async with opened(settings) as store:
        assert await verdicts(store) == {"received": 46, "counted": 10, "dead": 36}


async def test_ten_thousand_bad_records_make_501_dead_letters_and_stop(tmp_path: Path) -> None:
    settings = data_settings(tmp_path)
    reader = FakeReader([*[event() for _ in range(1000)], *[BAD] * 10_000])
    with pytest.raises(PoisonError):
        await drain(settings, reader)
    async with opened(settings) as store:
        assert await verdicts(store) == {"received": 1501, "counted": 1000, "dead": 501}
        waiting = await store.run(
            lambda con: con.execute("SELECT count(*) FROM outbox WHERE NOT sent").fetchall()
        )
        assert waiting == [(501,)]


async def test_few_records_at_the_start_are_no_poison(tmp_path: Path) -> None:
    """Fewer than the window: what is missing counts as good."""
    settings = data_settings(tmp_path)
    assert await drain(settings, FakeReader([BAD] * 500)) == {"received": 500, "dead": 500}


async def test_a_window_of_zero_switches_the_stop_off(tmp_path: Path) -> None:
    settings = data_settings(tmp_path, poison_window=0)
    assert await drain(settings, FakeReader([BAD] * 50)) == {"received": 50, "dead": 50}


async def test_an_action_between_batches_sees_everything_committed(tmp_path: Path) -> None:
    settings = data_settings(tmp_path)
    reader = FakeReader([event() for _ in range(5)])
    committed: list[Outcome] = []
    seen: list[int] = []
    async with opened(settings) as store, running(settings, store, reader, committed) as ingest:
        await until(lambda: reader.empty_reads > 0, "all is read")

        async def look() -> None:
            seen.append(count_of(committed))

        await ingest.paused(look)
    assert seen == [5]


async def test_a_fault_that_a_waiting_command_meets_stops_the_loop_too(tmp_path: Path) -> None:
    """Or the next batch would store offsets beyond the one that was not stored."""
    reading, waiting = asyncio.Event(), asyncio.Event()

    async def first() -> None:
        reading.set()
        await waiting.wait()

    reader = FakeReader([event() for _ in range(4)], most=2)
    reader.before_read = lambda number: first() if number == 1 else None
    settings = data_settings(tmp_path, batch_events=2)

    async def nothing() -> None:
        """What the command would do."""

    async with opened(settings) as store:
        apply, faults = store.apply, [duckdb.InternalException("no retry mends it")]

        async def fails_once(*words: Any) -> Outcome:
            if faults:
                raise faults.pop()
            return await apply(*words)

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(store, "apply", fails_once)
            ingest = Ingest(settings, store, reader)
            loop = asyncio.create_task(ingest.run(asyncio.Event()))
            await reading.wait()
            command = asyncio.create_task(ingest.paused(nothing))
            await asyncio.sleep(0)  # it stands in line
            waiting.set()
            for task in (command, loop):
                with pytest.raises(duckdb.InternalException):
                    await asyncio.wait_for(task, 10)
        assert store.positions == {}


async def test_folding_that_fails_does_not_hold_up_a_rebalance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest_module, "_RETRY_SECONDS", (0.001, 0.001, 0.001))
    reader = FakeReader([event() for _ in range(3)])
    settings = data_settings(tmp_path)
    committed: list[Outcome] = []
    tries = 0

    async def fails() -> None:
        nonlocal tries
        tries += 1
        raise duckdb.IOException("No space left on device")

    async with opened(settings) as store:
        with monkeypatch.context() as patched:
            patched.setattr(store, "fold_when_due", fails)
            async with running(settings, store, reader, committed) as ingest:
                await until(lambda: tries > 2, "folding was tried again")
                assert ingest.fault is not None
                assert "cannot bring batches into the tables" in ingest.fault
                await asyncio.wait_for(reader.rebalance(), 30)
        assert count_of(committed) == 3
        assert await verdicts(store) == {"received": 3, "counted": 3}
