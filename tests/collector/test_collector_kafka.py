"""The collector in front of the real Apache Kafka."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.collector_http import Client, Collector, Program, running, settings
from support.events import encode, envelope
from support.kafka import Given
from support.logs import KafkaLog, Starts, reading, take

from meetlat.contract.envelope import BATCHED
from meetlat.contract.events import CollectorReport

pytestmark = pytest.mark.kafka


async def test_what_is_answered_202_is_in_kafka_in_structured_mode_with_its_key(
    kafka: Given, tmp_path: Path
) -> None:
    topic = kafka.topic()
    events = [encode(envelope(id=str(i), data={"tool": "bot", "session": "s"})) for i in range(9)]
    given = settings(tmp_path, log=f"kafka://{kafka.bootstrap}", events_topic=topic)
    async with running(Collector(given)) as collector:
        client = await Client.connect(collector.url)
        assert (await client.get("/readyz")).status == 200
        reply = await client.post(b"[" + b",".join(events) + b"]", BATCHED)
        assert (reply.status, reply.json()) == (202, {"accepted": 9, "rejected": []})
        await client.close()
    async with reading(KafkaLog(kafka), topic, Starts()) as reader:
        records = await take(reader, 10)
    structured = (("content-type", b"application/cloudevents+json"),)
    assert {record.headers for record in records} == {structured}
    assert [record.value for record in records if record.key == b"s"] == events
    (report,) = (record.value for record in records if record.key != b"s")
    assert CollectorReport.type_name.encode() in report


async def test_a_kafka_that_is_away_at_the_start_is_one_line_and_status_1(tmp_path: Path) -> None:
    program = await Program.start(tmp_path, "--log", "kafka://127.0.0.1:1")
    status, said = await program.ended()
    assert status == 1
    assert "127.0.0.1:1" in said.splitlines()[-1]
    assert "Traceback" not in said
