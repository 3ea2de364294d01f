"""Reads a topic of Kafka; rebalances and data loss come to light in `read`."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import (
    KafkaError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
)

from meetlat.errors import DataLossError, LogError
from meetlat.logs.base import Listener, Record, Start
from meetlat.logs.kafka_connection import (
    FAULTS,
    REQUEST_SECONDS,
    START_SECONDS,
    connection_options,
    fault,
    stop,
    why_unreachable,
)
from meetlat.logs.kafka_topic import ensure_topic, topic_identity
from meetlat.logs.shared import data_loss, must_follow
from meetlat.settings import Settings

_log = logging.getLogger("meetlat.logs")
FETCH_BYTES = 4 * 1024 * 1024
# How long a wrong picture of the brokers may last: who leads, and which partitions there are to
# give to the group's members. aiokafka asks anew after 5 minutes.
METADATA_SECONDS = 15


class KafkaReader(ConsumerRebalanceListener):  # type: ignore[misc]
    """LogReader over Kafka; with a `group` it shares the partitions with the group's others."""

    def __init__(
        self, servers: str, topic: str, settings: Settings, group: str | None = None
    ) -> None:
        self._servers = servers
        self._topic = topic
        self._settings = settings
        self._group = group
        self._options = connection_options(settings)
        self._consumer: AIOKafkaConsumer | None = None
        self._listener: Listener | None = None
        # Partitions whose starting offset has to be set, and whether that is done: what aiokafka
        # hands out meanwhile starts at an offset of its own choice, and is thrown away.
        self._unplaced: set[int] = set()
        self._placed = False
        # Partitions that are read from one record earlier, until that was compared and dropped.
        self._unproven: dict[int, Start] = {}
        self._assignments = 0
        self._renewing = False
        self._told_of_timestamps = False
        self._to_tell: dict[int, int] = {}
        self._telling: asyncio.Task[None] | None = None

    async def start(self, listener: Listener) -> None:
        """Connect; create the topic when it is missing; join the group.

        Partitions of a group come later: `read` returns nothing until then.
        """
        self._listener = listener
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._servers,
            group_id=self._group,
            enable_auto_commit=False,
            auto_offset_reset="none",
            fetch_max_bytes=FETCH_BYTES,
            max_partition_fetch_bytes=1024 * 1024,
            # A killed member keeps its partitions for so long; 6 s is the least that brokers take.
            session_timeout_ms=6_000,
            heartbeat_interval_ms=1_500,
            # A batch that takes long must not cost the membership; heartbeats go on meanwhile.
            max_poll_interval_ms=600_000,
            rebalance_timeout_ms=60_000,
            metadata_max_age_ms=METADATA_SECONDS * 1000,
            **self._options,
        )
        self._consumer = consumer
        try:
            async with asyncio.timeout(START_SECONDS):
                await ensure_topic(self._servers, self._options, self._topic, self._settings)
                await consumer.start()
                # A broker may not know yet a topic that was made a moment ago. A member that leads
                # the group and does not know of its partitions gives them to nobody.
                partitions = await consumer._client._wait_on_metadata(self._topic)
                if self._group is None:
                    consumer.assign([TopicPartition(self._topic, p) for p in partitions])
                    self._unplaced = set(partitions)
                else:
                    consumer.subscribe([self._topic], listener=self)
        except FAULTS as error:
            await self.close(1.0)
            reason = await why_unreachable(error, self._servers, self._options)
            raise fault(reason, self._servers, "connecting") from error
        if self._unplaced:
            await self._place(consumer)

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Called by aiokafka before a rebalance; the rebalance waits for it."""
        self._assignments += 1
        self._unplaced = set()
        self._placed = False
        self._unproven = {}
        assert self._listener is not None
        await self._listener.revoked(sorted(p.partition for p in revoked))

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Called by aiokafka after a rebalance. `read` does the rest, where errors are seen."""
        self._assignments += 1
        self._unplaced = {p.partition for p in assigned}

    async def read(self, max_records: int, max_wait: float) -> list[Record]:
        """The next records; waits up to `max_wait` seconds for the first."""
        if self._renewing or self._running()._fetcher.error_future.done():
            await self._renew()
        consumer = self._running()
        if self._unplaced:
            await self._place(consumer)
        loop = asyncio.get_running_loop()
        give_up = loop.time() + max_wait
        while True:
            unproven = len(self._unproven)
            records = await self._fetch(consumer, max_records, max(0.0, give_up - loop.time()))
            if records or len(self._unproven) == unproven:
                return records

    async def _renew(self) -> None:
        """aiokafka stays in its group and says nothing when the task that fetches has died."""
        assert self._listener is not None
        if not self._renewing:
            consumer = self._running()
            died = consumer._fetcher.error_future
            why = "cancelled" if died.cancelled() else died.exception()
            _log.warning(
                "Kafka's client stopped reading %s (%r); connecting anew", self._topic, why
            )
            await self.on_partitions_revoked(consumer.assignment())
            self._renewing = True
            await self.close(REQUEST_SECONDS)
        await self.start(self._listener)
        self._renewing = False

    async def _fetch(
        self, consumer: AIOKafkaConsumer, max_records: int, max_wait: float
    ) -> list[Record]:
        assignments = self._assignments
        try:
            # aiokafka's own timeout does not hold during a rebalance.
            async with asyncio.timeout(max_wait + 0.05):
                found = await consumer.getmany(
                    timeout_ms=int(max_wait * 1000), max_records=max_records
                )
        except TimeoutError:
            return []
        except (OffsetOutOfRangeError, NoOffsetForPartitionError) as error:
            if self._assignments == assignments and self._placed:
                # The log was cut, or made anew, under a reader at work.
                await self._explain_range(consumer, error)
                if self._assignments == assignments:
                    self._place_again()
            return []
        except FAULTS as error:
            raise fault(error, self._servers, f"reading {self._topic}") from error
        if self._assignments != assignments or not self._placed:
            return []
        return self._records(found)

    async def identity(self) -> str | None:
        """Kafka's cluster id and topic id."""
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                return await topic_identity(self._servers, self._options, self._topic)
        except FAULTS as error:
            raise fault(error, self._servers, "asking for the topic") from error

    async def progress(self, offsets: Mapping[int, int]) -> None:
        """Commit offsets to the group, in the background. Never raises."""
        if self._consumer is None or self._group is None:
            return
        self._to_tell.update(offsets)
        if self._telling is None:
            self._telling = asyncio.create_task(self._tell(self._consumer))

    async def _tell(self, consumer: AIOKafkaConsumer) -> None:
        try:
            while self._to_tell:
                offsets, self._to_tell = self._to_tell, {}
                mine = self._assigned()
                await consumer.commit(
                    {TopicPartition(self._topic, p): o for p, o in offsets.items() if p in mine}
                )
        except FAULTS as error:
            _log.warning("Kafka was not told the progress of %s: %r", self._topic, error)
        finally:
            self._telling = None

    async def end_offsets(self) -> dict[int, int]:
        """The offset that the next append will get, per assigned partition."""
        _, ends = await self._bounds(self._running(), self._assigned())
        return ends

    async def earliest_offsets(self) -> dict[int, int]:
        """The first offset still kept, per assigned partition."""
        earliest, _ = await self._bounds(self._running(), self._assigned())
        return earliest

    async def close(self, deadline: float) -> None:
        """Leave the group, within `deadline` seconds."""
        consumer = self._consumer
        if consumer is None:
            return
        if self._telling is not None:
            await asyncio.wait([self._telling], timeout=deadline / 2)
        self._consumer = None
        await stop(consumer, deadline / 2)

    def _running(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            raise LogError(f"the reader of {self._topic} is not started", remedy="start it")
        return self._consumer

    def _assigned(self) -> set[int]:
        if self._consumer is None:
            return set()
        return {p.partition for p in self._consumer.assignment() if p.topic == self._topic}

    async def _place(self, consumer: AIOKafkaConsumer) -> None:
        """Set the starting offsets of new partitions. Raises DataLossError, or LogError."""
        assert self._listener is not None
        assignments = self._assignments
        wanted = sorted(self._unplaced)
        given = await self._listener.assigned(wanted)
        stored = {p: one if isinstance(one, Start) else Start(one) for p, one in given.items()}
        offsets = {p: start.offset for p, start in stored.items()}
        starts, earliest = await self._checked(consumer, wanted, offsets)
        if self._assignments != assignments:
            return  # another rebalance came in between, and left its own to be placed
        self._unproven = {
            p: start
            for p, start in stored.items()
            if start.before is not None and start.offset > earliest[p]
        }
        for partition, offset in starts.items():
            first = offset - 1 if partition in self._unproven else offset
            consumer.seek(TopicPartition(self._topic, partition), first)
        self._unplaced = set()
        self._placed = True

    async def _checked(
        self, consumer: AIOKafkaConsumer, wanted: Sequence[int], stored: Mapping[int, int]
    ) -> tuple[dict[int, int], dict[int, int]]:
        """Where `wanted` start, and the earliest offsets. Raises DataLossError, or LogError."""
        for last in (False, False, False, True):
            earliest, ends = await self._bounds(consumer, set(wanted))
            starts = {p: stored.get(p, earliest[p]) for p in wanted}
            for partition, start in starts.items():
                if start < earliest[partition]:
                    raise data_loss(self._topic, partition, start, earliest=earliest[partition])
                if start > ends[partition] and last:
                    raise data_loss(self._topic, partition, start, end=ends[partition])
            if all(start <= ends[partition] for partition, start in starts.items()):
                break
            # A leader that has just been elected may still be learning where the end is.
            await asyncio.sleep(0.5)
        return starts, earliest

    async def _explain_range(self, consumer: AIOKafkaConsumer, error: KafkaError) -> None:
        positions = {}
        for partition in self._assigned():
            with contextlib.suppress(KafkaError, TimeoutError):
                async with asyncio.timeout(1.0):
                    where = TopicPartition(self._topic, partition)
                    positions[partition] = await consumer.position(where)
        for partition, start in self._unproven.items():  # reads from one record earlier
            positions[partition] = start.offset
        await self._checked(consumer, sorted(positions), positions)
        _log.warning("Kafka refused an offset of %s that is in range: %r", self._topic, error)

    def _place_again(self) -> None:
        """The next read starts from what the caller has stored, and compares."""
        self._unplaced = self._assigned()
        self._placed = False
        self._unproven = {}

    def _proven(self, partition: int, fetched: Sequence[Any]) -> Sequence[Any]:
        """Without the record before the start, which was read to be compared.

        It may be missing: compacted, or none that a reader sees.
        """
        start = self._unproven[partition]
        if fetched[0].offset == start.offset - 1:
            try:
                must_follow(self._topic, partition, start, fetched[0].timestamp * 1000)
            except DataLossError:
                self._place_again()  # so that it is found again by asking twice
                raise
            fetched = fetched[1:]
        del self._unproven[partition]
        return fetched

    async def _bounds(
        self, consumer: AIOKafkaConsumer, partitions: set[int]
    ) -> tuple[dict[int, int], dict[int, int]]:
        wanted = [TopicPartition(self._topic, p) for p in sorted(partitions)]
        if not wanted:
            return {}, {}
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                earliest = await consumer.beginning_offsets(wanted)
                ends = await consumer.end_offsets(wanted)
        except FAULTS as error:
            raise fault(error, self._servers, f"asking for offsets of {self._topic}") from error
        return (
            {p.partition: offset for p, offset in earliest.items()},
            {p.partition: offset for p, offset in ends.items()},
        )

    def _records(self, found: Mapping[TopicPartition, Sequence[Any]]) -> list[Record]:
        records: list[Record] = []
        for where, fetched in found.items():
            if fetched[0].timestamp_type == 0 and not self._told_of_timestamps:
                self._told_of_timestamps = True
                _log.warning(
                    "topic %s keeps the sender's time, so nothing counts as late; set its "
                    "message.timestamp.type to LogAppendTime",
                    self._topic,
                )
            partition = where.partition
            if partition in self._unproven:
                fetched = self._proven(partition, fetched)  # noqa: PLW2901 - less by one record
            records += [
                Record(
                    partition,
                    one.offset,
                    one.timestamp * 1000,
                    one.key,
                    one.value or b"",
                    tuple((n, v or b"") for n, v in one.headers) if one.headers else (),
                )
                for one in fetched
            ]
        return records
