"""`meetlat aggregate`: the aggregator as a program of its own."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import os
import sys
from importlib.abc import MetaPathFinder

import click
import pyarrow as pa

from meetlat.service import serve
from meetlat_aggregator.commands.common import (
    data_option,
    log_option,
    settings_from,
    start_logging,
)
from meetlat_aggregator.service import Aggregator

_EPILOG = """\b
Example:
  meetlat aggregate --log kafka://broker-1:9092 --data /var/lib/meetlat
"""


@click.command("aggregate", epilog=_EPILOG, short_help="Roll events from the log into KPI tables.")
@click.option("--listen", metavar="HOST:PORT", help="Where to listen (MEETLAT_AGGREGATOR_LISTEN).")
@log_option
@data_option
def aggregate(listen: str | None, log: str | None, data: str | None) -> None:
    """Read events from the log and count each once, in DuckDB tables and Prometheus metrics.

    One aggregator owns a data directory. Ctrl-C, or SIGTERM, finishes what is under way and
    publishes it; a second one forces.
    """
    settings = settings_from(aggregator_listen=listen, log=log, data=data)
    start_logging(settings)
    aggregator = Aggregator(settings, say=click.echo)
    # The data directory is there by now, for others to enter. What is made in it (the database's
    # WAL names people's pseudonyms) is for its owner; kpi.duckdb gets a mode of its own.
    os.umask(0o077)
    use_little_memory()
    try:
        asyncio.run(serve(aggregator))
    finally:
        gc.unfreeze()  # or DuckDB's binding reports at exit what was never looked at as leaks


def use_little_memory() -> None:
    """Set the process up for one that runs for months beside others."""
    _look_for_cycles_rarely()
    _give_memory_back()
    _leave_pandas_out()


def _look_for_cycles_rarely() -> None:
    """A batch is 20,000 records that all stay until its end, and form no cycles: going through
    them again and again, and through all that was imported, is a third of reading from Kafka.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)


def _give_memory_back() -> None:
    """Large blocks go back to the system when they are freed: batches of many megabytes come and
    go on three threads, and what glibc and Arrow keep of each doubles the process.
    """
    pa.set_memory_pool(pa.system_memory_pool())
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):  # glibc; numbers from its malloc.h
        for option, value in ((_M_ARENA_MAX, 2), (_M_MMAP_THRESHOLD, 1 << 18)):
            libc.mallopt(option, value)


class _NoPandas(MetaPathFinder):
    def find_spec(self, fullname: str, *_: object) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError(fullname)


def _leave_pandas_out() -> None:
    """Arrow loads pandas, where that is installed, with the first array it makes, and asks no
    second time: 30 MB to know objects that there are none of.
    """
    refusing = _NoPandas()
    sys.meta_path.insert(0, refusing)
    pa.array([None])
    sys.meta_path.remove(refusing)


_M_ARENA_MAX = -8
_M_MMAP_THRESHOLD = -3
