"""How events leave the program: HTTP to a collector, Kafka, or the embedded log on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meetlat.errors import SettingError
from meetlat.settings import ENDPOINT, Settings

if TYPE_CHECKING:
    from meetlat._transports.base import Transport


def open_transport(settings: Settings) -> Transport:
    """The transport for the endpoint in `settings`. Raises SettingError for a bad address.

    What it needs is imported here, so that nobody loads a client that is not used.
    """
    endpoint = settings[ENDPOINT]
    kind = endpoint.partition(":")[0]
    if kind in ("http", "https"):
        from meetlat._transports.http import HttpTransport

        return HttpTransport(settings)
    if kind == "kafka":
        from meetlat._transports.kafka import KafkaTransport

        return KafkaTransport(settings)
    if kind == "embedded" and endpoint != "embedded:":
        from meetlat._transports.embedded import EmbeddedTransport

        return EmbeddedTransport(settings)
    raise SettingError(
        f"MEETLAT_ENDPOINT: {endpoint!r} is no address to send to",
        remedy="use http://host:4318, kafka://host:9092,host2:9092 or embedded:DIR",
    )
