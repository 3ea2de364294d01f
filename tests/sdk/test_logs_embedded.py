"""The embedded log's own rules: durability, faults of disk and file, retention, forks."""

from __future__ import annotations

import asyncio
import fcntl
import os
import random
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.disk import disk
from support.logs import EmbeddedLog, Starts, reading, take, writing

from meetlat.errors import DataLossError, LogError
from meetlat.logs import sqlite_file
from meetlat.logs.base import Message, Start
from meetlat.logs.embedded import EmbeddedAppender, EmbeddedReader, EmbeddedWriter

HOUR = 3_600_000_000


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    made = tmp_path / "log"
    made.mkdir()
    return made


@pytest.fixture
def log(directory: Path) -> EmbeddedLog:
    return EmbeddedLog(directory)


def numbered(count: int, first: int = 0) -> list[Message]:
    return [Message(b"k", b"%d" % n) for n in range(first, first + count)]


async def values(log: EmbeddedLog, count: int, topic: str = "t") -> list[int]:
    async with reading(log, topic, Starts()) as reader:
        return [int(r.value) for r in await take(reader, count)]


def hold_lock(directory: Path, topic: str = "t") -> int:
    """Take the writers' lock, as another process would; close the answer to let go."""
    descriptor = os.open(directory / f"{topic}.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor


# --- durability

_APPEND_FOR_EVER = """
import sys
from pathlib import Path
from meetlat.logs.base import Message
from meetlat.logs.embedded import EmbeddedAppender
appender = EmbeddedAppender(Path(sys.argv[1]), "t")
n = 0
while True:
    appender.append([Message(b"k", b"%d" % (n + i), (("pad", b"x" * 400),)) for i in range(7)])
    n += 7
    print(n, flush=True)
"""


def append_until_killed(directory: Path, acknowledged: int) -> int:
    """Another process appends, seven a time, until kill -9; how many it had been told are safe."""
    process = subprocess.Popen(
        [sys.executable, "-c", _APPEND_FOR_EVER, str(directory)], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    told = 0
    for line in process.stdout:
        told = int(line)
        if told >= acknowledged:
            process.kill()
    process.wait()
    process.stdout.close()
    return told


@pytest.mark.parametrize("kill_after", [7, 350, 2100])
async def test_kill_9_in_the_middle_of_appends_loses_nothing_acknowledged(
    log: EmbeddedLog, directory: Path, kill_after: int
) -> None:
    acknowledged = append_until_killed(directory, kill_after)
    async with reading(log, "t", Starts()) as reader:
        found = [int(r.value) for r in await take(reader, acknowledged)]
        found += [int(r.value) for r in await reader.read(1000, 0)]
    assert found == list(range(len(found)))  # whole and in order
    assert len(found) - acknowledged in (0, 7)  # an append is there as a whole or not at all


def test_every_commit_is_synced_to_the_disk(directory: Path) -> None:
    appender = EmbeddedAppender(directory, "t")
    appender.append(numbered(1))
    assert appender._opened is not None
    (mode,) = appender._opened.connection.execute("PRAGMA synchronous").fetchone()
    assert mode == 2  # FULL: the WAL is fsynced at each commit
    appender.close()


async def test_a_torn_tail_of_the_wal_costs_nothing_that_was_acknowledged(
    log: EmbeddedLog, directory: Path
) -> None:
    acknowledged = append_until_killed(directory, 70)
    with (directory / "t.sqlite-wal").open("ab") as wal:
        wal.write(os.urandom(5000))
    assert (await values(log, acknowledged))[-1] == acknowledged - 1


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_a_checkpoint_torn_by_a_power_cut_costs_nothing_that_was_acknowledged(
    log: EmbeddedLog, directory: Path, seed: int
) -> None:
    """Some pages of the file are written, some are not, some half; the WAL is still whole."""
    acknowledged = append_until_killed(directory, 700)
    file, wal = directory / "t.sqlite", directory / "t.sqlite-wal"
    before, kept = file.read_bytes(), wal.read_bytes()
    connection = sqlite3.connect(file)
    (busy, frames, written) = connection.execute("PRAGMA wal_checkpoint(FULL)").fetchone()
    assert (busy, frames) == (0, written)
    after = file.read_bytes()
    connection.close()
    size = 4096
    old, new = before.ljust(len(after), b"\0"), after
    assert sum(old[at : at + size] != new[at : at + size] for at in range(0, len(new), size)) > 50
    cut = random.Random(seed)
    torn = bytearray(old)
    for at in range(0, len(new), size):
        written = cut.choice((0, 512, size // 2, size))
        torn[at : at + written] = new[at : at + written]
    assert torn not in (old, new)
    file.write_bytes(torn)
    wal.write_bytes(kept)
    (directory / "t.sqlite-shm").unlink(missing_ok=True)
    async with writing(log, "t") as writer:
        held = (await values(log, acknowledged))[:acknowledged]
        assert held == list(range(acknowledged))
        await writer.append(numbered(1))
    with sqlite3.connect(file) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()


def test_several_processes_append_at_once_without_loss_or_damage(directory: Path) -> None:
    code = """
import sys
from pathlib import Path
from meetlat.logs.base import Message
from meetlat.logs.embedded import EmbeddedAppender
who = sys.argv[2].encode()
for opening in range(5):  # closing checkpoints, beside the others' writing
    appender = EmbeddedAppender(Path(sys.argv[1]), "t")
    for n in range(20):
        appender.append([Message(who, b"%d" % (opening * 20 + n), (("pad", b"x" * 9000),))])
    appender.close()
"""
    processes = [
        subprocess.Popen([sys.executable, "-c", code, str(directory), str(who)]) for who in range(4)
    ]
    assert [process.wait() for process in processes] == [0, 0, 0, 0]
    opened = sqlite_file.Opened(sqlite_file.TopicPath(directory, "t"), writable=False, timeout=1)
    records = sqlite_file.read(opened, 0, 1000, 2**30)
    opened.connection.close()
    assert [r.offset for r in records] == list(range(400))
    for who in range(4):
        mine = [int(r.value) for r in records if r.key == b"%d" % who]
        assert mine == list(range(100))
    with sqlite3.connect(directory / "t.sqlite") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()


def test_threads_share_commits(directory: Path) -> None:
    commits = 0

    def clock() -> int:
        nonlocal commits
        commits += 1
        return 1

    appender = EmbeddedAppender(directory, "t", clock=clock, lock_timeout=30.0)
    appender.append(numbered(1))
    held = hold_lock(directory)
    threads = [threading.Thread(target=appender.append, args=(numbered(3),)) for _ in range(40)]
    for thread in threads:
        thread.start()
    give_up = time.monotonic() + 30
    # One leads and waits for the lock; it took itself only, or whoever came before it looked.
    while len(appender._waiting) < 39 - 5 and time.monotonic() < give_up:
        time.sleep(0.001)
    os.close(held)
    for thread in threads:
        thread.join(30)
    assert commits <= 1 + 8
    assert appender._opened is not None
    assert appender._opened.end()[0] == 121
    appender.close()


# --- time


async def test_append_time_stays_when_the_clock_is_set_back_an_hour(
    log: EmbeddedLog, directory: Path
) -> None:
    now = 1_700_000_000_000_000
    times = iter([now, now - HOUR, now - HOUR + 5, now + 7])
    writer = EmbeddedWriter(directory, "t", clock=lambda: next(times))
    for n in range(4):
        await writer.append(numbered(1, n))
    await writer.close(5)
    async with reading(log, "t", Starts()) as reader:
        records = await take(reader, 4)
    assert [r.append_time for r in records] == [now, now, now, now + 7]


async def test_append_time_never_goes_back_even_after_everything_was_deleted(
    log: EmbeddedLog, directory: Path
) -> None:
    now = 1_700_000_000_000_000
    times = iter([now, now - HOUR])
    writer = EmbeddedWriter(directory, "t", clock=lambda: next(times))
    await writer.append(numbered(1))
    assert await writer.trim(now + 1, unread_too=True) == 1
    await writer.append(numbered(1))
    await writer.close(5)
    async with reading(log, "t", Starts()) as reader:
        assert [(r.offset, r.append_time) for r in await take(reader, 1)] == [(1, now)]


# --- faults


async def test_a_file_deleted_while_open_is_noticed_by_writer_and_reader(
    log: EmbeddedLog, directory: Path
) -> None:
    async with writing(log, "t") as writer, reading(log, "t", Starts()) as reader:
        await writer.append(numbered(1))
        await take(reader, 1)
        (directory / "t.sqlite").unlink()
        with pytest.raises(LogError, match="deleted or replaced") as caught:
            await writer.append(numbered(1))
        assert not caught.value.retry
        with pytest.raises(LogError, match="deleted or replaced"):
            await writer.check()
        with pytest.raises(LogError, match="deleted or replaced"):
            await reader.read(10, 0)


async def test_a_file_replaced_while_open_is_noticed_by_writer_and_reader(
    log: EmbeddedLog, directory: Path
) -> None:
    """By a copy of itself too: what is appended from then on is found by nobody."""
    async with writing(log, "t") as writer, reading(log, "t", Starts()) as reader:
        await writer.append(numbered(1))
        await take(reader, 1)
        copy = directory / "copy"
        copy.write_bytes((directory / "t.sqlite").read_bytes())
        copy.rename(directory / "t.sqlite")
        with pytest.raises(LogError, match="deleted or replaced") as caught:
            await writer.append(numbered(1))
        assert not caught.value.retry
        with pytest.raises(LogError, match="deleted or replaced"):
            await reader.read(10, 0)


async def test_an_older_copy_put_back_is_data_loss_while_it_ends_before_the_stored_offset(
    log: EmbeddedLog, directory: Path
) -> None:
    """It has the identity of the log that it is a copy of; that it ends too early tells."""
    file = directory / "t.sqlite"
    async with writing(log, "t") as writer:
        await writer.append(numbered(5))
    copy = file.read_bytes()
    async with writing(log, "t") as writer, reading(log, "t", Starts()) as reader:
        await writer.append(numbered(5, 5))
        identity = await reader.identity()
    file.write_bytes(copy)
    async with writing(log, "t") as writer:
        await writer.append(numbered(4, 100))
    async with reading(log, "t", Starts({0: 10})) as reader:
        assert await reader.identity() == identity
        with pytest.raises(DataLossError, match="stored offset 10 lies above the end, 9"):
            await reader.read(10, 0)


@pytest.mark.parametrize("grown", [5, 9], ids=["to the stored offset", "past it"])
async def test_an_older_copy_put_back_is_data_loss_though_it_grew_again(
    log: EmbeddedLog, directory: Path, grown: int
) -> None:
    file = directory / "t.sqlite"
    async with writing(log, "t") as writer:
        await writer.append(numbered(5))
    copy = file.read_bytes()
    async with writing(log, "t") as writer, reading(log, "t", Starts()) as reader:
        await writer.append(numbered(5, 5))
        before = (await take(reader, 10))[-1].append_time
    file.write_bytes(copy)
    async with writing(log, "t") as writer:
        await writer.append(numbered(grown, 100))
    async with reading(log, "t", Starts({0: Start(10, before)})) as reader:
        for _ in range(2):  # it is not reset by asking twice
            with pytest.raises(DataLossError, match="record before stored offset 10") as caught:
                await reader.read(10, 0)
        assert "restore the log that was read" in caught.value.remedy


async def test_a_copy_from_after_what_was_read_is_no_data_loss(
    log: EmbeddedLog, directory: Path
) -> None:
    file = directory / "t.sqlite"
    async with writing(log, "t") as writer, reading(log, "t", Starts()) as reader:
        await writer.append(numbered(10))
        before = (await take(reader, 5))[-1].append_time
    copy = file.read_bytes()
    async with writing(log, "t") as writer:
        await writer.append(numbered(5, 10))
    file.write_bytes(copy)
    async with writing(log, "t") as writer:
        await writer.append(numbered(5, 100))
    async with reading(log, "t", Starts({0: Start(5, before)})) as reader:
        found = [int(r.value) for r in await take(reader, 10)]
    assert found == [*range(5, 10), *range(100, 105)]


async def test_a_clock_set_back_is_no_data_loss(directory: Path) -> None:
    """The time that the log gave is what is compared; the clock has no part in it."""
    log = EmbeddedLog(directory)
    for number, clock in enumerate((100 * HOUR, 99 * HOUR, 101 * HOUR)):
        writer = EmbeddedWriter(directory, "t", clock=lambda now=clock: now)
        await writer.start()
        await writer.append(numbered(2, 2 * number))
        await writer.close(5)
    async with reading(log, "t", Starts()) as reader:
        times = [r.append_time for r in await take(reader, 6)]
    assert times == [100 * HOUR] * 4 + [101 * HOUR] * 2
    for start in range(1, 7):
        async with reading(log, "t", Starts({0: Start(start, times[start - 1])})) as reader:
            assert [int(r.value) for r in await take(reader, 6 - start)] == list(range(start, 6))
            assert await reader.read(10, 0) == []


async def test_a_wal_deleted_while_open_is_noticed(log: EmbeddedLog, directory: Path) -> None:
    async with writing(log, "t") as writer:
        await writer.append(numbered(1))
        (directory / "t.sqlite-wal").unlink()
        with pytest.raises(LogError, match=r"t\.sqlite-wal was deleted"):
            await writer.append(numbered(1))


async def test_a_wal_without_its_file_is_not_taken_for_a_new_log(
    log: EmbeddedLog, directory: Path
) -> None:
    (directory / "t.sqlite-wal").write_bytes(b"from the file that is gone")
    with pytest.raises(LogError, match="is missing, but its"):
        await log.writer("t").start()


async def test_a_writer_of_a_new_file_makes_a_new_log_with_another_identity(
    log: EmbeddedLog, directory: Path
) -> None:
    identities = set()
    for _ in range(2):
        async with writing(log, "t") as writer, reading(log, "t", Starts()) as reader:
            await writer.append(numbered(1))
            identities.add(await reader.identity())
        await log.delete("t")
    assert len(identities) == 2


_CLOSE_WHILE_LOCKED = """
import gc, sys
from pathlib import Path
from meetlat.errors import LogError
from meetlat.logs.base import Message
from meetlat.logs.embedded import EmbeddedAppender
appender = EmbeddedAppender(Path(sys.argv[1]), "t", lock_timeout=0.05)
appender.append([Message(b"k", b"7")])
print("appended", flush=True)
sys.stdin.readline()
try:
    appender.close()
except LogError as error:
    print(error.retry)
del appender
gc.collect()
print(Path(sys.argv[1], "t.sqlite-wal").exists())
"""


def test_closed_while_another_writer_keeps_the_lock_it_is_left_open_to_the_end(
    log: EmbeddedLog, directory: Path
) -> None:
    """Whoever closes last writes the WAL into the file, and that only its owner may do."""
    with subprocess.Popen(
        [sys.executable, "-c", _CLOSE_WHILE_LOCKED, str(directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "appended\n"
        held = hold_lock(directory)
        said, _ = process.communicate("close\n", timeout=60)
        assert (process.returncode, said.split()) == (0, ["True", "True"])
        assert (directory / "t.sqlite-wal").exists()
        os.close(held)
    assert asyncio.run(values(log, 1)) == [7]


def test_closed_in_vain_it_can_be_closed_again(directory: Path) -> None:
    appender = EmbeddedAppender(directory, "t", lock_timeout=0.05)
    appender.append(numbered(1))
    held = hold_lock(directory)
    with pytest.raises(LogError, match="locked by another writer"):
        appender.close()
    os.close(held)
    appender.close()
    assert not (directory / "t.sqlite-wal").exists()
    appender.close()


async def test_a_lock_that_another_writer_keeps_is_an_error_that_heals(
    log: EmbeddedLog, directory: Path
) -> None:
    appender = EmbeddedAppender(directory, "t", lock_timeout=0.2)
    appender.append(numbered(1))
    held = hold_lock(directory)
    with pytest.raises(LogError, match="locked by another writer") as caught:
        appender.append(numbered(1, 1))
    assert caught.value.retry
    os.close(held)
    appender.append(numbered(1, 1))
    appender.close()
    assert await values(log, 2) == [0, 1]


def test_nothing_is_written_checkpointed_or_closed_outside_the_lock(directory: Path) -> None:
    # Each of these would run beside another writer's checkpoint otherwise.
    appender = EmbeddedAppender(directory, "t", lock_timeout=0.1)
    appender.append(numbered(1))
    wal = directory / "t.sqlite-wal"
    held = hold_lock(directory)
    before = wal.stat()
    for action in (
        lambda: appender.append(numbered(1)),
        lambda: appender.trim(2**60, unread_too=True),
        appender.check,
        appender.close,
    ):
        with pytest.raises(LogError, match="locked by another writer"):
            action()
    assert wal.stat().st_mtime_ns == before.st_mtime_ns
    os.close(held)


async def test_a_file_locked_by_another_program_is_an_error_that_heals(
    log: EmbeddedLog, directory: Path
) -> None:
    appender = EmbeddedAppender(directory, "t", lock_timeout=0.2)
    appender.append(numbered(1))
    other = sqlite3.connect(directory / "t.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(LogError, match="end the program that holds the file") as caught:
        appender.append(numbered(1, 1))
    assert caught.value.retry
    other.execute("ROLLBACK")
    other.close()
    appender.append(numbered(1, 1))
    appender.close()
    assert await values(log, 2) == [0, 1]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 2 MB."""
    with disk(tmp_path / "small", "2m") as place:
        yield place


async def test_a_full_disk_is_an_error_that_heals_and_costs_nothing(small_disk: Path) -> None:
    log = EmbeddedLog(small_disk)
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 800_000)
    acknowledged = 0
    async with writing(log, "t") as writer:
        with pytest.raises(LogError, match="free space on") as caught:
            while True:
                await writer.append([Message(b"k", b"%d" % acknowledged, (("p", b"x" * 40_000),))])
                acknowledged += 1
        assert caught.value.retry
        with pytest.raises(LogError, match="full"):
            await writer.check()
        ballast.unlink()
        await writer.append(numbered(1, acknowledged))
    assert acknowledged > 5
    assert await values(log, acknowledged + 1) == list(range(acknowledged + 1))


async def test_damage_in_a_block_is_an_error_that_names_the_offset(
    log: EmbeddedLog, directory: Path
) -> None:
    async with writing(log, "t") as writer:
        await writer.append(numbered(3))
        await writer.append([Message(b"k", b"find me")])
    file = directory / "t.sqlite"
    file.write_bytes(file.read_bytes().replace(b"find me", b"f\xffnd me"))
    async with reading(log, "t", Starts({0: 3})) as reader:
        with pytest.raises(LogError, match="damaged at offset 3") as caught:
            await reader.read(10, 0)
    assert not caught.value.retry


async def test_a_file_that_is_no_log_is_refused(log: EmbeddedLog, directory: Path) -> None:
    sqlite3.connect(directory / "t.sqlite").execute("CREATE TABLE a (b)").connection.close()
    with pytest.raises(LogError, match="is not an embedded log of this version"):
        await log.writer("t").start()
    (directory / "u.sqlite").write_bytes(b"not SQLite at all" * 100)
    with pytest.raises(LogError, match="the file is damaged"):
        await log.writer("u").start()


@pytest.mark.parametrize("name", ["", "../t", "a/b", "a b", ".hidden", "x" * 201])
def test_a_topic_name_cannot_leave_the_directory(directory: Path, name: str) -> None:
    with pytest.raises(LogError, match="is no topic name"):
        EmbeddedAppender(directory, name)


# --- readers


async def test_a_reader_waits_for_a_log_that_is_not_there_yet(log: EmbeddedLog) -> None:
    async with reading(log, "t", Starts()) as reader:
        assert await reader.read(10, 0.1) == []
        assert await reader.identity() is None
        assert await reader.end_offsets() == {0: 0}
        waiting = asyncio.create_task(reader.read(10, 20))
        async with writing(log, "t") as writer:
            await writer.append(numbered(2))
            assert len(await waiting) == 2


async def test_a_reader_never_checkpoints(log: EmbeddedLog, directory: Path) -> None:
    append_until_killed(directory, 20_000)  # far more pages than SQLite's limit for a checkpoint
    file, wal = directory / "t.sqlite", directory / "t.sqlite-wal"
    before = file.read_bytes(), wal.read_bytes()
    assert len(before[1]) > 1_000_000
    async with reading(log, "t", Starts()) as reader:
        await take(reader, 20_000)
    assert (file.read_bytes(), wal.read_bytes()) == before


async def test_one_read_takes_a_bounded_amount_of_memory(log: EmbeddedLog) -> None:
    async with writing(log, "t") as writer, reading(log, "t", Starts()) as reader:
        for _ in range(45):
            await writer.append([Message(None, b"x" * 999_000)])
        records = await reader.read(50_000, 0)
        assert 30 <= len(records) < 40


# --- retention


async def test_retention_spares_what_a_group_has_yet_to_read(log: EmbeddedLog) -> None:
    async with writing(log, "t") as writer, reading(log, "t", Starts(), group="g") as reader:
        for n in range(10):
            await writer.append(numbered(1, n))
        future = time.time_ns() // 1000 + HOUR
        assert await writer.trim(future) == 0  # nobody has told how far it is
        await reader.progress({0: 4})
        assert await writer.trim(future) == 4
        assert await writer.trim(future) == 0
        assert await reader.earliest_offsets() == {0: 4}
        async with reading(log, "t", Starts({0: 4}), group="slower") as slower:
            await slower.progress({0: 5})
            await reader.progress({0: 9})
            assert await writer.trim(future) == 1
        assert await writer.trim(future, unread_too=True) == 5


async def test_retention_spares_what_is_young(log: EmbeddedLog, directory: Path) -> None:
    times = iter([100, 200, 300])
    writer = EmbeddedWriter(directory, "t", clock=lambda: next(times))
    for n in range(3):
        await writer.append(numbered(1, n))
    assert await writer.trim(200, unread_too=True) == 1
    await writer.close(5)
    async with reading(log, "t", Starts()) as reader:
        assert await reader.earliest_offsets() == {0: 1}


async def test_progress_in_a_log_that_was_made_anew_does_not_count(log: EmbeddedLog) -> None:
    async with writing(log, "t") as writer, reading(log, "t", Starts(), group="g") as reader:
        await writer.append(numbered(1))
        await reader.progress({0: 1})
    await log.delete("t")
    async with writing(log, "t") as writer:
        await writer.append(numbered(1))
        assert await writer.trim(time.time_ns()) == 0


async def test_progress_that_cannot_be_read_spares_everything(
    log: EmbeddedLog, directory: Path
) -> None:
    async with writing(log, "t") as writer, reading(log, "t", Starts(), group="g") as reader:
        await writer.append(numbered(1))
        await reader.progress({0: 1})
        (directory / "t@g.progress").write_bytes(b"")
        assert await writer.trim(time.time_ns()) == 0


async def test_space_of_deleted_records_is_used_again(log: EmbeddedLog, directory: Path) -> None:
    sizes = []
    for _ in range(6):
        async with writing(log, "t") as writer:
            for _ in range(20):
                await writer.append([Message(None, os.urandom(100_000))])
            await writer.trim(2**60, unread_too=True)
        sizes.append((directory / "t.sqlite").stat().st_size)
    assert sizes[-1] <= sizes[1] * 1.2


# --- forks


def in_child(action: str, appender: EmbeddedAppender) -> str:
    """Fork; what became of the action in the child."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            appender.append(numbered(1)) if action == "append" else appender.close()
            said = "did it"
        except LogError as error:
            said = error.message
        except BaseException as error:
            said = repr(error)
        os.write(write_end, said.encode())
        os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end) as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    return said


@pytest.mark.parametrize("action", ["append", "close"])
async def test_a_forked_child_is_refused_and_the_parent_goes_on(
    log: EmbeddedLog, directory: Path, action: str
) -> None:
    appender = EmbeddedAppender(directory, "t")
    appender.append(numbered(1))
    assert "was opened before a fork" in in_child(action, appender)
    appender.append(numbered(1, 1))
    appender.close()
    assert await values(log, 2) == [0, 1]


_FORKS = """
import os, sys, threading
from pathlib import Path
from meetlat.logs.base import Message
from meetlat.logs.embedded import EmbeddedAppender
directory = Path(sys.argv[1])
appender = EmbeddedAppender(directory, "t")
appender.append([Message(None, b"0")])
stop = threading.Event()
def work():
    while not stop.is_set():
        appender.append([Message(None, b"x" * 50_000)])
thread = threading.Thread(target=work)
thread.start()  # so that forks happen in the middle of commits
said = os.pipe()
go = os.pipe()
children = []
for number in range(5):
    child = os.fork()
    if child == 0:
        own = EmbeddedAppender(directory, "t")
        own.append([Message(b"child", b"%d before" % number)])
        os.write(said[1], b".")
        os.read(go[0], 1)  # the parent has closed
        own.append([Message(b"child", b"%d after" % number)])
        sys.exit(0)  # an ordinary exit, with its garbage collection
    children.append(child)
for _ in children:
    os.read(said[0], 1)
stop.set()
thread.join()
appender.close()
os.write(go[1], b"." * len(children))
sys.exit(max(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children))
"""


async def test_a_forked_child_that_opens_the_log_itself_loses_nothing_when_the_parent_closes(
    log: EmbeddedLog, directory: Path
) -> None:
    # With an inherited connection SQLite would not lock in the child, and the parent, taking
    # itself for the last, would remove the WAL under it.
    result = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", _FORKS, str(directory)], timeout=60, check=False
    )
    assert result.returncode == 0
    async with reading(log, "t", Starts()) as reader:
        (end,) = (await reader.end_offsets()).values()
        records = await take(reader, end)
    wanted = {f"{n} {when}".encode() for n in range(5) for when in ("before", "after")}
    assert {r.value for r in records if r.key == b"child"} == wanted


async def test_the_reader_and_writer_faces_refuse_after_close(log: EmbeddedLog) -> None:
    reader = EmbeddedReader(log.directory, "t")
    await reader.start(Starts())
    await reader.close(5)
    await reader.close(5)
    with pytest.raises(LogError, match="closed"):
        await reader.read(1, 0)
    writer = log.writer("t")
    await writer.start()
    await writer.close(5)
    await writer.close(5)
    with pytest.raises(LogError, match="closed"):
        await writer.check()


async def test_close_gives_up_at_its_deadline_and_tells_the_callers(
    log: EmbeddedLog, directory: Path
) -> None:
    writer = log.writer("t")
    await writer.start()
    held = hold_lock(directory)
    appends = [asyncio.create_task(writer.append(numbered(1))) for _ in range(3)]
    await asyncio.sleep(0)
    begun = time.monotonic()
    await writer.close(0.2)
    assert time.monotonic() - begun < 5
    for append in appends:
        with pytest.raises(LogError, match="closed before it answered") as caught:
            await append
        assert caught.value.retry
    os.close(held)
