"""A real Kafka broker for the benchmarks that need one: the tests' own (tests/support/kafka.py)."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from support.kafka import Cluster, Given, free_port

__all__ = ["broker", "free_port"]


@contextmanager
def broker() -> Iterator[Given | None]:
    """The one that MEETLAT_TEST_KAFKA names, or one of our own that ends with the block.

    None, and a line that says why, without Java and Maven.
    """
    given = os.environ.get("MEETLAT_TEST_KAFKA")
    if given:
        yield Given(given)
        return
    absent = [name for name in ("java", "keytool", "mvn") if shutil.which(name) is None]
    if absent:
        print(f"no figures with Kafka: {absent[0]} is missing; install a JDK 17 and maven")
        yield None
        return
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it tells each try of a start

    with tempfile.TemporaryDirectory() as folder:
        cluster = Cluster(Path(folder) / "brokers", 1)
        try:
            cluster.up()
            yield cluster
        finally:
            cluster.down()
