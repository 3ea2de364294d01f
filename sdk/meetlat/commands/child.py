"""Runs a subcommand of `meetlat` that never outlives the program that started it.

`python -m meetlat.commands.child collect`: standard input is a pipe whose other end the supervisor
holds. When it closes, even by a kill -9 of the supervisor, this program stops in order, as by
SIGTERM. A pipe, since the parent-death signal is Linux's alone.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

from meetlat.cli import main

# Longer than the service's own deadline: this is for one that hangs.
_PATIENCE = 30.0


def _end_with_parent() -> None:
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_PATIENCE)
    os._exit(137)


if __name__ == "__main__":
    threading.Thread(target=_end_with_parent, daemon=True).start()
    main(sys.argv[1:])
