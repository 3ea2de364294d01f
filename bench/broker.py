"""A real Kafka broker for the benchmarks that need one: the tests' own (tests/support/kafka.py)."""

from __future__ import annotations

import logging
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1] / "tests"))


@contextmanager
def broker() -> Iterator[Any]:
    """A `support.kafka.Cluster` of one; None, and a line that says why, without Java and Maven."""
    absent = [name for name in ("java", "keytool", "mvn") if shutil.which(name) is None]
    if absent:
        print(f"no figures with Kafka: {absent[0]} is missing; install a JDK 17 and maven")
        yield None
        return
    from support.kafka import Cluster

    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it tells each try of a start

    with tempfile.TemporaryDirectory() as folder:
        cluster = Cluster(Path(folder) / "brokers", 1)
        try:
            cluster.up()
            yield cluster
        finally:
            cluster.down()
