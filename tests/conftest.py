"""What every test can use: the lanes, and the real Kafka (see support/)."""

from __future__ import annotations

import os

pytest_plugins = ["support.lanes", "support.kafka_fixtures"]


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores, as many tests wait for programs that they started."""
    return (os.cpu_count() or 1) + 1
