"""Sends straight to Kafka: batches per partition, `acks=all`, on the calling thread's own loop.

Not idempotent on purpose: with idempotence on and the broker killed, aiokafka neither fails a send
nor stops. Events have their ids, so a second copy does not count. The loop runs only inside these
calls, every wait in it has a deadline, and a loop that missed one is abandoned with all in it.
"""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import threading
import time
import weakref
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, RecordTooLargeError

from meetlat._client import THREAD
from meetlat._encode import Encoded
from meetlat._transports.base import Sent
from meetlat.errors import LogError
from meetlat.logs.kafka import connection_options, partition_of
from meetlat.logs.kafka_connection import fault
from meetlat.logs.kafka_topic import ensure_topic
from meetlat.settings import ENDPOINT, EVENTS_TOPIC, SEND_TIMEOUT_SECONDS, Settings

T = TypeVar("T")
_log = logging.getLogger("meetlat.kafka")
_FAULTS = (KafkaError, LogError, OSError, TimeoutError, RuntimeError)
_HEADERS = [("content-type", b"application/cloudevents+json")]
_BATCH_BYTES = 256 * 1024
_REQUEST_BYTES = 2 * 1024 * 1024
_YIELD_EVERY = 250
_PAUSE = 50e-6


class KafkaTransport:
    """One producer, made at the first need and again after a fault."""

    def __init__(self, settings: Settings) -> None:
        self._servers = settings[ENDPOINT].removeprefix("kafka://")
        self._topic = settings[EVENTS_TOPIC]
        self._settings = settings
        self._options = connection_options(settings)
        self._options["request_timeout_ms"] = max(1, int(settings[SEND_TIMEOUT_SECONDS] * 900))
        self._loop: _Loop | None = None
        self._producer: AIOKafkaProducer | None = None
        for name in ("aiokafka", *logging.Logger.manager.loggerDict):
            if name.partition(".")[0] == "aiokafka":
                logging.getLogger(name).addFilter(_not_ours)

    def open(self, timeout: float) -> None:
        """Connect; a failure is left to `send`, which says it."""
        try:
            self._run(self._connected(), timeout)
        except _FAULTS:
            self._abandon()

    def send(self, events: Sequence[Encoded], timeout: float, *, connect: bool = True) -> Sent:
        """Send; on a missed deadline all that is not acknowledged is `retry`."""
        if self._producer is None and not connect:
            return Sent.failed(events, "")
        try:
            return self._run(self._send(events), timeout)
        except _FAULTS as error:
            self._abandon()
            known = KafkaError | OSError | TimeoutError
            told = fault(error, self._servers, "sending") if isinstance(error, known) else error
            return Sent.failed(events, str(told))

    def close(self, timeout: float) -> None:
        """Disconnect."""
        self._abandon(timeout)

    async def _connected(self) -> AIOKafkaProducer:
        if self._producer is None:
            await ensure_topic(self._servers, self._options, self._topic, self._settings)
            packed = "zstd" if importlib.util.find_spec("cramjam") else "gzip"
            producer = AIOKafkaProducer(
                bootstrap_servers=self._servers,
                acks="all",
                compression_type=packed,
                max_batch_size=_BATCH_BYTES,
                max_request_size=_REQUEST_BYTES,
                **self._options,
            )
            self._producer = producer
            await producer.start()
        return self._producer

    async def _send(self, events: Sequence[Encoded]) -> Sent:
        producer = await self._connected()
        partitions = len(await producer.partitions_for(self._topic))
        groups: list[list[int]] = [[] for _ in range(partitions)]
        for index, event in enumerate(events):
            groups[partition_of(event.key, partitions)].append(index)
        waiting: list[tuple[list[int], asyncio.Future[Any]]] = []
        done = 0
        for partition, indexes in enumerate(groups):
            if not indexes:
                continue
            builder = producer.create_batch()
            inside: list[int] = []
            for index in indexes:
                event = events[index]
                while not builder.append(
                    key=event.key, value=event.value, timestamp=None, headers=_HEADERS
                ):
                    waiting.append((inside, await self._submit(builder, partition)))
                    builder, inside = producer.create_batch(), []
                inside.append(index)
                done += 1
                if done % _YIELD_EVERY == 0:
                    time.sleep(_PAUSE)  # noqa: ASYNC251 - hand the interpreter to the host's threads
            waiting.append((inside, await self._submit(builder, partition)))
        sent = Sent()
        answers = await asyncio.gather(*[future for _, future in waiting], return_exceptions=True)
        for (inside, _), answer in zip(waiting, answers, strict=True):
            if isinstance(answer, MessageSizeTooLargeError | RecordTooLargeError):
                sent.refused += [(index, "too_large") for index in inside]
            elif isinstance(answer, Exception):
                sent.retry += inside
                sent.problem = str(fault(answer, self._servers, "sending"))
            elif isinstance(answer, BaseException):
                raise answer
        return sent

    async def _submit(self, builder: Any, partition: int) -> asyncio.Future[Any]:
        assert self._producer is not None
        # Packed here, one at a time: the producer would pack those of all partitions in one step,
        # and the host's threads would wait for it.
        builder._build()
        future: asyncio.Future[Any] = await self._producer.send_batch(
            builder, self._topic, partition=partition
        )
        return future

    def _run(self, work: Coroutine[Any, Any, T], timeout: float) -> T:
        if self._loop is None:
            self._loop = _Loop()
            self._loop.set_default_executor(_DaemonThreads())
            self._loop.set_exception_handler(_tell_quietly)
        return self._loop.run_until_complete(asyncio.wait_for(work, timeout))

    def _abandon(self, timeout: float = 0.5) -> None:
        """Drop loop and producer, whatever state they are in."""
        loop, producer = self._loop, self._producer
        self._loop = self._producer = None
        if loop is None:
            return
        try:
            if producer is not None:
                loop.run_until_complete(
                    asyncio.wait([loop.create_task(producer.stop())], timeout=timeout)
                )
            loop.hang_up()
            tasks = asyncio.all_tasks(loop)
            for task in tasks:
                task.cancel()
            if tasks:
                loop.run_until_complete(asyncio.wait(tasks, timeout=timeout))
        except _FAULTS as error:
            _log.debug("letting go of Kafka: %s", error)
        finally:
            loop.close()


class _Loop(asyncio.SelectorEventLoop):
    """Knows its connections: aiokafka forgets one whose making is cancelled."""

    def __init__(self) -> None:
        super().__init__()
        self._made: weakref.WeakSet[asyncio.BaseTransport] = weakref.WeakSet()

    async def create_connection(self, *args: Any, **kwargs: Any) -> Any:
        made = await super().create_connection(*args, **kwargs)
        self._made.add(made[0])
        return made

    def hang_up(self) -> None:
        """Close every connection, and let who reads from one notice."""
        for transport in list(self._made):
            transport.close()
        for _ in range(3):
            self.run_until_complete(asyncio.sleep(0))


class _DaemonThreads(ThreadPoolExecutor):
    """Name look-ups on threads that the interpreter does not wait for when it ends."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        future: Future[T] = Future()

        def run() -> None:
            try:
                result = fn(*args, **kwargs)
            except Exception as error:  # noqa: BLE001 - the future carries it to the waiter
                future.set_exception(error)
            else:
                future.set_result(result)

        threading.Thread(target=run, name="meetlat-lookup", daemon=True).start()
        return future


def _not_ours(record: logging.LogRecord) -> bool:
    """A logger's filter: each fault of this thread's connections is told by us, once a minute."""
    return record.threadName != THREAD


def _tell_quietly(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    # What an abandoned loop leaves behind is not the host's concern.
    _log.debug("%s", context.get("message"))
