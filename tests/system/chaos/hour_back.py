"""The command where the clock was set back an hour: `python -m system.chaos.hour_back WORDS…`."""

from __future__ import annotations

import sys
import time

from meetlat.cli import main

HOUR = 3600


def set_back() -> None:
    """What every caller of the clock gets from now on."""
    seconds, nanoseconds = time.time, time.time_ns
    time.time = lambda: seconds() - HOUR
    time.time_ns = lambda: nanoseconds() - HOUR * 1_000_000_000


if __name__ == "__main__":
    set_back()
    main(sys.argv[1:])
