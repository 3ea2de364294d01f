"""The wheel: complete, light at its base, and clear about what an extra brings."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = {
    "meetlat": ROOT / "sdk" / "meetlat",
    "meetlat_collector": ROOT / "collector" / "meetlat_collector",
    "meetlat_aggregator": ROOT / "aggregator" / "meetlat_aggregator",
}
# The fixtures install a virtual environment: one worker makes it, and once.
pytestmark = [pytest.mark.xdist_group("packaging"), pytest.mark.timeout(600)]


def clean() -> dict[str, str]:
    taken_out = ("MEETLAT_", "PYTHONPATH", "VIRTUAL_ENV")
    return {name: text for name, text in os.environ.items() if not name.startswith(taken_out)}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", folder, ROOT],
        check=True,
        cwd=folder,
        env=clean(),
    )
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def bare(wheel: Path) -> Path:
    """The Python of an environment with `pip install meetlat` alone, far from the sources."""
    folder = wheel.parent / "venv"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", wheel], check=True, env=clean())
    return python


def run(python: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [python, *words],
        cwd=python.parent,
        env=clean(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_wheel_holds_every_file_of_the_three_packages(wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    for package, folder in PACKAGES.items():
        files = {
            f"{package}/{path.relative_to(folder)}"
            for path in folder.rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }
        assert files - held == set()
        assert f"{package}/py.typed" in held
    assert "meetlat/contract/meetlat.events.v1.schema.json" in held
    assert any(name.endswith(".sql") for name in held)


def test_the_wheel_holds_nothing_else(wheel: Path) -> None:
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)


def test_the_wheel_carries_its_licence_and_readme(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    (metadata,) = [name for name in archive.namelist() if name.endswith("/METADATA")]
    text = archive.read(metadata).decode()
    assert "License-Expression: Apache-2.0" in text
    assert "make demo" in text
    assert any(name.endswith("/licenses/LICENSE") for name in archive.namelist())


def test_import_meetlat_stays_light(bare: Path) -> None:
    heavy = ["pydantic", "msgspec", "asyncio", "aiokafka", "duckdb", "opentelemetry", "click"]
    code = f"import sys, json, meetlat; print(json.dumps([m for m in {heavy} if m in sys.modules]))"
    done = run(bare, "-c", code)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []


def test_the_base_brings_no_database_web_server_or_kafka_client(bare: Path) -> None:
    done = run(bare, "-m", "pip", "list", "--format", "json")
    installed = {row["name"].lower() for row in json.loads(done.stdout)}
    assert not installed & {"duckdb", "pyarrow", "uvicorn", "starlette", "aiokafka", "numpy"}


def test_the_base_measures_a_call(bare: Path) -> None:
    code = (
        "import meetlat\n"
        "meetlat.init(mode='off')\n"
        "assert meetlat.track(tool='bot')(lambda: 42)() == 42\n"
    )
    done = run(bare, "-W", "error", "-c", code)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("command", ["collect", "aggregate", "sql", "demo"])
def test_a_service_says_which_extra_it_needs(bare: Path, command: str) -> None:
    done = run(bare.parent / "meetlat", command)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "install meetlat[server]" in done.stderr


def test_the_help_works_without_any_extra(bare: Path) -> None:
    done = run(bare.parent / "meetlat", "--help")
    assert done.returncode == 0, done.stderr
    assert "collect" in done.stdout


def test_the_users_own_pytest_loads_the_plugin_without_harm(bare: Path, tmp_path: Path) -> None:
    subprocess.run([bare, "-m", "pip", "install", "--quiet", "pytest"], check=True, env=clean())
    test = tmp_path / "test_of_a_user.py"
    test.write_text("def test_nothing(): pass\n")
    done = run(bare, "-m", "pytest", "-q", "-W", "error", str(test))
    assert done.returncode == 0, done.stdout
