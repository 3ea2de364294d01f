"""The fixture for users' tests, and the pages: what docs/sdk.md shows runs and names it all."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import meetlat
from meetlat._default import default
from meetlat.testing import Captured

DOCS = Path(__file__).parents[2] / "docs" / "sdk.md"


@pytest.fixture
def restored() -> Iterator[None]:
    earlier = default.borrow(meetlat.Client(mode="off"))
    yield
    default.give_back(earlier)


def test_the_fixture_captures_what_the_module_is_told(meetlat_events: Captured) -> None:
    @meetlat.track(tool="bot")
    def answer() -> int:
        return 1

    answer()
    meetlat.support_request(user="ann")
    assert meetlat_events.one("interaction").attributes.source == "/test"
    assert str(meetlat_events.one("support_request").data.user).startswith("u_")  # type: ignore[union-attr]
    assert len(meetlat_events) == len(list(meetlat_events)) == 2
    assert meetlat_events.client._thread is None


def test_the_fixture_begins_empty_and_says_when_one_is_not_one(meetlat_events: Captured) -> None:
    assert len(meetlat_events) == 0
    with pytest.raises(AssertionError, match="0 events of type feedback"):
        meetlat_events.one("feedback")


def test_the_fixture_raises_for_an_event_that_does_not_fit(meetlat_events: Captured) -> None:
    meetlat.support_request("x" * 300)
    with pytest.raises(meetlat.MeetlatError, match=r"data\.topic"):
        meetlat_events.of("support_request")


def test_a_wrong_event_that_no_test_reads_is_an_error_at_its_end(tmp_path: Path) -> None:
    (tmp_path / "test_user.py").write_text(
        """
import meetlat
import pytest

def test_wrong(meetlat_events):
    meetlat.support_request("x" * 300)

def test_misuse(meetlat_events):
    meetlat.support_request(7)

def test_wrong_after_the_last_look(meetlat_events):
    assert len(meetlat_events) == 0
    meetlat.support_request("x" * 300)

def test_read(meetlat_events):
    meetlat.support_request("x" * 300)
    with pytest.raises(meetlat.MeetlatError):
        len(meetlat_events)

def test_right(meetlat_events):
    meetlat.support_request("x")

def test_none(meetlat_events):
    pass
"""
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_user.py"]
    env = os.environ | {"PYTEST_ADDOPTS": ""}
    done = subprocess.run(
        command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    assert "6 passed, 3 errors" in done.stdout, done.stdout
    assert "data.topic" in done.stdout


def test_the_fixture_gives_the_earlier_client_back_and_loads_nothing_heavy(tmp_path: Path) -> None:
    (tmp_path / "test_user.py").write_text(
        """
import sys
import meetlat
from meetlat._default import default

def test_plugin_is_light():
    assert not {"pydantic", "msgspec", "aiokafka"} & set(sys.modules)

def test_first(meetlat_events):
    assert default.ready is meetlat_events.client

def test_second():
    assert default.ready is None
"""
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_user.py"]
    env = os.environ | {"PYTEST_ADDOPTS": ""}
    done = subprocess.run(
        command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    assert "3 passed" in done.stdout, done.stdout


@pytest.mark.usefixtures("restored")
def test_what_the_page_shows_runs() -> None:
    blocks = re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL)
    names: dict[str, object] = {}
    for number, block in enumerate(blocks):
        exec(compile(block, f"docs/sdk.md block {number}", "exec"), names)
    captured = default.client.captured()
    kinds = {event.attributes.type.split(".")[1] for event in captured}
    assert kinds == {
        "interaction", "escalation", "resolution", "usage", "feedback", "review", "task",
        "support_request", "probe", "measurement", "selection_counts", "void",
    }  # fmt: skip
    names["test_an_answer_is_measured"](ended_fixture())  # type: ignore[operator]


def ended_fixture() -> Captured:
    client = meetlat.Client(mode="capture", source="/test")
    default.borrow(client)
    return Captured(client)


def test_the_page_names_every_public_function_and_delivery_field() -> None:
    text = DOCS.read_text()
    names = [name for name in meetlat.__all__ if name[0].islower()]
    assert [name for name in names if f"{name}" not in text] == []
    fields = set(meetlat.Delivery._fields) - {"spooled"}
    assert [field for field in fields if field not in text] == []


def test_every_public_name_is_exported_and_documented() -> None:
    for name in meetlat.__all__:
        assert getattr(meetlat, name).__doc__, name


def test_module_functions_work_from_environment_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MEETLAT_MODE", "capture")
    monkeypatch.setenv("MEETLAT_TEAM", "sales")
    monkeypatch.setenv("MEETLAT_ENVIRONMENT", "staging")
    earlier = default.borrow(None)
    try:
        asyncio.run(meetlat.track(tool="bot")(asyncio.sleep)(0))
        [event] = default.client.captured()
    finally:
        default.give_back(earlier)
    data = event.data
    assert (data.tool, data.team, data.environment) == ("bot", "sales", "staging")  # type: ignore[union-attr]
