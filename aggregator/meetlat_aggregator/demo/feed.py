"""Brings the history through the real path, and waits until the published tables have it all."""

from __future__ import annotations

import http.client
import logging
import re
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import click
import duckdb

from meetlat.errors import MeetlatError
from meetlat.logs.base import Message
from meetlat.logs.embedded import EmbeddedAppender
from meetlat.settings import EVENTS_TOPIC
from meetlat_aggregator.control import NotRunningError, ask
from meetlat_aggregator.demo.counted import counted_figures, records
from meetlat_aggregator.demo.mishaps import BROKEN, Delivery
from meetlat_aggregator.demo.send import Programs
from meetlat_aggregator.demo.truth import Figures
from meetlat_aggregator.publish import PUBLISHED

WHOLE = "all"
REFUSED = "broken, refused by the collector"
DEADLINE_SECONDS = 300.0
_POLL_SECONDS = 0.2
_LOOK_EVERY = 5000
_READS = 25  # of a published file that cannot be read: several publications
_REFUSED_METRIC = re.compile(
    r'^meetlat_collector_events_total{result="refused"} (\S+)$', re.MULTILINE
)
_log = logging.getLogger("meetlat.demo")


class StoppedError(Exception):
    """Somebody pressed Ctrl-C, or a service gave up."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a demo runs: addresses as HOST:PORT, its directory, settings file and key."""

    collector: str
    aggregator: str
    data: Path
    config: Path
    key: str

    @property
    def published(self) -> Path:
        """The tables for analysts."""
        return self.data / PUBLISHED

    def programs(self) -> Programs:
        """The company's programs, sending here."""
        return Programs(f"http://{self.collector}", self.key, self.data / "spool", self.config)


@dataclass(frozen=True, slots=True)
class Feed:
    """Feeds one place. Every method raises StoppedError soon after `stopping` is set."""

    place: Place
    stopping: threading.Event

    def send(self, programs: Programs, deliveries: Sequence[Delivery]) -> None:
        """Send everything; the bar shows what is counted. Raises MeetlatError when it is not."""
        total = len(deliveries)
        with click.progressbar(
            length=total, label="counting", file=sys.stderr, hidden=not sys.stderr.isatty()
        ) as bar:

            def counted() -> bool:
                lag, number = self._progress()
                bar.update(max(min(number, total) - bar.pos, 0))
                return lag == 0 and programs.delivered() >= total

            for number, delivery in enumerate(deliveries):
                if self.stopping.is_set():
                    raise StoppedError
                programs.tell(delivery.happening, history=delivery.fate != "late")
                if number % _LOOK_EVERY == 0:
                    counted()
            self._wait(counted)
        programs.flush(10.0)

    def send_broken(self) -> Figures:
        """What no program should send: to the collector, which refuses it, and past it.

        Returns what became of it at the door, by the collector's own metrics.
        """
        before = self._refused()
        for body in BROKEN:
            self._post(body)
        appender = EmbeddedAppender(self.place.data / "log", EVENTS_TOPIC.default)
        try:
            appender.append([Message(None, body) for body in BROKEN])
        finally:
            appender.close()
        return {(WHOLE, REFUSED): Decimal(self._refused() - before)}

    def counted(self, end: datetime) -> Figures:
        """The published figures of the time before `end`, once nothing is under way any more."""
        self._wait(lambda: self._progress()[0] == 0)
        _, number = self._progress()
        figures: Figures = {}
        unread: list[duckdb.Error] = []

        def shown() -> bool:
            path = self.place.published
            try:
                if records(path) < number:
                    return False
                figures.update(counted_figures(path, end))
            except duckdb.Error as error:
                unread.append(error)
                _log.info("cannot read %s: %s", path, error)
                if len(unread) < _READS:
                    return False  # the next publication may be whole
                raise MeetlatError(
                    f"cannot read {path}: {str(error).splitlines()[0]}",
                    remedy="report this as a bug, with that file",
                ) from error
            return True

        self._wait(shown)
        return figures

    def _progress(self) -> tuple[int, int]:
        """Records that wait in the log (one more while nobody knows), and records counted."""
        try:
            *_, last = ask(self.place.data, "status")
        except (NotRunningError, OSError):
            return 1, 0  # it crashed; the supervisor starts it again
        except MeetlatError as error:
            if error.retry:
                return 1, 0
            raise
        answer = last["answer"]
        return sum(lag["events"] for lag in answer["lag"].values()), int(answer["records"])

    def _wait(self, done: Callable[[], bool]) -> None:
        for _ in range(int(DEADLINE_SECONDS / _POLL_SECONDS)):
            if done():
                return
            if self.stopping.wait(_POLL_SECONDS):
                raise StoppedError
        raise MeetlatError(
            f"the history was not counted within {DEADLINE_SECONDS:g} s",
            remedy="see what was said above; try again with less to do on this machine",
        )

    def _post(self, body: bytes) -> None:
        status, answer = self._request("POST", "/v1/events", body)
        if status != http.client.BAD_REQUEST:
            raise MeetlatError(
                f"the collector took a broken event: {status} {answer[:200]}",
                remedy="report this as a bug",
            )

    def _refused(self) -> int:
        _, text = self._request("GET", "/metrics")
        found = _REFUSED_METRIC.search(text)
        return 0 if found is None else int(float(found[1]))

    def _request(self, method: str, path: str, body: bytes | None = None) -> tuple[int, str]:
        connection = http.client.HTTPConnection(self.place.collector, timeout=10)
        try:
            connection.request(method, path, body, {"Content-Type": "application/cloudevents+json"})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except (OSError, http.client.HTTPException) as error:
            raise MeetlatError(
                f"the collector does not answer: {error}", remedy="see what it said above"
            ) from None
        finally:
            connection.close()
