"""`make bench`: measure, print a table, write bench/results.json."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from bench import aggregator, collector, sdk

RESULTS = Path(__file__).with_name("results.json")
_PACKAGES = ("meetlat", "duckdb", "pyarrow", "msgspec", "pydantic", "uvicorn", "aiokafka")


def main() -> None:
    """Run every benchmark, one after the other."""
    figures = [*sdk.run(), *collector.run(), *aggregator.run()]
    for figure in figures:
        print(
            f"{figure.what:<28}{figure.value:>12,.1f} {figure.unit:<12}"
            f"{figure.ratio:>7.2f} × {figure.beside} ({figure.beside_value:,.1f})"
        )
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    results = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit,
        "machine": {
            "processor": platform.machine(),
            "cores": os.cpu_count(),
            "system": platform.platform(),
            "python": platform.python_version(),
        },
        "versions": {name: version(name) for name in _PACKAGES},
        "figures": [
            {
                "what": figure.what,
                "value": figure.value,
                "unit": figure.unit,
                "beside": figure.beside,
                "beside_value": figure.beside_value,
                "ratio": figure.ratio,
            }
            for figure in figures
        ],
    }
    RESULTS.write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n")
    print(f"written to {RESULTS.name}")


if __name__ == "__main__":
    main()
