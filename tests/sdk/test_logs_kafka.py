"""What only Kafka has: groups and rebalances, brokers that die, topics, TLS and SASL."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.cluster import ClusterMetadata
from aiokafka.errors import KafkaConnectionError, OffsetOutOfRangeError
from support.kafka import USER, Cluster, Given, free_port
from support.logs import DEADLINE, KafkaLog, Starts, reading, take, writing

import meetlat.logs.kafka
import meetlat.logs.kafka_reader
from meetlat.errors import DataLossError, LogError
from meetlat.logs.base import Message, Record, Start
from meetlat.logs.kafka import KafkaReader, KafkaWriter, partition_of
from meetlat.settings import Settings

pytestmark = pytest.mark.kafka


def spread(count: int, first: int = 0) -> list[Message]:
    return [Message(b"key-%d" % (n % 97), b"%d" % n) for n in range(first, first + count)]


class Member:
    """An aggregator in small: keeps the next offsets, and drops what was read too late."""

    owners: dict[int, str]
    stored: dict[int, int]
    seen: list[int]

    def __init__(self, log: KafkaLog, topic: str, name: str, shared: Member | None = None) -> None:
        self.name = name
        self.reader = log.reader(topic, group=f"group-{topic}")
        self.owners = shared.owners if shared else {}
        self.stored = shared.stored if shared else {}
        self.seen = shared.seen if shared else []
        self.assigned_to_me: list[int] = []
        self.revocations = 0
        self._task: asyncio.Task[None] | None = None

    async def assigned(self, partitions: Sequence[int]) -> Mapping[int, int]:
        for partition in partitions:
            assert partition not in self.owners, f"{partition} is still {self.owners[partition]}'s"
            self.owners[partition] = self.name
        self.assigned_to_me = list(partitions)
        return {p: self.stored[p] for p in partitions if p in self.stored}

    async def revoked(self, partitions: Sequence[int]) -> None:
        self.revocations += 1
        await asyncio.sleep(0.05)  # a transaction under way
        self.assigned_to_me = []
        for partition in [p for p, owner in self.owners.items() if owner == self.name]:
            del self.owners[partition]

    async def start(self) -> None:
        await self.reader.start(self)
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while True:
            for record in await self.reader.read(50, 0.2):
                assert record.offset == self.stored.get(record.partition, 0), "a gap, or a double"
                self.stored[record.partition] = record.offset + 1
                self.seen.append(int(record.value))
            await self.reader.progress({p: self.stored.get(p, 0) for p in self.assigned_to_me})

    async def stop(self) -> None:
        assert self._task is not None
        if self._task.done():
            self._task.result()
        self._task.cancel()
        await asyncio.wait([self._task])
        await self.reader.close(10)
        await self.revoked([])


async def until(condition: object, *, what: str, deadline: float = DEADLINE) -> None:
    assert callable(condition)
    give_up = time.monotonic() + deadline
    while not condition():
        assert time.monotonic() < give_up, f"never: {what}"
        await asyncio.sleep(0.02)


async def test_members_that_join_and_leave_lose_and_double_nothing(kafka: Given) -> None:
    log, topic = KafkaLog(kafka, partitions=6), kafka.topic()
    one = Member(log, topic, "one")
    two = Member(log, topic, "two", shared=one)
    async with writing(log, topic) as writer:
        sent = 0

        async def send(count: int) -> None:
            nonlocal sent
            for _ in range(count):
                await writer.append(spread(40, sent))
                sent += 40

        await one.start()
        await send(5)
        await until(lambda: len(one.assigned_to_me) == 6, what="one has all partitions")
        sending = asyncio.create_task(send(60))
        await two.start()
        await until(lambda: len(two.assigned_to_me) == 3, what="two has its half")
        await until(lambda: len(one.assigned_to_me) == 3, what="one keeps the other half")
        await sending
        await two.stop()
        await send(5)
        await until(lambda: len(one.assigned_to_me) == 6, what="one has all again")
        await until(lambda: len(one.seen) >= sent, what="everything was read")
        await one.stop()
    assert sorted(one.seen) == list(range(sent))
    assert one.revocations >= 2


async def test_another_member_gets_partitions_only_after_revoked_returned(kafka: Given) -> None:
    log, topic = KafkaLog(kafka, partitions=2), kafka.topic()
    order: list[str] = []
    may_return = asyncio.Event()

    class Slow(Starts):
        async def revoked(self, partitions: Sequence[int]) -> None:
            if partitions:
                order.append("revoking")
                await may_return.wait()
                order.append("revoked")

    class Next(Starts):
        async def assigned(self, partitions: Sequence[int]) -> Mapping[int, int]:
            order.append("assigned to the other")
            return {}

    async def keep_reading(reader: KafkaReader) -> None:
        while True:
            await reader.read(10, 0.1)

    group = f"group-{topic}"
    async with writing(log, topic), reading(log, topic, Slow(), group) as slow:
        first = asyncio.create_task(keep_reading(slow))  # type: ignore[arg-type]
        await until(lambda: slow._assigned() == {0, 1}, what="assigned")  # type: ignore[attr-defined]
        async with reading(log, topic, Next(), group) as other:
            second = asyncio.create_task(keep_reading(other))  # type: ignore[arg-type]
            await until(lambda: order == ["revoking"], what="revoking")
            for _ in range(20):
                assert await slow.read(10, 0.05) == []
            assert order == ["revoking"]
            may_return.set()
            await until(lambda: len(order) == 3, what="the other is assigned")
            second.cancel()
        first.cancel()
    assert order == ["revoking", "revoked", "assigned to the other"]


async def test_starts_at_the_callers_offset_whatever_the_group_committed(kafka: Given) -> None:
    log, topic = KafkaLog(kafka), kafka.topic()
    group = f"group-{topic}"
    async with writing(log, topic) as writer:
        await writer.append(spread(100))
    for starts, first in ((Starts(), 0), (Starts({0: 20}), 20), (Starts({0: 7}), 7)):
        async with reading(log, topic, starts, group) as reader:
            records = await take(reader, 100 - first)
            assert [r.offset for r in records] == list(range(first, 100))
            await reader.progress({0: 50})  # must not matter to the next
    async with log.admin() as admin:
        committed = await admin.list_consumer_group_offsets(group)
    assert committed[TopicPartition(topic, 0)].offset == 50


async def test_data_loss_is_told_to_a_member_of_a_group_too(kafka: Given) -> None:
    log, topic = KafkaLog(kafka), kafka.topic()
    async with writing(log, topic) as writer:
        await writer.append(spread(10))
        await log.delete_before(topic, 5)
    async with reading(log, topic, Starts({0: 4}), f"group-{topic}") as reader:
        with pytest.raises(DataLossError, match="stored offset 4 lies below the earliest, 5"):
            await take(reader, 1)
        with pytest.raises(DataLossError):  # and again: it is not reset by asking twice
            await reader.read(10, 0.1)


async def test_a_log_that_grew_again_is_told_to_a_member_of_a_group_too(kafka: Given) -> None:
    """What the other partitions hold is not handed out beside the error."""
    log, topic = KafkaLog(kafka, partitions=3), kafka.topic()
    async with writing(log, topic) as writer:
        await writer.append(spread(60))
    async with reading(log, topic, Starts()) as reader:
        last = {r.partition: r for r in await take(reader, 60)}
    starts = {p: Start(r.offset + 1, r.append_time) for p, r in last.items()}
    offset, before = starts[1]
    assert before is not None
    starts[1] = Start(offset, before - 1000)
    starts[2] = Start(0)
    listener = Starts(starts)
    async with reading(log, topic, listener, f"group-{topic}") as reader:
        for _ in range(2):
            with pytest.raises(DataLossError, match=f"before stored offset {offset} was"):
                for _ in range(20):
                    assert {r.partition for r in await reader.read(100, 0.5)} <= {2}
        listener.offsets[1] = Start(offset, before)
        records = await take(reader, last[2].offset + 1)
        assert [(r.partition, r.offset) for r in records] == [
            (2, n) for n in range(last[2].offset + 1)
        ]
        assert await reader.read(10, 0.2) == []


async def test_a_record_before_the_stored_offset_that_no_reader_sees_is_not_asked_for(
    kafka: Given,
) -> None:
    """The mark at the end of a transaction has an offset too; so has what compaction removed."""
    log, topic = KafkaLog(kafka), kafka.topic()
    async with writing(log, topic):
        pass
    async with AIOKafkaProducer(
        bootstrap_servers=kafka.bootstrap, transactional_id=topic
    ) as producer:
        for value in (b"0", b"2"):
            async with producer.transaction():
                await producer.send_and_wait(topic, value, partition=0)
    for start, found in ((2, [2]), (4, [])):
        async with reading(log, topic, Starts({0: Start(start, 1)})) as reader:
            assert [r.offset for r in await take(reader, len(found))] == found
            assert await reader.read(10, 0.2) == []


async def test_an_offset_that_was_refused_and_is_in_range_again_is_compared(
    kafka: Given, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A leader that lost records refuses an offset until it has grown past it."""
    log, topic = KafkaLog(kafka), kafka.topic()
    async with writing(log, topic) as writer:
        await writer.append(spread(10))
    starts = Starts()
    async with reading(log, topic, starts) as reader:
        records = await take(reader, 10)
        starts.offsets[0] = Start(10, records[9].append_time - 1000)  # as if it were another one

        async def refuse(*args: object, **options: object) -> None:
            monkeypatch.undo()
            raise OffsetOutOfRangeError({TopicPartition(topic, 0): 10})

        monkeypatch.setattr(reader._consumer, "getmany", refuse)  # type: ignore[attr-defined]
        with pytest.raises(DataLossError, match="record before stored offset 10 was appended"):
            for _ in range(20):
                assert await reader.read(10, 0.5) == []


async def test_equal_keys_keep_their_order_and_share_a_partition(kafka: Given) -> None:
    log, topic = KafkaLog(kafka, partitions=12), kafka.topic()
    async with writing(log, topic) as writer, reading(log, topic, Starts()) as reader:
        await writer.append(spread(2000))
        await writer.append(spread(2000, 2000))
        records = await take(reader, 4000)
    by_key: dict[bytes | None, list[Record]] = {}
    for record in records:
        by_key.setdefault(record.key, []).append(record)
    assert len(by_key) == 97
    for key, mine in by_key.items():
        assert key is not None
        assert {r.partition for r in mine} == {partition_of(key, 12)}
        assert [int(r.value) for r in mine] == sorted(int(r.value) for r in mine)
    assert len({r.partition for r in records}) == 12


async def test_reads_what_other_senders_write(
    kafka: Given, caplog: pytest.LogCaptureFixture
) -> None:
    log, topic = KafkaLog(kafka), kafka.topic()
    async with log.admin() as admin:
        await admin.create_topics([NewTopic(topic, 1, 1)])  # keeps the sender's time
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap) as producer:
        await producer.send_and_wait(topic, None, key=b"k", timestamp_ms=1_700_000_000_123)
        await producer.send_and_wait(topic, b"v", headers=[("h", b"1")])
    with caplog.at_level(logging.WARNING, "meetlat.logs"):
        async with reading(log, topic, Starts()) as reader:
            one, two = await take(reader, 2)
    assert one == Record(0, 0, 1_700_000_000_123_000, b"k", b"", ())
    assert (two.value, two.headers) == (b"v", (("h", b"1"),))
    assert "message.timestamp.type to LogAppendTime" in caplog.text


async def test_records_are_compressed_with_zstd(kafka: Given) -> None:
    log, topic = KafkaLog(kafka), kafka.topic()
    async with writing(log, topic) as writer:
        await writer.append([Message(b"k", b"the same words again " * 20) for _ in range(1000)])
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=kafka.bootstrap, auto_offset_reset="earliest"
    )
    async with consumer:
        fetched: list[bytes] = []
        send = consumer._client.send

        async def spy(node: int, request: object, **options: object) -> object:
            answer = await send(node, request, **options)
            for _, partitions in getattr(answer, "topics", []):
                fetched.extend(p[-1] for p in partitions if isinstance(p[-1], bytes) and p[-1])
            return answer

        consumer._client.send = spy
        await consumer.getone()
    assert fetched[0][22] & 0x07 == 4  # attributes of a record batch: codec 4 is zstd
    assert len(fetched[0]) < 420_000 / 20


async def topic_facts(log: KafkaLog, topic: str) -> tuple[int, int, dict[str, str]]:
    """Partitions, replicas and configuration of a topic."""
    async with log.admin() as admin:
        (described,) = await admin.describe_topics([topic])
        (answer,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    (resource,) = answer.resources
    configs = {entry[0]: entry[1] for entry in resource[4]}
    partitions = described["partitions"]
    return len(partitions), len(partitions[0]["replicas"]), configs


async def test_a_missing_topic_is_made_as_the_settings_say(kafka: Given) -> None:
    log, topic = KafkaLog(kafka), kafka.topic()
    log.settings = kafka.settings(MEETLAT_TOPIC_PARTITIONS="5", MEETLAT_LOG_RETENTION_DAYS="2")
    async with reading(log, topic, Starts()):
        partitions, replicas, configs = await topic_facts(log, topic)
    assert (partitions, replicas) == (5, 1)
    assert configs["message.timestamp.type"] == "LogAppendTime"
    assert configs["retention.ms"] == str(2 * 86_400_000)
    assert int(configs["max.message.bytes"]) >= 1024 * 1024


async def test_a_broker_that_does_not_know_a_new_topic_yet_costs_no_partition(
    kafka: Given, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reader leads its group, and has to give itself partitions of which it must know."""
    topic = kafka.topic()
    told, forgotten = ClusterMetadata.update_metadata, 0

    def forgetful(cluster: ClusterMetadata, answer: Any) -> None:
        nonlocal forgotten
        if forgotten < 3 and any(found[1] == topic for found in answer.topics):
            forgotten += 1
            answer.topics = [found for found in answer.topics if found[1] != topic]
        told(cluster, answer)

    monkeypatch.setattr(ClusterMetadata, "update_metadata", forgetful)
    async with reading(KafkaLog(kafka), topic, Starts(), group=topic) as reader:
        async with writing(KafkaLog(kafka), topic) as writer:
            await writer.append([Message(None, b"one")])
        assert [one.value for one in await take(reader, 1)] == [b"one"]
    assert forgotten == 3


@pytest.mark.parametrize("grouped", [True, False])
async def test_a_client_that_died_without_a_word_is_made_anew_and_loses_and_doubles_nothing(
    kafka: Given, grouped: bool, caplog: pytest.LogCaptureFixture
) -> None:
    topic, starts = kafka.topic(), Starts()
    group = topic if grouped else None
    async with (
        writing(KafkaLog(kafka), topic) as writer,
        reading(KafkaLog(kafka), topic, starts, group) as reader,
    ):
        await writer.append([Message(None, b"%d" % n) for n in range(3)])
        assert [one.value for one in await take(reader, 2)] == [b"0", b"1"]
        starts.offsets = {0: 2}
        assert isinstance(reader, KafkaReader)
        fetching = reader._running()._fetcher._fetch_task
        fetching.cancel()
        await asyncio.wait([fetching])
        assert [one.value for one in await take(reader, 1)] == [b"2"]
        assert "Kafka's client stopped reading" in caplog.text
        assert starts.told[-1] == ("assigned", [0])
        assert ("revoked", [0]) in starts.told
        await writer.append([Message(None, b"3")])
        assert [one.value for one in await take(reader, 1)] == [b"3"]


async def test_a_client_that_died_while_brokers_are_away_is_made_anew_when_they_are_back(
    kafka: Given, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = kafka.topic()
    async with (
        writing(KafkaLog(kafka), topic) as writer,
        reading(KafkaLog(kafka), topic, Starts()) as reader,
    ):
        await writer.append([Message(None, b"0")])
        assert isinstance(reader, KafkaReader)
        reader._running()._fetcher._fetch_task.cancel()
        await asyncio.sleep(0)

        async def away(*_: object) -> None:
            raise KafkaConnectionError("away")

        with monkeypatch.context() as broken:
            broken.setattr(meetlat.logs.kafka_reader, "ensure_topic", away)
            for _ in range(2):
                with pytest.raises(LogError, match="away") as told:
                    await reader.read(10, 0.1)
                assert told.value.retry
        assert [one.value for one in await take(reader, 1)] == [b"0"]


async def test_a_topic_that_is_there_stays_as_it_is(kafka: Given) -> None:
    log, topic = KafkaLog(kafka, partitions=3), kafka.topic()
    async with writing(log, topic), reading(KafkaLog(kafka, partitions=7), topic, Starts()):
        assert (await topic_facts(log, topic))[0] == 3


async def test_a_broker_that_is_not_there_is_an_error_in_time() -> None:
    servers = f"127.0.0.1:{free_port()}"
    settings = Settings({})
    writer = KafkaWriter(servers, "t", settings)
    reader = KafkaReader(servers, "t", settings, "g")
    for action in (
        writer.start(),
        writer.append([Message(None, b"x")]),
        writer.check(),
        reader.start(Starts()),
        reader.identity(),
    ):
        begun = time.monotonic()
        with pytest.raises(LogError, match="start Kafka, or check the address") as caught:
            await action
        assert caught.value.retry
        assert servers in caught.value.message
        assert time.monotonic() - begun < 5
    await writer.close(1)
    await reader.close(1)


# --- TLS and SASL


def secured(kafka_own: Cluster, password: str, **more: str) -> Settings:
    return Settings(
        {
            "MEETLAT_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "MEETLAT_KAFKA_SASL_MECHANISM": "PLAIN",
            "MEETLAT_KAFKA_SASL_USERNAME": USER,
            "MEETLAT_KAFKA_SASL_PASSWORD": password,
            "MEETLAT_KAFKA_SSL_CAFILE": str(kafka_own.ca_file),
            "MEETLAT_TOPIC_PARTITIONS": "1",
            **more,
        }
    )


async def test_tls_and_sasl_settings_pass_through(kafka_own: Cluster) -> None:
    settings, topic = secured(kafka_own, kafka_own.password), kafka_own.topic()
    writer = KafkaWriter(kafka_own.bootstrap_sasl_ssl, topic, settings)
    reader = KafkaReader(kafka_own.bootstrap_sasl_ssl, topic, settings, f"group-{topic}")
    await writer.start()
    await reader.start(Starts())
    await writer.append(spread(3))
    assert len(await take(reader, 3)) == 3
    await writer.close(5)
    await reader.close(5)


@pytest.mark.parametrize(
    ("fault", "remedy"),
    [("password", "MEETLAT_KAFKA_SASL_"), ("authority", "MEETLAT_KAFKA_SSL_CAFILE")],
)
async def test_a_wrong_password_or_authority_is_an_error_without_the_secret(
    kafka_own: Cluster, caplog: pytest.LogCaptureFixture, fault: str, remedy: str
) -> None:
    logging.getLogger("aiokafka").setLevel(logging.DEBUG)
    try:
        if fault == "password":
            settings = secured(kafka_own, "not-the-password")
        else:
            settings = secured(kafka_own, kafka_own.password, MEETLAT_KAFKA_SSL_CAFILE="")
        writer = KafkaWriter(kafka_own.bootstrap_sasl_ssl, "t", settings)
        with caplog.at_level(logging.DEBUG), pytest.raises(LogError) as caught:
            await writer.start()
    finally:
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    said = f"{caught.value} {caught.value!r} {caplog.text} {settings!r}"
    assert not caught.value.retry
    assert remedy in caught.value.remedy
    assert "not-the-password" not in said
    assert kafka_own.password not in said
    await writer.close(1)


# --- the brokers of these tests

_START_AND_HANG = """
import sys
from pathlib import Path
from support.kafka import Cluster
cluster = Cluster(Path(sys.argv[1]), 1)
cluster.up()
print(cluster._processes[0].pid, flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone ends children with their parent")
def test_brokers_end_with_the_process_that_started_them_even_by_kill_9(
    kafka_own: Cluster, tmp_path: Path
) -> None:
    tests = str(Path(__file__).parents[1])
    process = subprocess.Popen(
        [sys.executable, "-c", _START_AND_HANG, str(tmp_path / "brokers")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": tests},
    )
    with process:
        assert process.stdout is not None
        broker = Path(f"/proc/{int(process.stdout.readline())}")
        assert broker.exists()
        process.kill()
    give_up = time.monotonic() + DEADLINE
    while broker.exists() and "Z" not in (broker / "stat").read_text().split()[2]:
        assert time.monotonic() < give_up, "the broker stayed"
        time.sleep(0.05)


# --- three brokers


async def append_through(writer: KafkaWriter, first: int, count: int) -> None:
    """Append ten a time, again after a retryable error, as the collector's callers do."""
    for start in range(first, first + count, 10):
        give_up = time.monotonic() + 60
        while True:
            try:
                await writer.append(spread(10, start))
                break
            except LogError as error:
                assert error.retry, error
                assert time.monotonic() < give_up, error


@pytest.fixture
async def cluster_log(kafka_cluster: Cluster) -> AsyncIterator[KafkaLog]:
    yield KafkaLog(kafka_cluster, partitions=6)


async def test_with_three_brokers_a_topic_has_three_replicas_of_which_two_must_acknowledge(
    cluster_log: KafkaLog,
) -> None:
    topic = cluster_log.kafka.topic()
    cluster_log.settings = cluster_log.kafka.settings()
    async with writing(cluster_log, topic) as writer:
        await writer.check()
        partitions, replicas, configs = await topic_facts(cluster_log, topic)
    assert (partitions, replicas, configs["min.insync.replicas"]) == (12, 3, "2")


@pytest.mark.timeout(240)
async def test_one_of_three_brokers_killed_costs_nothing(
    kafka_cluster: Cluster, cluster_log: KafkaLog
) -> None:
    topic = kafka_cluster.topic()
    async with (
        writing(cluster_log, topic) as writer,
        reading(cluster_log, topic, Starts(), f"group-{topic}") as reader,
    ):
        await append_through(writer, 0, 200)  # type: ignore[arg-type]
        seen = {int(r.value) for r in await take(reader, 200)}
        sending = asyncio.create_task(append_through(writer, 200, 600))  # type: ignore[arg-type]
        await asyncio.to_thread(kafka_cluster.kill, 1)
        try:
            await sending
            give_up = time.monotonic() + 60
            while len(seen) < 800 and time.monotonic() < give_up:
                seen |= {int(r.value) for r in await reader.read(1000, 0.5)}
        finally:
            await asyncio.to_thread(kafka_cluster.start, 1)
    assert seen == set(range(800))


async def test_what_only_one_of_three_replicas_has_is_not_acknowledged(
    kafka_cluster: Cluster, cluster_log: KafkaLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(meetlat.logs.kafka, "APPEND_SECONDS", 3.0)
    topic = kafka_cluster.topic()
    async with writing(cluster_log, topic) as writer:
        async with cluster_log.admin() as admin:
            (described,) = await admin.describe_topics([topic])
        led = {p["partition"] for p in described["partitions"] if p["leader"] == 0}
        key = next(m.key for m in spread(97) if m.key and partition_of(m.key, 6) in led)
        await writer.append([Message(key, b"with all")])
        for broker in (1, 2):
            kafka_cluster.pause(broker)
        try:
            with pytest.raises(LogError) as caught:
                await writer.append([Message(key, b"with its leader alone")])
            assert caught.value.retry
        finally:
            for broker in (1, 2):
                kafka_cluster.resume(broker)


@pytest.mark.timeout(240)
async def test_all_brokers_killed_and_back_keep_what_was_acknowledged(
    kafka_cluster: Cluster, cluster_log: KafkaLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(meetlat.logs.kafka, "APPEND_SECONDS", 3.0)
    topic = kafka_cluster.topic()
    async with (
        writing(cluster_log, topic) as writer,
        reading(cluster_log, topic, Starts()) as reader,
    ):
        await append_through(writer, 0, 200)  # type: ignore[arg-type]
        for broker in range(3):
            await asyncio.to_thread(kafka_cluster.kill, broker)
        begun = time.monotonic()
        with pytest.raises(LogError) as caught:
            await writer.append(spread(1))
        assert caught.value.retry
        assert time.monotonic() - begun < 10
        begun = time.monotonic()
        seen = {int(r.value) for r in await reader.read(1000, 0.5)}
        assert time.monotonic() - begun < 5  # no endless wait
        await asyncio.to_thread(kafka_cluster.start_all)
        await append_through(writer, 200, 100)  # type: ignore[arg-type]
        give_up = time.monotonic() + 60
        while len(seen) < 300 and time.monotonic() < give_up:
            seen |= {int(r.value) for r in await reader.read(1000, 0.5)}
    assert seen == set(range(300))


@pytest.mark.timeout(240)
async def test_an_append_to_brokers_that_hang_ends_at_its_deadline_and_heals(
    kafka_cluster: Cluster, cluster_log: KafkaLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(meetlat.logs.kafka, "APPEND_SECONDS", 2.0)
    topic = kafka_cluster.topic()
    async with (
        writing(cluster_log, topic) as writer,
        reading(cluster_log, topic, Starts(), f"group-{topic}") as reader,
    ):
        await append_through(writer, 0, 50)  # type: ignore[arg-type]
        await take(reader, 50)
        for broker in range(3):
            kafka_cluster.pause(broker)
        try:
            begun = time.monotonic()
            with pytest.raises(LogError, match="no answer in time") as caught:
                await writer.append(spread(1, 50))
            assert caught.value.retry
            assert await reader.read(10, 0.5) == []
            await reader.progress({0: 1})
            assert time.monotonic() - begun < 12
        finally:
            for broker in range(3):
                kafka_cluster.resume(broker)
        await append_through(writer, 50, 50)  # type: ignore[arg-type]
        seen: set[int] = set()
        give_up = time.monotonic() + 60
        while len(seen) < 50 and time.monotonic() < give_up:
            new = {int(r.value) for r in await reader.read(1000, 0.5)}
            seen |= new - set(range(50))  # a member that was thrown out starts from its offsets
    assert seen == set(range(50, 100))
