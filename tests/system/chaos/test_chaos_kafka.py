"""Kafka's faults: programs and brokers killed, leaders moved, members that come and go, a paused
aggregator that comes back, a bad network. Everything that was taken is counted once.
"""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from support.kafka import Cluster, Given
from support.services import until
from system.chaos.members import OtherMember
from system.chaos.programs import (
    Moments,
    System,
    in_thread,
    kill_at_random,
    sending,
    system,
)
from system.chaos.proxy import Proxy
from system.chaos.truth import make_story

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(400)]
PARTITIONS = 4


def settings_of(kafka: Given, bootstrap: str = "") -> dict[str, str]:
    """A log, topics and a group that nobody else uses."""
    topic = kafka.topic()
    return {
        "log": f"kafka://{bootstrap or kafka.bootstrap}",
        "MEETLAT_EVENTS_TOPIC": topic,
        "MEETLAT_DEAD_TOPIC": f"{topic}-dead",
        "MEETLAT_KAFKA_GROUP": topic,
        "MEETLAT_TOPIC_PARTITIONS": str(PARTITIONS),
    }


def start(running: System) -> None:
    """Both programs, ready."""
    for victim in (running.collector, running.aggregator):
        victim.launch()
    for victim in (running.collector, running.aggregator):
        victim.wait_ready()


def leaders(cluster: Cluster, topic: str) -> list[tuple[int, int]]:
    """Per partition of a topic: which broker leads, and which should. None while nobody says."""

    async def ask() -> list[tuple[int, int]]:
        admin = AIOKafkaAdminClient(bootstrap_servers=cluster.bootstrap)
        try:
            await admin.start()
            (found,) = await admin.describe_topics([topic])
            return [(one["leader"], one["replicas"][0]) for one in found["partitions"]]
        except KafkaError:  # it asked a broker that is down
            return []
        finally:
            await admin.close()

    found: list[tuple[int, int]] = in_thread(ask)
    return found


def led_by_others(cluster: Cluster, topic: str, broker: int) -> bool:
    """Each partition has a leader, and it is not this broker."""
    found = leaders(cluster, topic)
    return len(found) == PARTITIONS and all(leader not in (broker, -1) for leader, _ in found)


def led_as_meant(cluster: Cluster, topic: str) -> bool:
    """Each partition has the leader that it was made with."""
    found = leaders(cluster, topic)
    return len(found) == PARTITIONS and all(leader == meant for leader, meant in found)


def test_kills_of_both_services_over_kafka(tmp_path: Path, kafka: Given) -> None:
    with system(tmp_path, **settings_of(kafka)) as running:
        story = make_story(seed=11, events=1000)
        with sending(running, story, pace=0.2):
            kill_at_random(running, Moments(11), kills=4, most=1.5)
            running.append_bad(story.bad)
        running.finish()


@pytest.mark.soak
@pytest.mark.timeout(0)
@pytest.mark.parametrize("seed", [200, 201])
def test_a_hundred_random_kills_over_kafka(tmp_path: Path, kafka: Given, seed: int) -> None:
    """Some lives of the aggregator are long enough for the group to let it in."""
    with system(tmp_path, **settings_of(kafka)) as running:
        story = make_story(seed, events=6000)
        with sending(running, story, pace=1.0):
            kill_at_random(running, Moments(seed), kills=100, most=6)
            running.append_bad(story.bad)
        running.finish()


def test_one_broker_killed_its_leaders_moved_and_back_then_all_killed_and_back(
    tmp_path: Path, kafka_cluster: Cluster
) -> None:
    with system(tmp_path, **settings_of(kafka_cluster)) as running:
        start(running)
        brokers, topic = kafka_cluster, running.topic
        with sending(running, make_story(seed=121, events=300), pace=0.2):
            brokers.kill(0)
            until(lambda: led_by_others(brokers, topic, 0), "others lead")
        with sending(running, make_story(seed=122, events=300), pace=0.2):
            brokers.start(0)
            until(lambda: led_as_meant(brokers, topic), "leaders are moved back")
        with sending(running, make_story(seed=123, events=300), pace=0.2):
            for index in range(brokers.size):
                brokers.kill(index)
            brokers.start_all()
        running.finish(rebuild=False)


def test_members_that_join_and_leave_the_aggregators_group(tmp_path: Path, kafka: Given) -> None:
    with system(tmp_path, **settings_of(kafka)) as running:
        start(running)
        story = make_story(seed=13, events=1000)
        with sending(running, story, pace=0.3):
            for _ in range(2):
                with OtherMember(running.settings) as other:
                    other.wait_for(1)
            with OtherMember(running.settings), OtherMember(running.settings) as other:
                other.wait_for(1)
        running.append_bad(story.bad)
        running.finish(rebuild=False)


@pytest.mark.parametrize("seconds", [0, pytest.param(30, marks=pytest.mark.soak)])
def test_an_aggregator_that_was_paused_comes_back_as_a_zombie_and_harms_nothing(
    tmp_path: Path, kafka: Given, seconds: float
) -> None:
    """Paused in the middle of its work, at least until the group gave its partitions away."""
    with system(tmp_path, **settings_of(kafka)) as running:
        start(running)
        story = make_story(seed=14, events=600)
        with sending(running, story, pace=0.05):
            Moments(14).wait(1)
            running.aggregator.pause()
            with OtherMember(running.settings) as other:
                other.wait_for(PARTITIONS)
                threading.Event().wait(seconds)
                running.append_bad(story.bad)
                running.aggregator.resume()
                other.wait_for(1)
        running.finish(rebuild=False)


def test_a_network_that_is_slow_drops_and_hangs(tmp_path: Path, kafka_own: Cluster) -> None:
    (where,) = kafka_own.behind_proxies
    settings = settings_of(kafka_own, kafka_own.bootstrap_behind_proxies)
    with Proxy(*where) as proxy, system(tmp_path, **settings) as running:
        start(running)
        story = make_story(seed=15, events=1000)
        moments = Moments(15)
        with sending(running, story, pace=0.3) as sender:
            proxy.slow(0.1)
            until(lambda: proxy.delayed > 10, "it is slow")
            moments.wait(2)
            for hanging in (False, True):
                if hanging:
                    proxy.hang()
                    until(lambda: proxy.held > 1, "something waits")
                    done = sender.done
                    moments.wait(2)
                    assert sender.done <= done + 1, "one may have had its answer"
                taken = proxy.taken
                proxy.cut()
                until(lambda taken=taken: proxy.taken >= taken + 2, "both programs connect again")
                moments.wait(2)
            assert sender.is_alive(), "the faults came while events did"
            done = sender.done
            proxy.heal()
            until(lambda: sender.done > done, "it goes on by itself")
        running.append_bad(story.bad)
        running.finish(rebuild=False)
