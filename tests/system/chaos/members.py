"""Another member of the aggregator's consumer group, which takes partitions and counts nothing."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping, Sequence
from types import TracebackType

from support.services import until

from meetlat.logs.kafka import KafkaReader
from meetlat.settings import EVENTS_TOPIC, KAFKA_GROUP, Settings


class OtherMember:
    """Joins at the beginning of the block and leaves at its end. A thread of its own runs it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self.partitions: set[int] = set()
        self.fault: BaseException | None = None

    def __enter__(self) -> OtherMember:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join(60)
        if error is None and self.fault is not None:
            raise self.fault

    def wait_for(self, count: int) -> None:
        """Return when it holds at least so many partitions."""
        until(lambda: len(self.partitions) >= count, f"{count} partitions are its", 60)

    async def assigned(self, partitions: Sequence[int]) -> Mapping[int, int]:
        """Listener."""
        self.partitions = set(partitions)
        return {}

    async def revoked(self, partitions: Sequence[int]) -> None:
        """Listener."""
        self.partitions = set()

    async def _run(self) -> None:
        settings = self._settings
        servers = settings.log.removeprefix("kafka://")
        reader = KafkaReader(servers, settings[EVENTS_TOPIC], settings, settings[KAFKA_GROUP])
        try:
            await reader.start(self)
            while not self._stop.is_set():
                await reader.read(100, 0.1)
        except BaseException as error:
            self.fault = error
        finally:
            await reader.close(5)
