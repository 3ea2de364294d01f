"""Fetches the jars of the real Apache Kafka, once, into `.cache/` of this repository."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
from pathlib import Path

_HERE = Path(__file__).parent
_CACHE = _HERE.parents[2] / ".cache"


def jars() -> Path:
    """The directory with the jars; fetched by Maven when it is not there yet.

    Raises RuntimeError, in one line, when Maven cannot fetch them.
    """
    pom = _HERE / "pom.xml"
    wanted = _CACHE / f"kafka-{hashlib.sha256(pom.read_bytes()).hexdigest()[:12]}"
    _CACHE.mkdir(exist_ok=True)
    with (_CACHE / "kafka.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # test workers start together
        if not wanted.is_dir():
            unfinished = wanted.with_suffix(".new")
            shutil.rmtree(unfinished, ignore_errors=True)
            command = [
                "mvn", "--quiet", "--batch-mode", f"--file={pom}",
                f"-Dmaven.repo.local={_CACHE / 'maven'}",
                "dependency:copy-dependencies", "-DincludeScope=runtime",
                f"-DoutputDirectory={unfinished}",
            ]  # fmt: skip
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                said = (done.stdout + done.stderr).strip().splitlines() or ["nothing said"]
                raise RuntimeError(f"Maven could not fetch Apache Kafka: {said[0]}")
            unfinished.rename(wanted)
    return wanted
