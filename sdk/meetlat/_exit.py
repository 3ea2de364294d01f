"""The end of the process, and its doubling: every client is told of both."""

from __future__ import annotations

import atexit
import os
import sys
import time
import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from meetlat._client import Client

SECONDS = 2.0
_IMPORT_SECONDS = 5.0
_held: list[Client] = []
_clients: weakref.WeakSet[Client] = weakref.WeakSet()
_hooked = False
_watched_process = 0


def watch(client: Client) -> None:
    """Tell this client when the program ends or forks."""
    global _hooked  # noqa: PLW0603 - one pair of hooks per interpreter
    _clients.add(client)
    if not _hooked:
        _hooked = True
        atexit.register(_at_exit)
        os.register_at_fork(
            before=_before_fork, after_in_parent=_after_fork_here, after_in_child=_after_fork
        )


def watch_process() -> None:
    """In a child of `multiprocessing`, which ends without the hooks of `atexit`: use its own."""
    global _watched_process  # noqa: PLW0603 - once per process
    process = sys.modules.get("multiprocessing.process")
    util = sys.modules.get("multiprocessing.util")
    if process is None or util is None or _watched_process == os.getpid():
        return
    _watched_process = os.getpid()
    if process.parent_process() is not None:
        util.Finalize(None, _at_exit, exitpriority=0)


def _at_exit() -> None:
    deadline = time.monotonic() + SECONDS
    for client in list(_clients):
        try:
            client.end(max(deadline - time.monotonic(), 0.1), exiting=True)
        except Exception as error:  # noqa: BLE001 - the host is ending and must end well
            sys.stderr.write(f"meetlat: fault at exit: {error!r}\n")


def _before_fork() -> None:
    """Let a worker finish its imports: a child forked amid one could never import that module."""
    _held.extend(client for client in list(_clients) if client.hold_still(_IMPORT_SECONDS))


def _after_fork_here() -> None:
    while _held:
        _held.pop().go_on()


def _after_fork() -> None:
    _held.clear()
    for client in list(_clients):
        client.after_fork()
