"""Both logs behind one set of verbs, so that one contract suite runs over either."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.structs import TopicPartition

from meetlat.logs.base import LogReader, LogWriter, Record, Start
from meetlat.logs.embedded import EmbeddedReader, EmbeddedWriter
from meetlat.logs.kafka import KafkaReader, KafkaWriter
from support.kafka import Given

DEADLINE = 30.0


class Starts:
    """A Listener that starts at given offsets, and writes down what it was told."""

    def __init__(self, offsets: Mapping[int, Start | int] | None = None) -> None:
        self.offsets = dict(offsets or {})
        self.told: list[tuple[str, list[int]]] = []

    async def assigned(self, partitions: Sequence[int]) -> Mapping[int, Start | int]:
        self.told.append(("assigned", list(partitions)))
        return {p: self.offsets[p] for p in partitions if p in self.offsets}

    async def revoked(self, partitions: Sequence[int]) -> None:
        self.told.append(("revoked", list(partitions)))


class Log(Protocol):
    """One kind of log, with what only its keeper can do to it."""

    def writer(self, topic: str) -> LogWriter: ...
    def reader(self, topic: str, group: str | None = None) -> LogReader: ...
    async def delete_before(self, topic: str, offset: int) -> None:
        """Make `offset` the earliest of partition 0. Embedded: call it between two appends."""

    async def delete(self, topic: str) -> None: ...


class EmbeddedLog:
    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def writer(self, topic: str) -> EmbeddedWriter:
        return EmbeddedWriter(self.directory, topic)

    def reader(self, topic: str, group: str | None = None) -> EmbeddedReader:
        return EmbeddedReader(self.directory, topic, group)

    async def delete_before(self, topic: str, offset: int) -> None:
        async with reading(self, topic, Starts(), group="keeper") as reader:
            await reader.progress({0: offset})
        async with writing(self, topic) as writer:
            await writer.trim(time.time_ns())

    async def delete(self, topic: str) -> None:
        for path in self.directory.glob(f"{topic}.sqlite*"):
            path.unlink()


class KafkaLog:
    def __init__(self, kafka: Given, partitions: int = 1) -> None:
        self.kafka = kafka
        self.settings = kafka.settings(MEETLAT_TOPIC_PARTITIONS=str(partitions))

    def writer(self, topic: str) -> KafkaWriter:
        return KafkaWriter(self.kafka.bootstrap, topic, self.settings)

    def reader(self, topic: str, group: str | None = None) -> KafkaReader:
        return KafkaReader(self.kafka.bootstrap, topic, self.settings, group)

    async def delete_before(self, topic: str, offset: int) -> None:
        async with self.admin() as admin:
            await admin.delete_records({TopicPartition(topic, 0): RecordsToDelete(offset)})

    async def delete(self, topic: str) -> None:
        async with self.admin() as admin:
            await admin.delete_topics([topic])
            give_up = time.monotonic() + DEADLINE
            while topic in await admin.list_topics():
                assert time.monotonic() < give_up, "the topic was not deleted"
                await asyncio.sleep(0.05)

    @contextlib.asynccontextmanager
    async def admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka.bootstrap)
        await admin.start()
        try:
            yield admin
        finally:
            await admin.close()


@contextlib.asynccontextmanager
async def writing(log: Log, topic: str) -> AsyncIterator[LogWriter]:
    """A writer that is started, and closed at the end."""
    writer = log.writer(topic)
    await writer.start()
    try:
        yield writer
    finally:
        await writer.close(5.0)


@contextlib.asynccontextmanager
async def reading(
    log: Log, topic: str, starts: Starts, group: str | None = None
) -> AsyncIterator[LogReader]:
    """A reader that is started, and closed at the end."""
    reader = log.reader(topic, group)
    await reader.start(starts)
    try:
        yield reader
    finally:
        await reader.close(5.0)


async def take(reader: LogReader, count: int, max_records: int = 1000) -> list[Record]:
    """Read until there are `count` records (never more); fails after 30 s."""
    records: list[Record] = []
    give_up = time.monotonic() + DEADLINE
    while len(records) < count:
        assert time.monotonic() < give_up, f"only {len(records)} of {count} records came"
        records += await reader.read(min(max_records, count - len(records)), 0.5)
    return records
