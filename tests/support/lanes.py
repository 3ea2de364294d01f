"""The lanes of the tests that need a program beside Python, and what to install for each.

`python -m support.lanes` says in one line each which lane cannot run here; with
MEETLAT_REQUIRE_LANES=1 (as in CI) a lane that cannot run is a failure. `python -m support.lanes
REPORT` holds a JUnit report to it that every lane ran. In pytest, tests that are
marked with such a lane are skipped by name, or fail where it is required.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import pytest

REQUIRE = "MEETLAT_REQUIRE_LANES"


@dataclass(frozen=True)
class Lane:
    """One lane: its pytest marker, what it lacks here (None: nothing), and the remedy."""

    marker: str
    lacks: Callable[[Mapping[str, str]], str | None]
    remedy: str


def _kafka_lacks(environ: Mapping[str, str]) -> str | None:
    if environ.get("MEETLAT_TEST_KAFKA"):
        return None
    path = environ.get("PATH")
    if shutil.which("java", path=path) is None:
        return "Java 17 or newer"
    if shutil.which("mvn", path=path) is None:
        return "Maven"
    said = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', said)
    if version is None or int(version[1]) < 17:
        return "Java 17 or newer"
    return None


def _prometheus_lacks(environ: Mapping[str, str]) -> str | None:
    for program in ("promtool", "prometheus"):
        if shutil.which(program, path=environ.get("PATH")) is None:
            return program
    return None


LANES = (
    Lane(
        "kafka",
        _kafka_lacks,
        "install openjdk-17-jre-headless and maven, or point MEETLAT_TEST_KAFKA at a broker",
    ),
    Lane("prometheus", _prometheus_lacks, "install prometheus (promtool comes with it)"),
)


def missing(environ: Mapping[str, str]) -> dict[str, str]:
    """Marker → one line that says what the lane lacks and what to install."""
    found: dict[str, str] = {}
    for lane in LANES:
        lacks = lane.lacks(environ)
        if lacks is not None:
            found[lane.marker] = f"lane {lane.marker} cannot run: no {lacks}; {lane.remedy}"
    return found


def required(environ: Mapping[str, str]) -> bool:
    """True when a lane that cannot run is a failure."""
    return environ.get(REQUIRE, "") not in ("", "0")


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in this hook too
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep a lane's tests on one worker; skip, or fail, those that cannot run here."""
    absent = missing(os.environ) if any(_marker(item) for item in items) else {}
    for item in items:
        if marker := _marker(item):
            item.user_properties.append(("lane", marker))  # for the JUnit report
        if item.get_closest_marker("kafka"):
            item.add_marker(pytest.mark.xdist_group("kafka"))
        reason = absent.get(_marker(item) or "")
        if reason and not required(os.environ):
            item.add_marker(pytest.mark.skip(reason=reason))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A lane that is required and cannot run fails its tests, with the reason."""
    marker = _marker(item)
    if marker and required(os.environ):
        reason = missing(os.environ).get(marker)
        if reason:
            pytest.fail(reason, pytrace=False)


def _marker(item: pytest.Item) -> str | None:
    return next((lane.marker for lane in LANES if item.get_closest_marker(lane.marker)), None)


def not_run(report: Path) -> list[str]:
    """What a JUnit report says against it that every lane ran: one line each."""
    cases = list(ElementTree.parse(report).iter("testcase"))
    problems = []
    for lane in LANES:
        own = [case for case in cases if _property(case, "lane") == lane.marker]
        skipped = sum(case.find("skipped") is not None for case in own)
        if not own or skipped:
            problems.append(f"lane {lane.marker}: {len(own)} tests, {skipped} of them skipped")
    return problems


def _property(case: ElementTree.Element, name: str) -> str | None:
    found = case.find(f"properties/property[@name='{name}']")
    return None if found is None else found.get("value")


def main(arguments: list[str]) -> int:
    """Name the lanes that cannot run here, or with a JUnit report those that did not.

    1 when a lane did not run, or cannot and is required.
    """
    if arguments:
        lines = not_run(Path(arguments[0]))
        failed = bool(lines)
    else:
        lines = list(missing(os.environ).values())
        failed = bool(lines) and required(os.environ)
    sys.stderr.write("".join(f"{line}\n" for line in lines))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
