"""A bench per test, and how hard hypothesis looks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from support.aggregating import Bench

_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]
settings.register_profile("default", deadline=None, max_examples=10, suppress_health_check=_SLOW)
settings.register_profile("ci", deadline=None, max_examples=20, suppress_health_check=_SLOW)
settings.register_profile("soak", deadline=None, max_examples=500, suppress_health_check=_SLOW)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """One aggregator's tables, empty."""
    made = Bench(tmp_path)
    yield made
    made.close()
