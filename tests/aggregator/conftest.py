"""A bench per test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.aggregating import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """One aggregator's tables, empty."""
    made = Bench(tmp_path)
    yield made
    made.close()
