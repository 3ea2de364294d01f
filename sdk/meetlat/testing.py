"""For the tests of programs that are measured: the fixture `meetlat_events`.

Loaded by pytest as a plugin. It catches events in memory: no thread, no network, no files.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from meetlat._client import Client
from meetlat._default import default

if TYPE_CHECKING:
    from meetlat.contract.envelope import Event


class Captured:
    """The events of one test, in order, as the contract reads them."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def __iter__(self) -> Iterator[Event]:
        return iter(self.client.captured())

    def __len__(self) -> int:
        return len(self.client.captured())

    def of(self, name: str) -> list[Event]:
        """The events of one type, by its short name: `interaction`, `feedback`, …

        Raises MeetlatError when any event does not fit the contract.
        """
        return [e for e in self.client.captured() if e.attributes.type == f"meetlat.{name}.v1"]

    def one(self, name: str) -> Event:
        """The only event of that type. Raises AssertionError when there is not exactly one."""
        found = self.of(name)
        assert len(found) == 1, f"{len(found)} events of type {name}, not 1"
        return found[0]


@pytest.fixture
def meetlat_events() -> Iterator[Captured]:
    """Every event that the test makes through the module `meetlat`.

    Source is `/test`; users become pseudonyms with a key of the fixture's own.
    """
    client = Client(mode="capture", source="/test", pseudonym_key="a key for tests only")
    earlier = default.borrow(client)
    try:
        yield Captured(client)
    finally:
        default.give_back(earlier)
