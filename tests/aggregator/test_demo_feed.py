"""What the demo does with a published file that cannot be read."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from meetlat.errors import MeetlatError
from meetlat_aggregator.demo import feed
from meetlat_aggregator.demo.feed import Feed, Place

FIGURES = {("quotes", "calls"): Decimal(3)}
END = datetime(2026, 3, 2, tzinfo=UTC)
ReadAs = Callable[[int], dict[tuple[str, str], Decimal]]


def counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: ReadAs) -> tuple[Any, int]:
    """What the feed gives when its n-th look at the published file is `read(n)`; and n."""

    def status(*_: object) -> Iterator[dict[str, Any]]:
        yield {"answer": {"lag": {}, "records": 7}}

    looks = 0

    def look(*_: object) -> dict[tuple[str, str], Decimal]:
        nonlocal looks
        looks += 1
        return read(looks)

    monkeypatch.setattr(feed, "_POLL_SECONDS", 0.001)
    monkeypatch.setattr(feed, "ask", status)
    monkeypatch.setattr(feed, "records", lambda _: 7)
    monkeypatch.setattr(feed, "counted_figures", look)
    place = Place("127.0.0.1:1", "127.0.0.1:2", tmp_path, tmp_path / "meetlat.toml", "")
    return Feed(place, threading.Event()).counted(END), looks


def damaged(_: int = 0) -> dict[tuple[str, str], Decimal]:
    raise duckdb.Error("Corrupted segment: array too long\nwhere it was thrown")


def test_a_file_that_cannot_be_read_is_looked_at_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert counted(tmp_path, monkeypatch, lambda n: FIGURES if n == 3 else damaged()) == (
        FIGURES,
        3,
    )


def test_a_file_that_stays_unreadable_ends_the_demo_with_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(MeetlatError, match=r"cannot read \S+kpi\.duckdb: Corrupted [^\n]*$"):
        counted(tmp_path, monkeypatch, damaged)
