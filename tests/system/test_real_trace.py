"""The real trace: 19,366 calls of a chat model, each made through a function wrapped with the SDK,
arrive as exactly the file's counts and token sums per hour, whatever dies on the way.
"""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.kafka import Given
from support.services import ServiceProcess, query, services, until

import meetlat

TRACE = Path(__file__).parents[2].parent / "shared" / "data" / "azure_llm_chat_2023.csv.gz"
STRETCH = 60  # a minute of the trace becomes an hour
QUERY = """
  SELECT hour, sum(requests)::BIGINT AS requests, sum(input_tokens)::BIGINT AS input_tokens,
    sum(output_tokens)::BIGINT AS output_tokens
  FROM interactions_hourly GROUP BY hour ORDER BY hour
"""

pytestmark = [
    pytest.mark.timeout(400),
    pytest.mark.skipif(not TRACE.exists(), reason=f"the trace is not at {TRACE}"),
]


class TraceClock:
    """The SDK's clock, set to the trace's time."""

    def __init__(self) -> None:
        self.ns = 0

    def time_ns(self) -> int:
        return self.ns

    def perf_counter_ns(self) -> int:
        return self.ns


@dataclass(frozen=True)
class Answer:
    """An answer shaped like OpenAI's."""

    usage: Any
    model: str = "gpt-4o"
    object: str = "chat.completion"


@dataclass(frozen=True)
class Tokens:
    prompt_tokens: int
    completion_tokens: int


def read_trace() -> list[tuple[float, int, int]]:
    with gzip.open(TRACE, "rt", newline="") as file:
        return [
            (
                float(row["arrived_at"]) * STRETCH,
                int(row["num_prefill_tokens"]),
                int(row["num_decode_tokens"]),
            )
            for row in csv.DictReader(file)
        ]


def expected(calls: list[tuple[float, int, int]], start: datetime) -> list[dict[str, Any]]:
    hours: defaultdict[datetime, list[int]] = defaultdict(lambda: [0, 0, 0])
    for seconds, prompt, answer in calls:
        at = start + timedelta(microseconds=round(seconds * 1_000_000))
        sums = hours[at.replace(minute=0, second=0, microsecond=0)]
        sums[0] += 1
        sums[1] += prompt
        sums[2] += answer
    return [
        {
            "hour": hour.replace(tzinfo=None).isoformat(),
            "requests": sums[0],
            "input_tokens": sums[1],
            "output_tokens": sums[2],
        }
        for hour, sums in sorted(hours.items())
    ]


class Run:
    """Plays the trace through a wrapped function into one endpoint."""

    def __init__(self, folder: Path, endpoint: str, **settings: Any) -> None:
        self.clock = TraceClock()
        self.calls = read_trace()
        self.start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(
            hours=62
        )
        self.client = meetlat.Client(
            endpoint=endpoint,
            source="/trace",
            mode="send",
            spool=folder / "spool",
            clock=self.clock,
            send_timeout_seconds=3,
            **settings,
        )

        @self.client.track(tool="chatbot", use_case="service", operation="chat")
        def answer(prompt: int, length: int) -> Answer:
            self.clock.ns += length * 20_000_000
            return Answer(Tokens(prompt, length))

        self._answer = answer

    def play(self, between: Callable[[int], None] = lambda _: None, parts: int = 11) -> None:
        """Make all calls; `between` is called after each part but the last."""
        origin = round(self.start.timestamp()) * 1_000_000_000
        size = -(-len(self.calls) // parts)
        for part in range(parts):
            for seconds, prompt, length in self.calls[part * size : (part + 1) * size]:
                self.clock.ns = origin + round(seconds * 1_000_000) * 1000
                self._answer(prompt, length)
            if part < parts - 1:
                between(part)

    def finish(self) -> None:
        """Wait until the SDK has delivered every call, and stop it."""
        until(lambda: self.client.flush(5).pending == 0, "the SDK has delivered all", 120)
        delivery = self.client.shutdown(10)
        assert delivery.delivered == len(self.calls), delivery
        assert delivery.dropped == delivery.refused == 0, delivery

    @property
    def truth(self) -> list[dict[str, Any]]:
        return expected(self.calls, self.start)


@pytest.fixture
def run_of() -> Iterator[Callable[..., Run]]:
    made: list[Run] = []

    def make(*arguments: Any, **settings: Any) -> Run:
        made.append(Run(*arguments, **settings))
        return made[-1]

    yield make
    for run in made:
        run.client.shutdown(0.1)


def assert_counted(folder: Path, run: Run) -> None:
    """`meetlat sql` gives exactly the file's counts and sums per hour."""
    found: list[dict[str, Any]] = []

    def arrived() -> bool:
        found[:] = query(folder, QUERY)
        return sum(row["requests"] for row in found) >= len(run.calls)

    try:
        until(arrived, "all calls are published", 60)
    finally:
        shown = [{**row, "hour": row["hour"].replace(" ", "T")} for row in found]
        assert shown == run.truth


def killing(victims: list[ServiceProcess]) -> Callable[[int], None]:
    """Kill the victims in turn with -9, in the middle of their work, and start them again."""

    def kill(part: int) -> None:
        victim = victims[part % len(victims)]
        victim.kill()
        victim.start()

    return kill


def test_the_trace_arrives_exactly_over_http_and_the_embedded_log(
    tmp_path: Path, run_of: Callable[..., Run]
) -> None:
    with services(tmp_path, "collect", "aggregate") as (collector, _):
        run = run_of(tmp_path, collector.url)
        run.play()
        run.finish()
        assert_counted(tmp_path, run)


def test_the_trace_arrives_exactly_although_collector_and_aggregator_are_killed_five_times_each(
    tmp_path: Path, run_of: Callable[..., Run]
) -> None:
    with services(tmp_path, "collect", "aggregate") as both:
        run = run_of(tmp_path, both[0].url)
        run.play(killing(both))
        run.finish()
        assert_counted(tmp_path, run)


@pytest.mark.kafka
def test_the_trace_arrives_exactly_from_the_sdk_through_kafka(
    tmp_path: Path, kafka: Given, run_of: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    topic, log = kafka.topic(), f"kafka://{kafka.bootstrap}"
    monkeypatch.setenv("MEETLAT_EVENTS_TOPIC", topic)
    with services(tmp_path, "aggregate", log=log, **on_kafka(kafka, topic)):
        run = run_of(tmp_path, log)
        run.play()
        run.finish()
        assert_counted(tmp_path, run)


@pytest.mark.kafka
def test_the_trace_arrives_exactly_from_the_sdk_through_kafka_although_the_aggregator_is_killed(
    tmp_path: Path, kafka: Given, run_of: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    topic, log = kafka.topic(), f"kafka://{kafka.bootstrap}"
    monkeypatch.setenv("MEETLAT_EVENTS_TOPIC", topic)
    with services(tmp_path, "aggregate", log=log, **on_kafka(kafka, topic)) as only:
        run = run_of(tmp_path, log)
        run.play(killing(only), parts=6)
        run.finish()
        assert_counted(tmp_path, run)


@pytest.mark.kafka
def test_the_trace_arrives_exactly_through_collector_and_kafka_although_both_ends_are_killed(
    tmp_path: Path, kafka: Given, run_of: Callable[..., Run]
) -> None:
    topic, log = kafka.topic(), f"kafka://{kafka.bootstrap}"
    with services(tmp_path, "collect", "aggregate", log=log, **on_kafka(kafka, topic)) as both:
        run = run_of(tmp_path, both[0].url)
        run.play(killing(both))
        run.finish()
        assert_counted(tmp_path, run)


def on_kafka(kafka: Given, topic: str) -> dict[str, str]:
    return {
        "MEETLAT_EVENTS_TOPIC": topic,
        "MEETLAT_DEAD_TOPIC": f"{topic}-dead",
        "MEETLAT_KAFKA_GROUP": topic,
    }
