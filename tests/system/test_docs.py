"""The documentation is true: its code runs, its links lead somewhere, its names exist."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from meetlat.metrics import METRICS
from meetlat.settings import CONFIG_ENV, SETTINGS, Settings

ROOT = Path(__file__).parents[2]
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").glob("**/*.md")),
    *sorted((ROOT / "deploy").glob("**/*.md")),
]
# For the tests alone, so in no catalogue.
TEST_ENVIRONMENT = {"MEETLAT_TEST_KAFKA", "MEETLAT_REQUIRE_LANES"}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def blocks(language: str) -> list[tuple[str, str]]:
    """Every fenced block in a language, with where it stands."""
    found = []
    for page in PAGES:
        text = page.read_text()
        for match in re.finditer(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
            line = text[: match.start()].count("\n") + 1
            found.append((f"{name_of(page)}:{line}", match[1]))
    return found


def run(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a program that measures itself, in capture mode."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith("MEETLAT_")}
    measured = {"MEETLAT_MODE": "capture", "MEETLAT_PSEUDONYM_KEY": "sixteen characters"}
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=folder,
        env={**environ, **measured},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def program(page: Path) -> str:
    """The Python of a page, from top to bottom: a later block may build on an earlier one."""
    return "\n".join(code for where, code in blocks("python") if where.startswith(name_of(page)))


@pytest.mark.parametrize("page", [page for page in PAGES if program(page)], ids=name_of)
def test_the_python_of_a_page_runs(page: Path, tmp_path: Path) -> None:
    done = run(program(page), tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_readme_shows_the_sdk_at_work_in_ten_lines(tmp_path: Path) -> None:
    code = program(ROOT / "README.md")
    assert len([line for line in code.splitlines() if line]) <= 10
    shown = (
        "from meetlat._default import default\n"
        "print(*(event.attributes.type.split('.')[1] for event in default.client.captured()))"
    )
    done = run(f"{code}\n{shown}", tmp_path)
    assert (done.stdout, done.stderr) == ("interaction escalation feedback\n", "")


@pytest.mark.parametrize(("where", "code"), blocks("toml"), ids=lambda text: text[:40])
def test_settings_on_the_pages_are_taken(where: str, code: str, tmp_path: Path) -> None:
    file = tmp_path / "meetlat.toml"
    file.write_text(code)
    assert tomllib.loads(code), where
    Settings({}, file=file)


def test_generated_pages_are_what_the_code_says() -> None:
    # In a process of its own: click keeps a command's help option as it was first asked for.
    done = subprocess.run(
        [sys.executable, "docs/generate.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as Git hosts make them."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    heads = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_on_a_page_lead_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{target} leads nowhere"
        assert file.is_relative_to(ROOT), f"{target} leads out of the repository"
        if anchor:
            assert anchor in anchors(file), f"{target}: no such heading"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_setting_named_on_a_page_exists(page: Path) -> None:
    known = {setting.env for setting in SETTINGS} | TEST_ENVIRONMENT | {CONFIG_ENV}
    named = set(re.findall(r"\bMEETLAT_[A-Z_]+[A-Z]\b", page.read_text()))
    assert named <= known


def test_a_setting_named_in_the_code_exists() -> None:
    known = {setting.env for setting in SETTINGS} | {CONFIG_ENV}
    for folder in ("sdk", "collector", "aggregator"):
        for module in (ROOT / folder).rglob("*.py"):
            named = set(re.findall(r"\bMEETLAT_[A-Z_]+[A-Z]\b", module.read_text()))
            assert named <= known, name_of(module)


def test_every_setting_says_what_it_means() -> None:
    page = (ROOT / "docs" / "settings.md").read_text()
    for setting in SETTINGS:
        assert f"`{setting.env}`" in page
        assert setting.meaning[-1] not in ".,;"


def test_every_metric_is_on_its_page_and_named_as_prometheus_wants_it() -> None:
    page = (ROOT / "docs" / "metrics.md").read_text()
    for metric in METRICS:
        assert f"`{metric.name}`" in page
        assert (metric.kind == "counter") == metric.name.endswith("_total")
        assert metric.meaning
        assert (metric.kind == "histogram") == bool(metric.buckets)
        assert not {"user", "session", "case", "le", "quantile"} & set(metric.labels)
    assert len({metric.name for metric in METRICS}) == len(METRICS)


def test_a_metric_named_on_a_page_exists() -> None:
    known = {metric.name for metric in METRICS}
    for page in PAGES:
        for name in re.findall(r"\b(?:meetlat|gen_ai)_\w+_(?:total|seconds)\b", page.read_text()):
            assert name in known, f"{name} on {name_of(page)}"


SUBCOMMANDS = {point.name for point in entry_points(group="meetlat.commands")}


def test_every_command_is_on_its_page_and_in_the_readme() -> None:
    page = (ROOT / "docs" / "commands.md").read_text()
    readme = (ROOT / "README.md").read_text()
    for name in SUBCOMMANDS:
        assert f"## `meetlat {name}`" in page
        assert re.search(rf"`(meetlat )?{name}`", readme), f"{name} is not in README.md"


def test_a_command_named_on_a_page_exists() -> None:
    for page in PAGES:
        code = "\n".join(re.findall(r"`([^`\n]+)`", page.read_text()))
        shell = "\n".join(text for where, text in blocks("sh") if where.startswith(name_of(page)))
        for name in re.findall(r"^meetlat (\w+)", f"{code}\n{shell}", re.MULTILINE):
            assert name in SUBCOMMANDS, f"meetlat {name} on {name_of(page)}"


def test_a_make_target_named_on_a_page_exists() -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        for name in re.findall(r"(?:`|^)make ([a-z0-9-]+)", page.read_text(), re.MULTILINE):
            assert name in targets, f"make {name} on {name_of(page)}"


def test_a_test_named_on_a_page_exists() -> None:
    files = list((ROOT / "tests").rglob("*.py"))
    code = "\n".join(file.read_text() for file in files)
    known = {file.name for file in files} | set(re.findall(r"def (test_\w+)", code))
    for page in PAGES:
        for name in re.findall(r"`(test_\w+(?:\.py)?)`", page.read_text()):
            assert name in known, f"{name} on {name_of(page)}"


@pytest.mark.parametrize("target", ["setup", "demo", "test", "check", "bench", "soak"])
def test_make_has_the_target(target: str) -> None:
    planned = subprocess.run(
        ["make", "--dry-run", "--silent", target],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert planned.returncode == 0, planned.stderr
