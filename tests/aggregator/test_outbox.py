"""Dead letters reach their topic: each at least once, doubles with the same key."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb
import pytest
from support.aggregating import MINUTE, NOON, Bench, Sent, event

from meetlat.errors import LogError
from meetlat.logs.base import Message
from meetlat_aggregator.outbox import Outbox
from meetlat_aggregator.transaction import MAX_DEAD_BYTES


@dataclass
class Topic:
    """A LogWriter in memory."""

    letters: list[Message] = field(default_factory=list)
    starts: int = 0
    fault: LogError | None = None

    async def start(self) -> None:
        self.starts += 1

    async def append(self, messages: Sequence[Message]) -> None:
        if self.fault:
            raise self.fault
        self.letters += messages

    async def check(self) -> None:
        """Always well."""

    async def trim(self, older_than: int, *, unread_too: bool = False) -> int:
        return 0

    async def close(self, deadline: float) -> None:
        """Nothing to let go of."""


def outbox(bench: Bench, topic: Topic) -> Outbox:
    async def on_database(action: Callable[[duckdb.DuckDBPyConnection], Any]) -> Any:
        return action(bench.con)

    return Outbox(topic, "meetlat.events.v1", on_database)


def waiting(bench: Bench) -> int:
    (count,) = bench.row("SELECT count(*) FROM outbox WHERE NOT sent")
    return int(count)


async def test_a_letter_has_the_bytes_and_says_origin_error_and_version(bench: Bench) -> None:
    topic = Topic()
    bad = Sent(b"\xffbad", partition=2)
    bench.feed(event(), bad, Sent(b"x" * (MAX_DEAD_BYTES + 1)))
    assert await outbox(bench, topic).relay() == 2
    first, second = topic.letters
    assert (first.key, first.value) == (b"meetlat.events.v1/2/0", bad.value)
    assert dict(first.headers) == {
        "meetlat-origin": b"meetlat.events.v1/2/0",
        "meetlat-error": b"is not UTF-8 (byte 0)",
        "meetlat-version": b"1",
    }
    assert dict(second.headers)["meetlat-cut"] == b"true"
    assert len(second.value) == MAX_DEAD_BYTES


async def test_letters_are_sent_in_order_and_once(bench: Bench) -> None:
    topic = Topic()
    relay = outbox(bench, topic)
    bench.feed(*[Sent(b"%d" % n) for n in range(5)])
    bench.feed(*[Sent(b"%d" % n) for n in range(5, 8)])
    sizes = [await relay.relay(limit=3) for _ in range(4)]
    assert sizes == [3, 3, 2, 0]
    assert [letter.value for letter in topic.letters] == [b"%d" % n for n in range(8)]
    assert topic.starts == 1
    assert waiting(bench) == 0


async def test_a_crash_between_sending_and_marking_sends_again_with_the_same_key(
    bench: Bench,
) -> None:
    topic = Topic()
    bench.feed(Sent(b"bad"))
    relay = outbox(bench, topic)
    real = relay._on_database
    calls: list[int] = []

    async def crash_second(action: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise RuntimeError("killed")
        return await real(action)

    relay._on_database = crash_second
    with pytest.raises(RuntimeError):
        await relay.relay()
    assert waiting(bench) == 1
    bench.reopen()
    await outbox(bench, topic).relay()
    first, second = topic.letters
    assert first == second
    assert waiting(bench) == 0


async def test_a_topic_that_is_away_keeps_the_letters_and_stops_nothing(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    topic = Topic(fault=LogError("no broker", retry=True))
    bench.feed(Sent(b"bad"))
    relay = outbox(bench, topic)
    await relay.try_relay()
    assert waiting(bench) == 1
    assert "dead letters wait in the outbox: no broker" in caplog.text
    topic.fault = None
    await relay.try_relay()
    assert waiting(bench) == 0
    assert len(topic.letters) == 1


async def test_a_letter_that_was_sent_leaves_its_bytes_to_the_archive(bench: Bench) -> None:
    bench.feed(Sent(b"bad"))
    await outbox(bench, Topic()).relay()
    assert bench.rows("SELECT value, sent FROM outbox") == [(None, True)]
    assert [row[-1] for row in bench.archived()] == [b"bad"]


async def test_a_new_letter_is_not_marked_with_those_that_were_sent(bench: Bench) -> None:
    """A batch that is committed while letters are on their way keeps its own waiting."""
    topic = Topic()
    relay = outbox(bench, topic)
    bench.feed(Sent(b"first"))
    real = topic.append

    async def commit_meanwhile(messages: Sequence[Message]) -> None:
        await real(messages)
        bench.feed(Sent(b"second", appended=event().appended + MINUTE))

    topic.append = commit_meanwhile  # type: ignore[method-assign]
    await relay.relay()
    assert waiting(bench) == 1


def test_a_dead_letter_of_exactly_900_kib_is_whole_and_a_byte_more_is_cut(bench: Bench) -> None:
    limit = 900 * 1024
    bench.feed(Sent(b"x" * limit, NOON), Sent(b"x" * (limit + 1), NOON))
    found = bench.rows('SELECT octet_length(value), cut FROM outbox ORDER BY "offset"')
    assert found == [(limit, False), (limit, True)]
