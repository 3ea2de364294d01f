"""The pytest fixtures `kafka` (one broker) and `kafka_cluster` (three), started once a session."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterator

import pytest

from support.kafka import Cluster, Given
from support.lanes import required


@pytest.fixture(scope="session", autouse=True)
def _quiet_clients() -> None:
    """aiokafka logs an error for each try while a broker is down, which tests do on purpose."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Given]:
    """One broker: the one that MEETLAT_TEST_KAFKA names, or an Apache Kafka of our own."""
    given = os.environ.get("MEETLAT_TEST_KAFKA")
    if given:
        yield Given(given)
        return
    yield from _own(tmp_path_factory, 1)


@pytest.fixture(scope="session")
def kafka_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Three brokers of our own, to kill, start, pause and resume. Leave them all running."""
    yield from _own(tmp_path_factory, 3)


@pytest.fixture(scope="session")
def kafka_own(kafka: Given, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One broker of our own: `kafka` when that is one, for its listener with TLS and SASL."""
    if isinstance(kafka, Cluster):
        yield kafka
        return
    yield from _own(tmp_path_factory, 1)


def _own(tmp_path_factory: pytest.TempPathFactory, size: int) -> Iterator[Cluster]:
    absent = [name for name in ("java", "keytool", "mvn") if shutil.which(name) is None]
    if absent:  # MEETLAT_TEST_KAFKA lets the lane in without them
        say = pytest.fail if required(os.environ) else pytest.skip
        say(f"brokers of our own need {absent[0]}; install openjdk-17-jre-headless and maven")
    cluster = Cluster(tmp_path_factory.mktemp(f"kafka{size}") / "brokers", size)
    try:
        cluster.up()
        yield cluster
    finally:
        cluster.down()
