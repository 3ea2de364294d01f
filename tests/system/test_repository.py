"""The repository speaks of the project alone, and keeps the habits that CONTRIBUTING.md names."""

from __future__ import annotations

import ast
import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CODE = ("sdk", "collector", "aggregator")
# Written apart, so that this file does not hold what it looks for.
HOSTS = [
    "pypi" + ".org", "python" + "hosted.org", "registry." + "npmjs", "repo1." + "maven",
    "repo." + "maven", "maven" + "central",
    "crates" + ".io", "proxy." + "golang", "deb." + "debian",
]  # fmt: skip
MACHINE_PATHS = [
    r"(?<![\w.$}])/" + top + "/" for top in ("work", "root", r"home/\w+", "farm", "tmp")
]


def tracked() -> list[Path]:
    """Every file of the repository that is text."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    files = [ROOT / name for name in listed.split("\0") if name]
    return [file for file in files if file.is_file() and b"\0" not in file.read_bytes()[:8000]]


def found(pattern: str) -> list[str]:
    """Where a pattern stands, as `file:line`."""
    looked_for = re.compile(pattern)
    return [
        f"{file.relative_to(ROOT)}:{number}"
        for file in tracked()
        for number, line in enumerate(file.read_text(errors="replace").splitlines(), 1)
        if looked_for.search(line)
    ]


def modules() -> list[Path]:
    return [path for folder in CODE for path in sorted((ROOT / folder).rglob("*.py"))]


def test_there_is_something_to_look_at() -> None:
    assert len(tracked()) > 50
    assert found("^# Meetlat$")


@pytest.mark.parametrize("host", HOSTS)
def test_no_file_names_a_package_registry(host: str) -> None:
    assert found(re.escape(host)) == []


@pytest.mark.parametrize("path", MACHINE_PATHS)
def test_no_file_names_a_path_of_one_machine(path: str) -> None:
    assert found(path) == []


@pytest.mark.parametrize("module", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_says_why_it_exists(module: Path) -> None:
    tree = ast.parse(module.read_text())
    assert not tree.body or ast.get_docstring(tree), "starts without a docstring"


@pytest.mark.parametrize("module", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_is_split_at_about_400_lines(module: Path) -> None:
    assert len(module.read_text().splitlines()) <= 450


def test_no_unfinished_word_stands_in_the_code() -> None:
    words = ["TO" + "DO", "FIX" + "ME", "XX" + "X"]
    marked = found(r"\b(" + "|".join(words) + r")\b")
    assert [place for place in marked if place.startswith(CODE)] == []


def test_tests_wait_for_conditions_rather_than_sleep() -> None:
    slept = found(r"\bsleep\([1-9](\.\d)?\)")
    assert [place for place in slept if place.startswith("tests/")] == []


def test_test_files_have_names_of_their_own() -> None:
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert sorted(set(names)) == sorted(names)


def test_ci_can_be_run() -> None:
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    checked = subprocess.run(["bash", "-n", ROOT / ".ci" / "run"], check=False)
    assert checked.returncode == 0


def test_the_licence_and_the_changelog_are_there() -> None:
    assert "Apache License" in (ROOT / "LICENSE").read_text()
    assert "## [0.1.0]" in (ROOT / "CHANGELOG.md").read_text()
