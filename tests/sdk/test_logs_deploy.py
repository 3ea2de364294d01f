"""The compose files for users, as far as that can be checked without Docker."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from support import kafka_jars

DEPLOY = Path(__file__).parents[2] / "deploy" / "kafka"


def kafka_of_the_tests() -> str:
    """The version of Kafka that the tests run against."""
    pom = (Path(kafka_jars.__file__).parent / "pom.xml").read_text()
    found = re.search(r"<artifactId>kafka_2\.13</artifactId>\s*<version>(.+?)</version>", pom)
    assert found
    return found[1]


@pytest.mark.parametrize(("name", "brokers"), [("compose.yaml", 1), ("compose.three.yaml", 3)])
def test_a_compose_file_is_yaml_with_consistent_loopback_listeners(name: str, brokers: int) -> None:
    services = yaml.safe_load((DEPLOY / name).read_text())["services"]
    assert len(services) == brokers
    for service, said in services.items():
        environment = said["environment"]
        node = environment["KAFKA_NODE_ID"]
        assert f"{node}@{service}:9093" in environment["KAFKA_CONTROLLER_QUORUM_VOTERS"].split(",")
        (mapping,) = said["ports"]
        assert mapping.startswith("127.0.0.1:")
        port = mapping.rsplit(":", 1)[1]
        assert f"HOST://:{port}" in environment["KAFKA_LISTENERS"].split(",")
        advertised = environment["KAFKA_ADVERTISED_LISTENERS"].split(",")
        assert advertised == [f"HOST://localhost:{port}", f"INTERNAL://{service}:19092"]
        assert said["image"] == f"apache/kafka:{kafka_of_the_tests()}"
