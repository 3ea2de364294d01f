"""What `import meetlat` takes, in processes of their own, beside `import json` there."""

from __future__ import annotations

import statistics
import subprocess
import sys

from bench.figure import Figure

ROUNDS = 15
_PROGRAM = """
import os, time
def held():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
before, began = held(), time.process_time()
import {module}
print((time.process_time() - began) * 1000, (held() - before) / 1e6)
"""


def once(module: str) -> tuple[float, float]:
    """Milliseconds of CPU and megabytes of memory."""
    code = _PROGRAM.format(module=module)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    milliseconds, megabytes = map(float, done.stdout.split())
    return milliseconds, megabytes


def run() -> list[Figure]:
    """Measure in turn."""
    found: dict[str, list[tuple[float, float]]] = {"meetlat": [], "json": []}
    for _ in range(ROUNDS):
        for module, rounds in found.items():
            rounds.append(once(module))
    ours, theirs = ([statistics.median(v) for v in zip(*found[m], strict=True)] for m in found)
    return [
        Figure("import meetlat", ours[0], "ms", "import json, ms", theirs[0]),
        Figure("import meetlat", ours[1], "MB", "import json, MB", theirs[1]),
    ]


if __name__ == "__main__":
    for figure in run():
        print(figure)
