"""The log in Kafka, through aiokafka: its writer, and its reader (`kafka_reader.py`).

The writer is not idempotent: aiokafka's idempotent producer can hang for ever when a broker dies,
and a double does no harm, since an event is counted once. Every wait has a deadline.
"""

from __future__ import annotations

import asyncio
import logging
import random
import zlib
from collections.abc import Iterable, Sequence
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.codec import has_zstd

from meetlat.errors import LogError
from meetlat.logs.base import Message
from meetlat.logs.kafka_connection import (
    FAULTS,
    REQUEST_SECONDS,
    START_SECONDS,
    abandon,
    connection_options,
    fault,
    stop,
    why_unreachable,
)
from meetlat.logs.kafka_reader import KafkaReader
from meetlat.logs.kafka_topic import ensure_topic
from meetlat.logs.shared import SharedAppends
from meetlat.settings import Settings

__all__ = ["KafkaReader", "KafkaWriter", "connection_options", "partition_of"]

_log = logging.getLogger("meetlat.logs")

APPEND_SECONDS = 25.0  # longer than one request, so that a dead leader's successor gets its turn
BATCH_BYTES = 512 * 1024


def partition_of(key: bytes, partitions: int) -> int:
    """Where a key goes: the same for every writer of Meetlat."""
    return zlib.crc32(key) % partitions


class KafkaWriter:
    """LogWriter over Kafka: `acks=all`, compressed; concurrent appends share their requests."""

    def __init__(self, servers: str, topic: str, settings: Settings) -> None:
        self._servers = servers
        self._topic = topic
        self._settings = settings
        self._options = connection_options(settings)
        self._appends = SharedAppends(self._send)
        self._producer: AIOKafkaProducer | None = None
        self._closed = False

    async def start(self) -> None:
        """Connect; create the topic when it is missing."""
        try:
            async with asyncio.timeout(START_SECONDS):
                await ensure_topic(self._servers, self._options, self._topic, self._settings)
                await self._connected()
        except FAULTS as error:
            reason = await why_unreachable(error, self._servers, self._options)
            raise fault(reason, self._servers, "connecting") from error

    async def append(self, messages: Sequence[Message]) -> None:
        """Append, and return when all in-sync replicas have them. Takes at most 25 seconds."""
        if self._closed:
            raise LogError(f"the writer of {self._topic} is closed", remedy="make another")
        await self._appends.append(messages)

    async def check(self) -> None:
        """Raise LogError when the topic has a partition without a leader, or nobody answers."""
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                producer = await self._connected()
                answered = await producer.client.force_metadata_update()
                partitions = await producer.partitions_for(self._topic)
                available = producer.client.cluster.available_partitions_for_topic(self._topic)
        except FAULTS as error:
            raise fault(error, self._servers, "asking for the topic") from error
        if not answered or len(available or ()) < len(partitions):
            raise LogError(
                f"Kafka at {self._servers}: {self._topic} has partitions without a leader",
                remedy="start the brokers that are down",
                retry=True,
            )

    async def trim(self, older_than: int, *, unread_too: bool = False) -> int:  # noqa: ARG002
        """0: Kafka deletes by the topic's own `retention.ms`."""
        return 0

    async def close(self, deadline: float) -> None:
        """Finish the appends under way, within `deadline` seconds, and let go."""
        self._closed = True
        finished = await self._appends.close(deadline)
        producer, self._producer = self._producer, None
        if producer is None:
            return
        if finished:
            await stop(producer, max(1.0, deadline))
        else:
            _log.warning("appends to %s were not finished in %g s", self._topic, deadline)
            await abandon(producer)

    async def _send(self, messages: list[Message]) -> None:
        try:
            async with asyncio.timeout(APPEND_SECONDS):
                producer = await self._connected()
                count = len(await producer.partitions_for(self._topic))
                sent = []
                for partition, batch in _batches(producer, messages, count):
                    future = await producer.send_batch(batch, self._topic, partition=partition)
                    # One failure ends the round; asyncio must not complain about the others.
                    future.add_done_callback(_retrieve)
                    sent.append(future)
                await asyncio.gather(*sent)
        except FAULTS as error:
            # What the producer still holds would be sent later, and keep memory until then.
            producer, self._producer = self._producer, None
            if producer is not None:
                await abandon(producer)
            raise fault(error, self._servers, f"appending to {self._topic}") from error

    async def _connected(self) -> AIOKafkaProducer:
        if self._producer is None:
            producer = AIOKafkaProducer(
                bootstrap_servers=self._servers,
                acks="all",
                compression_type="zstd" if has_zstd() else "gzip",
                max_batch_size=BATCH_BYTES,
                **self._options,
            )
            try:
                await producer.start()
            except BaseException:
                await abandon(producer)
                raise
            self._producer = producer
        return self._producer


def _batches(
    producer: AIOKafkaProducer, messages: Iterable[Message], partitions: int
) -> Iterable[tuple[int, Any]]:
    """The messages packed by partition; those without a key share one of them."""
    keyless = random.randrange(partitions)  # noqa: S311 - spreads load, keeps no secret
    packed: dict[int, Any] = {}
    for key, value, headers in messages:
        partition = keyless if key is None else partition_of(key, partitions)
        batch = packed.get(partition)
        if batch is not None and _added(batch, key, value, headers):
            continue
        if batch is not None:
            yield partition, batch  # full
        batch = packed[partition] = producer.create_batch()
        _added(batch, key, value, headers)
    yield from packed.items()


def _added(batch: Any, key: bytes | None, value: bytes, headers: Sequence[Any]) -> bool:
    # An empty batch takes any message; otherwise None says that it is full.
    added = batch.append(timestamp=None, key=key, value=value, headers=list(headers))
    return added is not None


def _retrieve(future: asyncio.Future[Any]) -> None:
    if not future.cancelled():
        future.exception()
