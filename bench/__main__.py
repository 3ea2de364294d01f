"""`make bench`: measure, print a table, write bench/results.json.

`python -m bench [--full] [NAME …]` measures what is named (all by default); --full in the sizes
that docs/performance.md tells of: 10 million events, 100 million behind, ten minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from bench import aggregator, collector, growth, kpi, live, pipeline, sdk
from bench.figure import Figure

RESULTS = Path(__file__).with_name("results.json")
_PACKAGES = (
    "meetlat", "duckdb", "pyarrow", "msgspec", "pydantic", "uvicorn", "aiokafka", "faststream",
    "quixstreams",
)  # fmt: skip
BENCHES: dict[str, tuple[Callable[[], list[Figure]], Callable[[], list[Figure]]]] = {
    "sdk": (sdk.run, sdk.run),
    "collector": (collector.run, collector.run),
    "aggregator": (aggregator.run, aggregator.run),
    "pipeline": (pipeline.run, lambda: pipeline.run(10_000_000)),
    "live": (live.run, lambda: live.run(600.0)),
    "growth": (growth.run, lambda: growth.run(100_000_000, 500_000, 30)),
    "kpi": (kpi.run, lambda: kpi.run(14_300_000)),
}


def main() -> None:
    """Run the benchmarks, one after the other; print each figure when it is there."""
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHES))
    parser.add_argument("--full", action="store_true", help="in the sizes of the documentation")
    asked = parser.parse_args()
    if unknown := set(asked.names) - set(BENCHES):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    figures: list[Figure] = []
    for name in asked.names or BENCHES:
        for figure in BENCHES[name][asked.full]():
            figures.append(figure)
            print(
                f"{figure.what:<44}{figure.value:>11,.2f} {figure.unit:<12}"
                f"{figure.ratio:>8.3f} × {figure.beside} ({figure.beside_value:,.2f})"
                + (f"   [{figure.target}]" if figure.target else ""),
                flush=True,
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
                "target": figure.target,
            }
            for figure in figures
        ],
    }
    RESULTS.write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n")
    print(f"written to {RESULTS.name}")


if __name__ == "__main__":
    main()
