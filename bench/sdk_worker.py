"""What an event costs the SDK's worker: encoded, checked, compressed, acknowledged by Kafka.

The worker is turned by hand, so that nothing else runs in the time that is counted. Beside it
aiokafka's own `send` of the same bytes, event by event, unchecked.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaProducer

import meetlat
from bench.figure import Figure
from meetlat.settings import ENDPOINT, EVENTS_TOPIC, Settings

EVENTS = 10_000
ROUNDS = 7


def run(kafka: Any) -> list[Figure]:
    """Microseconds of CPU for each event; medians of rounds, in turn."""
    with tempfile.TemporaryDirectory() as folder:
        settings = _settings(kafka, Path(folder))
        client = meetlat.Client(settings=settings, strict=False)
        client._queue.wake_at = sys.maxsize  # its thread never starts
        worker = client._build()
        assert worker is not None
        worker._transport.open(20)
        ours, theirs = [], []
        for _ in range(ROUNDS):
            fill(client)
            values = [event.value for event in worker._encoder.encode_some(client._queue.queue)]
            began = time.thread_time()
            while client._queue.queue:
                worker.turn()
            ours.append((time.thread_time() - began) / EVENTS * 1e6)
            theirs.append(asyncio.run(send_each(settings, values)) / EVENTS * 1e6)
        delivery = worker.delivery()
        assert delivery.delivered == ROUNDS * EVENTS, delivery
        client.shutdown(5)
    # The first round warms up.
    value, other = statistics.median(ours[1:]), statistics.median(theirs[1:])
    return [Figure("SDK worker, an event to Kafka", value, "µs CPU", "aiokafka's send, µs", other)]


def _settings(kafka: Any, folder: Path) -> Settings:
    """For a client whose events go to a topic of its own."""
    given = {
        "MEETLAT_ENDPOINT": f"kafka://{kafka.bootstrap}",
        "MEETLAT_EVENTS_TOPIC": kafka.topic(),
        "MEETLAT_SPOOL": str(folder / "spool"),
        "MEETLAT_SOURCE": "/shop/chat-backend",
        "MEETLAT_PSEUDONYM_KEY": "a key for benchmarks",
        "MEETLAT_MODE": "send",
    }
    return Settings(given)


def fill(client: meetlat.Client) -> None:
    """Calls as a chat makes them, about 430 bytes each: a user, a session, usage and cost."""

    @client.track(tool="chatbot", operation="chat", use_case="service", team="desk")
    def answer(number: int) -> None:
        call = client.current()
        call.usage(
            input_tokens=100 + number % 701,
            output_tokens=50 + number % 97,
            cost=f"0.{number * 7919 % 10**6:06d}1",
            currency="EUR",
        )
        call.set(model="gpt-4o", provider="openai")

    for number in range(EVENTS):
        with client.context(user=f"user {number % 400}", session=f"s-{number // 5}"):
            answer(number)


async def send_each(settings: Any, values: list[bytes]) -> float:
    """Seconds of CPU."""
    producer = AIOKafkaProducer(
        bootstrap_servers=settings[ENDPOINT].removeprefix("kafka://"),
        acks="all",
        compression_type="zstd",
        linger_ms=20,
    )
    topic = settings[EVENTS_TOPIC]
    await producer.start()
    try:
        began = time.thread_time()
        for start in range(0, len(values), 1000):
            part = values[start : start + 1000]
            await asyncio.gather(*[await producer.send(topic, v, key=v[31:67]) for v in part])
        return time.thread_time() - began
    finally:
        await producer.stop()
