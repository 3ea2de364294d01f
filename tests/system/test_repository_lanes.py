"""A lane that cannot run is named and skipped on a laptop, and a failure where it is required."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support import lanes

TESTS = Path(lanes.__file__).parents[1]
SUITE = """
import pytest

@pytest.mark.kafka
def test_of_kafka(): pass

@pytest.mark.prometheus
def test_of_prometheus(): pass

def test_of_nothing(): pass
"""


def run(*words: str, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Python where neither Java nor Prometheus can be found."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MEETLAT_", "PYTEST_"))}
    return subprocess.run(
        [sys.executable, *words],
        cwd=cwd,
        env={**kept, "PATH": str(cwd), "PYTHONPATH": str(TESTS), **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def suite(folder: Path, **environ: str) -> tuple[subprocess.CompletedProcess[str], Path]:
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n    kafka: x\n    prometheus: x\n")
    (folder / "test_suite.py").write_text(SUITE)
    report = folder / "report.xml"
    words = ["-m", "pytest", "-p", "support.lanes", "-rs", f"--junitxml={report}"]
    return run(*words, cwd=folder, **environ), report


def test_each_lane_that_cannot_run_is_named_in_one_line_with_its_remedy(tmp_path: Path) -> None:
    said = run("-m", "support.lanes", cwd=tmp_path)
    assert said.returncode == 0
    kafka, prometheus = said.stderr.splitlines()
    assert "kafka" in kafka and "openjdk-17-jre-headless" in kafka and "maven" in kafka
    assert "promtool" in prometheus and "install prometheus" in prometheus


def test_a_missing_lane_is_an_error_where_it_is_required(tmp_path: Path) -> None:
    assert run("-m", "support.lanes", cwd=tmp_path, MEETLAT_REQUIRE_LANES="1").returncode == 1


def test_a_given_broker_makes_java_needless(tmp_path: Path) -> None:
    said = run("-m", "support.lanes", cwd=tmp_path, MEETLAT_TEST_KAFKA="127.0.0.1:9092")
    assert "kafka" not in said.stderr


def test_tests_of_a_missing_lane_are_skipped_with_the_reason(tmp_path: Path) -> None:
    done, report = suite(tmp_path)
    assert done.returncode == 0
    assert "1 passed, 2 skipped" in done.stdout
    assert "openjdk-17-jre-headless" in done.stdout
    assert lanes.not_run(report) == [
        "lane kafka: 1 tests, 1 of them skipped",
        "lane prometheus: 1 tests, 1 of them skipped",
    ]


def test_tests_of_a_missing_lane_fail_where_it_is_required(tmp_path: Path) -> None:
    done, _ = suite(tmp_path, MEETLAT_REQUIRE_LANES="1")
    assert done.returncode == 1
    assert "1 passed, 2 errors" in done.stdout


def test_a_report_without_a_lanes_tests_is_held_against_it(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text("<testsuites><testsuite><testcase name='a'/></testsuite></testsuites>")
    assert lanes.not_run(report) == [
        "lane kafka: 0 tests, 0 of them skipped",
        "lane prometheus: 0 tests, 0 of them skipped",
    ]


def test_a_report_where_every_lane_ran_is_accepted(tmp_path: Path) -> None:
    case = "<testcase><properties><property name='lane' value='{}'/></properties></testcase>"
    report = tmp_path / "report.xml"
    report.write_text(f"<a>{case.format('kafka')}{case.format('prometheus')}</a>")
    assert lanes.main([str(report)]) == 0


@pytest.mark.parametrize("value", ["", "0"])
def test_lanes_are_not_required_unless_said(value: str) -> None:
    assert not lanes.required({"MEETLAT_REQUIRE_LANES": value})
    assert lanes.required({"MEETLAT_REQUIRE_LANES": "1"})
