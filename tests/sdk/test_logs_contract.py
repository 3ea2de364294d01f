"""What a log is (`logs/base.py`), for both implementations."""

from __future__ import annotations

import asyncio
import re
import time
import uuid
from pathlib import Path

import pytest
from support.logs import EmbeddedLog, KafkaLog, Log, Starts, reading, take, writing

from meetlat.errors import DataLossError, LogError
from meetlat.logs.base import MAX_MESSAGE_BYTES, Message, Start


@pytest.fixture(params=["embedded", pytest.param("kafka", marks=pytest.mark.kafka)])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Log:
    if request.param == "embedded":
        return EmbeddedLog(tmp_path / "log")
    return KafkaLog(request.getfixturevalue("kafka"))


@pytest.fixture
def topic() -> str:
    return f"events-{uuid.uuid4().hex[:12]}"


def numbered(count: int, first: int = 0) -> list[Message]:
    return [Message(b"k", b"%d" % n) for n in range(first, first + count)]


async def test_reads_back_the_same_bytes_keys_and_headers_in_order(log: Log, topic: str) -> None:
    messages = [
        Message(b"key", b"value", (("a", b"1"), ("b", b"\xff\x00"))),
        Message(None, b"no key"),
        Message(b"", b"empty key, empty header", (("", b""),)),
        Message(b"k", b""),
        Message(b"k\x00", b"nul \x00 and \xff not UTF-8"),
        *numbered(2500),
    ]
    async with writing(log, topic) as writer, reading(log, topic, Starts()) as reader:
        await writer.append(messages[:3])
        await writer.append(messages[3:])
        records = await take(reader, len(messages), max_records=700)
    assert [Message(r.key, r.value, r.headers) for r in records] == messages
    assert [r.offset for r in records] == list(range(len(messages)))
    assert {r.partition for r in records} == {0}


async def test_append_time_is_when_the_log_took_it_and_never_goes_back(
    log: Log, topic: str
) -> None:
    async with writing(log, topic) as writer, reading(log, topic, Starts()) as reader:
        before = time.time_ns() // 1000
        for n in range(5):
            await writer.append(numbered(1, n))
        after = time.time_ns() // 1000
        times = [r.append_time for r in await take(reader, 5)]
    assert times == sorted(times)
    assert before - 1000 <= times[0]  # Kafka keeps milliseconds
    assert times[-1] <= after


@pytest.mark.parametrize("start", [0, 1, 1234, 2999])
async def test_starts_at_the_stored_offset(log: Log, topic: str, start: int) -> None:
    async with writing(log, topic) as writer:
        await writer.append(numbered(3000))
    async with reading(log, topic, Starts({0: start})) as reader:
        records = await take(reader, 3000 - start)
    assert [int(r.value) for r in records] == list(range(start, 3000))
    assert records[0].offset == start


async def test_a_stored_offset_at_the_end_waits_for_the_next_append(log: Log, topic: str) -> None:
    async with writing(log, topic) as writer:
        await writer.append(numbered(10))
        async with reading(log, topic, Starts({0: 10})) as reader:
            assert await reader.read(100, 0.1) == []
            await writer.append(numbered(1, 10))
            assert [r.offset for r in await take(reader, 1)] == [10]


async def test_concurrent_appends_all_arrive_each_in_its_own_order(log: Log, topic: str) -> None:
    async with writing(log, topic) as writer, reading(log, topic, Starts()) as reader:
        await asyncio.gather(
            *(
                writer.append([Message(b"k", b"%d %d" % (caller, n)) for n in range(7)])
                for caller in range(200)
            )
        )
        records = await take(reader, 1400)
        assert await reader.read(10, 0) == []
    got: dict[int, list[int]] = {}
    for record in records:
        caller, n = record.value.split()
        got.setdefault(int(caller), []).append(int(n))
    assert got == {caller: list(range(7)) for caller in range(200)}


async def test_a_cancelled_append_spoils_no_other(log: Log, topic: str) -> None:
    async with writing(log, topic) as writer, reading(log, topic, Starts()) as reader:
        cancelled = asyncio.create_task(writer.append([Message(b"k", b"cancelled")]))
        others = [asyncio.create_task(writer.append(numbered(1, n))) for n in range(5)]
        await asyncio.sleep(0)
        cancelled.cancel()
        await asyncio.gather(*others)
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        await writer.append([Message(b"k", b"last")])
        values = []
        while not values or values[-1] != b"last":
            values += [r.value for r in await take(reader, 1)]
    assert [v for v in values if v != b"cancelled"] == [b"0", b"1", b"2", b"3", b"4", b"last"]


async def test_a_cancelled_read_skips_no_record(log: Log, topic: str) -> None:
    async with writing(log, topic) as writer, reading(log, topic, Starts()) as reader:
        await writer.append(numbered(3000))
        values: list[int] = []
        for step in range(400):
            task = asyncio.create_task(reader.read(10, 0.5))
            for _ in range(step % 5):
                await asyncio.sleep(0)
            task.cancel()
            try:
                values += [int(r.value) for r in await task]
            except asyncio.CancelledError:
                continue
        values += [int(r.value) for r in await take(reader, 3000 - len(values))]
    assert values == list(range(3000))


async def test_two_readers_each_get_everything(log: Log, topic: str) -> None:
    async with (
        writing(log, topic) as writer,
        reading(log, topic, Starts()) as one,
        reading(log, topic, Starts()) as two,
    ):
        await writer.append(numbered(100))
        assert await take(one, 100) == await take(two, 100)


async def test_two_writers_lose_nothing_and_share_no_offset(log: Log, topic: str) -> None:
    async with (
        writing(log, topic) as one,
        writing(log, topic) as two,
        reading(log, topic, Starts()) as reader,
    ):
        await asyncio.gather(
            *(w.append(numbered(3, n)) for w in (one, two) for n in range(0, 150, 3))
        )
        records = await take(reader, 300)
    assert [r.offset for r in records] == list(range(300))
    assert sorted(int(r.value) for r in records) == sorted(2 * list(range(150)))


async def test_tells_the_earliest_offset_and_the_end(log: Log, topic: str) -> None:
    async with writing(log, topic) as writer, reading(log, topic, Starts()) as reader:
        assert await reader.end_offsets() == {0: 0}
        assert await reader.earliest_offsets() == {0: 0}
        for n in range(5):
            await writer.append(numbered(1, n))
        assert await reader.end_offsets() == {0: 5}
        await log.delete_before(topic, 2)
        assert await reader.earliest_offsets() == {0: 2}
        assert await reader.end_offsets() == {0: 5}
    async with reading(log, topic, Starts()) as reader:
        assert [r.offset for r in await take(reader, 3)] == [2, 3, 4]


async def test_offsets_are_never_used_twice_even_after_everything_was_deleted(
    log: Log, topic: str
) -> None:
    async with writing(log, topic) as writer:
        for n in range(5):
            await writer.append(numbered(1, n))
    await log.delete_before(topic, 5)
    async with writing(log, topic) as writer, reading(log, topic, Starts({0: 5})) as reader:
        assert await reader.earliest_offsets() == {0: 5}
        await writer.append(numbered(1, 5))
        assert [(r.offset, r.value) for r in await take(reader, 1)] == [(5, b"5")]


async def expect_loss(reader_log: Log, topic: str, stored: Start | int) -> DataLossError:
    """A reader at this stored offset: its error, which has to come from start or from read, and
    from the next read again.
    """
    reader = reader_log.reader(topic)
    try:
        with pytest.raises(DataLossError) as caught:
            await reader.start(Starts({0: stored}))
            for _ in range(20):
                assert await reader.read(10, 0.5) == []
        with pytest.raises(DataLossError, match=re.escape(str(caught.value))):
            for _ in range(20):
                assert await reader.read(10, 0.5) == []
    finally:
        await reader.close(5.0)
    assert not caught.value.retry
    assert caught.value.remedy
    return caught.value


async def test_a_stored_offset_below_the_earliest_is_data_loss(log: Log, topic: str) -> None:
    async with writing(log, topic) as writer:
        for n in range(5):
            await writer.append(numbered(1, n))
    await log.delete_before(topic, 3)
    error = await expect_loss(log, topic, 2)
    assert "partition 0: stored offset 2 lies below the earliest, 3" in error.message


async def test_a_stored_offset_above_the_end_is_data_loss(log: Log, topic: str) -> None:
    async with writing(log, topic) as writer:
        await writer.append(numbered(5))
    error = await expect_loss(log, topic, 6)
    assert "partition 0: stored offset 6 lies above the end, 5" in error.message


async def times(log: Log, topic: str, count: int) -> list[int]:
    """The append times of the first records."""
    async with reading(log, topic, Starts()) as reader:
        return [r.append_time for r in await take(reader, count)]


@pytest.mark.parametrize("grown", [0, 4], ids=["to the stored offset", "past it"])
async def test_a_log_that_lost_records_and_grew_again_is_data_loss(
    log: Log, topic: str, grown: int
) -> None:
    """Nothing but the time of the record before the stored offset tells."""
    async with writing(log, topic) as writer:
        for n in range(5):
            await writer.append(numbered(1, n))
    *_, before = await times(log, topic, 5)
    await log.delete(topic)
    await asyncio.sleep(0.002)  # Kafka keeps milliseconds
    async with writing(log, topic) as writer:
        for n in range(5 + grown):
            await writer.append(numbered(1, 100 + n))
    error = await expect_loss(log, topic, Start(5, before))
    assert "partition 0: the record before stored offset 5 was appended at 20" in error.message
    assert "but the one that was read there at 20" in error.message


@pytest.mark.parametrize("start", [1, 2, 4, 5])
async def test_the_record_before_the_stored_offset_is_compared_and_not_read_again(
    log: Log, topic: str, start: int
) -> None:
    async with writing(log, topic) as writer:
        await writer.append(numbered(2))
        await writer.append(numbered(3, 2))
        before = (await times(log, topic, 5))[start - 1]
        async with reading(log, topic, Starts({0: Start(start, before)})) as reader:
            records = await take(reader, 5 - start, max_records=1)
            begun = time.monotonic()
            assert await reader.read(10, 0.3) == []
            assert time.monotonic() - begun > 0.29, "a record that was dropped is no reason to end"
            await writer.append(numbered(2, 5))
            records += await take(reader, 2)
    assert [(r.offset, int(r.value)) for r in records] == [(n, n) for n in range(start, 7)]


@pytest.mark.parametrize("kept", [0, 1], ids=["everything", "all that was read"])
async def test_a_stored_offset_starts_though_what_lies_before_it_was_deleted(
    log: Log, topic: str, kept: int
) -> None:
    async with writing(log, topic) as writer:
        for n in range(5 + kept):
            await writer.append(numbered(1, n))
    before = (await times(log, topic, 5))[-1]
    await log.delete_before(topic, 5)
    async with (
        writing(log, topic) as writer,
        reading(log, topic, Starts({0: Start(5, before)})) as reader,
    ):
        assert [r.offset for r in await take(reader, kept)] == [5] * kept
        assert await reader.read(10, 0.1) == []
        await writer.append(numbered(1, 5 + kept))
        assert [r.offset for r in await take(reader, 1)] == [5 + kept]


async def test_retention_that_overtakes_a_reader_at_work_is_data_loss(log: Log, topic: str) -> None:
    async with writing(log, topic) as writer, reading(log, topic, Starts()) as reader:
        # Larger than what a reader fetches ahead.
        for n in range(60):
            await writer.append([Message(b"k", b"%d" % n + b"x" * 900_000)])
        await take(reader, 1)
        await log.delete_before(topic, 59)
        with pytest.raises(DataLossError, match="below the earliest, 59"):
            await take(reader, 59, max_records=1)


async def test_identity_stays_until_the_log_is_made_anew(log: Log, topic: str) -> None:
    async def identity() -> str | None:
        async with writing(log, topic) as writer, reading(log, topic, Starts()) as reader:
            await writer.append(numbered(1))
            return await reader.identity()

    first = await identity()
    assert first
    assert await identity() == first
    await log.delete(topic)
    assert await identity() not in (first, None)


async def test_takes_a_message_of_the_largest_size_and_refuses_a_larger_one(
    log: Log, topic: str
) -> None:
    # Random bytes, since compression must not be what makes it fit.
    import random

    largest = random.Random(7).randbytes(MAX_MESSAGE_BYTES)
    async with writing(log, topic) as writer, reading(log, topic, Starts()) as reader:
        large = asyncio.create_task(writer.append([Message(None, largest + b"x")]))
        await writer.append([Message(None, b"beside it"), Message(None, largest)])
        with pytest.raises(LogError, match="1,000,001 bytes is larger than a log takes"):
            await large
        records = await take(reader, 2)
    assert [r.value for r in records] == [b"beside it", largest]


async def test_an_empty_read_waits_no_longer_than_asked_and_no_shorter(
    log: Log, topic: str
) -> None:
    async with writing(log, topic), reading(log, topic, Starts()) as reader:
        for wait in (0.0, 0.3):
            begun = time.monotonic()
            assert await reader.read(10, wait) == []
            assert wait <= time.monotonic() - begun + 0.01 < wait + 1.0


async def test_a_waiting_read_returns_soon_after_an_append(log: Log, topic: str) -> None:
    async with writing(log, topic) as writer, reading(log, topic, Starts()) as reader:
        waiting = asyncio.create_task(reader.read(10, 20.0))
        await asyncio.sleep(0.1)
        await writer.append(numbered(1))
        begun = time.monotonic()
        assert len(await waiting) == 1
        assert time.monotonic() - begun < 2.0  # 0.1 s on a quiet machine


async def test_check_passes_where_an_append_works(log: Log, topic: str) -> None:
    async with writing(log, topic) as writer:
        await writer.check()


async def test_a_closed_writer_refuses(log: Log, topic: str) -> None:
    async with writing(log, topic) as writer:
        await writer.append(numbered(1))
    with pytest.raises(LogError, match="closed"):
        await writer.append(numbered(1))


async def test_close_finishes_the_appends_under_way(log: Log, topic: str) -> None:
    writer = log.writer(topic)
    await writer.start()
    under_way = asyncio.create_task(writer.append(numbered(2000)))
    await asyncio.sleep(0)
    await writer.close(10.0)
    await under_way
    async with reading(log, topic, Starts()) as reader:
        assert len(await take(reader, 2000)) == 2000


async def test_progress_never_raises(log: Log, topic: str) -> None:
    async with writing(log, topic) as writer:
        await writer.append(numbered(3))
        async with reading(log, topic, Starts(), group=f"g-{topic}") as reader:
            await take(reader, 3)
            await reader.progress({0: 3})
            await reader.progress({99: 3})
        await reader.progress({0: 3})
