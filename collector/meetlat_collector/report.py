"""The collector's own account: a `collector_report` event, so that what was refused is known.

Totals since `started`, as every report; its identity is the collector's source and that time.
"""

from __future__ import annotations

import socket
import uuid
from datetime import UTC, datetime

import msgspec

from meetlat.contract.envelope import partition_key
from meetlat.contract.events import CollectorReport
from meetlat.logs.base import Message
from meetlat_collector.counters import Counters
from meetlat_collector.judge import Headers


class Account:
    """Makes a report whenever the counts have changed since the last one that was kept."""

    def __init__(self, counters: Counters, started: float, headers: Headers = ()) -> None:
        """`started`: seconds since 1970; `headers`: of the message."""
        self._headers = headers
        self._counters = counters
        self._started = _utc(started)
        self._source = f"/meetlat/collector/{socket.gethostname()}"[:200]
        self._reported: tuple[int, dict[str, int]] = (0, {})

    def report(self, now: float) -> tuple[Message, tuple[int, dict[str, int]]] | None:
        """The report and its counts, for `kept`; None when nothing changed."""
        counts = (self._counters.accepted, dict(self._counters.refused))
        if counts == self._reported:
            return None
        event_id = str(uuid.uuid4())
        emitted, refused = counts
        value = msgspec.json.encode(
            {
                "specversion": "1.0",
                "id": event_id,
                "source": self._source,
                "type": CollectorReport.type_name,
                "time": _utc(now),
                "data": {"started": self._started, "emitted": emitted, "refused": refused},
            }
        )
        return Message(partition_key(event_id, None, None), value, self._headers), counts

    def kept(self, counts: tuple[int, dict[str, int]]) -> None:
        """The report with these counts is safe in the log."""
        self._reported = counts


def _utc(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
