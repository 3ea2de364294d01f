"""`meetlat collect`: the collector as a program of its own."""

from __future__ import annotations

import asyncio
import gc
import logging

import click

from meetlat.service import serve
from meetlat.settings import LOG_LEVEL, Settings
from meetlat_collector.service import Collector

_EPILOG = """\b
Example:
  meetlat collect --listen 127.0.0.1:4318 --log kafka://broker-1:9092,broker-2:9092
"""


@click.command("collect", epilog=_EPILOG, short_help="Take events over HTTP into the log.")
@click.option("--listen", metavar="HOST:PORT", help="Where to listen (MEETLAT_COLLECTOR_LISTEN).")
@click.option("--log", metavar="ADDRESS", help="embedded:DIR or kafka://… (MEETLAT_LOG).")
@click.option("--data", metavar="DIR", help="Directory of the embedded log (MEETLAT_DATA).")
def collect(listen: str | None, log: str | None, data: str | None) -> None:
    """Take CloudEvents over HTTP, check them, and answer when they are safe in the log.

    It listens on this machine only, since there are no API keys yet. Ctrl-C, or SIGTERM, finishes
    the requests under way; a second one forces.
    """
    given = {
        "MEETLAT_COLLECTOR_LISTEN": listen,
        "MEETLAT_LOG": log,
        "MEETLAT_DATA": data,
    }
    settings = Settings(overrides={name: text for name, text in given.items() if text is not None})
    logging.basicConfig(
        level=settings[LOG_LEVEL], format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    # What Kafka's client tells of a broker that is away is in our own error, in one line.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    # What is there by now stays; a request leaves hardly a cycle behind, and looking for them every
    # few requests takes a tenth of its time.
    gc.freeze()
    gc.set_threshold(10_000)
    asyncio.run(serve(Collector(settings, say=click.echo)))
