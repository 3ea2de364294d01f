"""What every test can use: the lanes, and the real Kafka (see support/)."""

from __future__ import annotations

pytest_plugins = ["support.lanes", "support.kafka_fixtures"]
