"""The aggregator's program holds nothing in memory that it does not use."""

from __future__ import annotations

import subprocess
import sys

_LOADED = """
import sys
from meetlat_aggregator.commands import aggregate
aggregate.use_little_memory()
import pyarrow
pyarrow.array([1])
print(*sys.modules)
"""


def test_no_library_is_loaded_that_the_aggregator_does_not_use() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _LOADED], check=True, capture_output=True, text=True
    )
    heavy = {"pandas", "scipy", "pyarrow.dataset", "statsmodels", "xlsxwriter", "polars"}
    assert heavy.isdisjoint(done.stdout.split())
