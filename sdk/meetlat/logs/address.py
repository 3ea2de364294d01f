"""Opens the log that an address names: `embedded:DIR` or `kafka://host:9092,host2:9092`."""

from __future__ import annotations

from pathlib import Path

from meetlat.errors import SettingError
from meetlat.logs.base import LogReader, LogWriter
from meetlat.settings import Settings


def open_writer(settings: Settings, topic: str) -> LogWriter:
    """A writer for one topic of the log in `settings`. Raises SettingError for a bad address."""
    kind, place = _split(settings.log)
    if kind == "kafka":
        from meetlat.logs.kafka import KafkaWriter

        return KafkaWriter(place, topic, settings)
    from meetlat.logs.embedded import EmbeddedWriter

    return EmbeddedWriter(Path(place), topic)


def open_reader(settings: Settings, topic: str, group: str | None = None) -> LogReader:
    """A reader of one topic. Without a `group` it reads every partition and joins nothing."""
    kind, place = _split(settings.log)
    if kind == "kafka":
        from meetlat.logs.kafka import KafkaReader

        return KafkaReader(place, topic, settings, group)
    from meetlat.logs.embedded import EmbeddedReader

    return EmbeddedReader(Path(place), topic, group)


def _split(address: str) -> tuple[str, str]:
    for kind, prefix in (("kafka", "kafka://"), ("embedded", "embedded:")):
        if address.startswith(prefix) and len(address) > len(prefix):
            return kind, address.removeprefix(prefix)
    raise SettingError(
        f"MEETLAT_LOG: {address!r} names no log",
        remedy="use embedded:DIR or kafka://host:9092,host2:9092",
    )
