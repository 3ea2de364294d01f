"""For the tests of programs that are measured: the fixture `meetlat_events`.

Loaded by pytest as a plugin. It catches events in memory: no thread, no network, no files.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from meetlat._client import Client
from meetlat._default import default
from meetlat.errors import MeetlatError

if TYPE_CHECKING:
    from meetlat.contract.envelope import Event


class Captured:
    """The events of one test, in order, as the contract reads them."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._told = False

    def __iter__(self) -> Iterator[Event]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())

    def of(self, name: str) -> list[Event]:
        """The events of one type, by its short name: `interaction`, `feedback`, …

        Raises MeetlatError when any event does not fit the contract.
        """
        return [e for e in self._read() if e.attributes.type == f"meetlat.{name}.v1"]

    def one(self, name: str) -> Event:
        """The only event of that type. Raises AssertionError when there is not exactly one."""
        found = self.of(name)
        assert len(found) == 1, f"{len(found)} events of type {name}, not 1"
        return found[0]

    def _read(self) -> list[Event]:
        try:
            return self.client.captured()
        except MeetlatError:
            self._told = True
            raise

    def _finish(self) -> None:
        """Raise MeetlatError for a wrong event that the test was not told of."""
        queue = self.client._queue
        if not self._told and (queue.queue or queue.mistakes):
            self.client.captured()


@pytest.fixture
def meetlat_events() -> Iterator[Captured]:
    """Every event that the test makes through the module `meetlat`.

    Source is `/test`; users become pseudonyms with a key of the fixture's own. An event that does
    not fit the contract is an error at the end of the test, when the test did not read it itself.
    """
    client = Client(mode="capture", source="/test", pseudonym_key="a key for tests only")
    earlier = default.borrow(client)
    captured = Captured(client)
    try:
        yield captured
    finally:
        default.give_back(earlier)
    captured._finish()
