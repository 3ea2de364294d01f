"""The client behind the module's functions: made by `init`, else from the environment when first
needed.
"""

from __future__ import annotations

import threading
from typing import Any

from meetlat._account import Delivery
from meetlat._api import Api
from meetlat._client import Client


class Default(Api):
    """Passes everything on to one client."""

    def __init__(self) -> None:
        self._lock = threading.RLock()

    @property
    def client(self) -> Client:
        """The client; from environment and file when `init` was not called."""
        if self.ready is None:
            with self._lock:
                if self.ready is None:
                    self.ready = Client()
        return self.ready

    def init(self, **settings: Any) -> Client:
        """Make the module's client with these settings; they win over environment and file.

        Takes what `Client` takes. An earlier one is shut down, for at most two seconds. A wrong
        setting is logged and turns measuring off (under pytest it raises SettingError).
        """
        made = Client(**settings)
        self.replace(made)
        return made

    def replace(self, client: Client | None) -> None:
        """Put another client in its place; None: make one from the environment when needed."""
        with self._lock:
            earlier, self.ready = self.ready, client
        if earlier is not None and earlier is not client:
            earlier.end(2.0, exiting=False)

    def borrow(self, client: Client | None) -> Client | None:
        """Put a client in its place for a while; returns the one before, which goes on living."""
        with self._lock:
            earlier, self.ready = self.ready, client
        return earlier

    def give_back(self, client: Client | None) -> None:
        """End the borrowing."""
        with self._lock:
            self.ready = client

    def flush(self, timeout: float = 10.0) -> Delivery:
        """Send everything now; wait at most `timeout` seconds. See `Client.flush`."""
        return self.client.flush(timeout)

    def shutdown(self, timeout: float = 10.0) -> Delivery:
        """Send what can be sent in time, spool the rest, stop. See `Client.shutdown`."""
        return self.client.shutdown(timeout)

    def stats(self) -> Delivery:
        """Where the events are now."""
        return self.client.stats()


default = Default()
