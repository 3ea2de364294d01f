"""The aggregator's core at work in tests: events with chosen times, batches, real DuckDB tables.

`Bench` is one data directory without a log and without a clock: it decodes, judges, merges and
archives by the aggregator's own functions, and can be reopened as after a restart.
"""

from __future__ import annotations

import itertools
import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from meetlat.logs.base import Record
from meetlat_aggregator.archive import Archive
from meetlat_aggregator.batch import Batch
from meetlat_aggregator.database import open_database
from meetlat_aggregator.decode import decode
from meetlat_aggregator.live import Key, LiveSeries
from meetlat_aggregator.publish import Publisher
from meetlat_aggregator.rebuild import COMPARED
from meetlat_aggregator.transaction import Outcome, Position, Transactions
from support.events import MINIMAL

TOPIC = "meetlat.events.v1"
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)  # a Wednesday
HOUR = NOON.replace(tzinfo=None)  # as DuckDB shows it
SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC).replace(tzinfo=None)
_ids = itertools.count(1)


@dataclass(frozen=True)
class Sent:
    """Bytes in the log, and when and where they were appended. `offset` None: the next one."""

    value: bytes
    appended: datetime = NOON
    partition: int = 0
    headers: tuple[tuple[str, bytes], ...] = ()
    offset: int | None = None

    def again(self, later: timedelta = SECOND) -> Sent:
        """The same bytes once more."""
        return replace(self, appended=self.appended + later, offset=None)


def person(number: int) -> str:
    """A pseudonym."""
    return f"u_{number:032x}"


def event(
    name: str = "interaction",
    /,
    *,
    id: str | None = None,  # noqa: A002 - the envelope's own name
    source: str = "/shop/bot",
    time: datetime = NOON,
    appended: datetime | None = None,
    late: timedelta = SECOND,
    history: bool = False,
    partition: int = 0,
    **data: Any,
) -> Sent:
    """An event of type `meetlat.NAME.v1` with the least it needs, and `data` on top.

    Appended `late` after its time, unless `appended` says when. A datum given as None is left out.
    """
    fields = {**MINIMAL.get(name, {}), **data}
    envelope: dict[str, Any] = {
        "specversion": "1.0",
        "id": id if id is not None else f"e{next(_ids)}",
        "source": source,
        "type": f"meetlat.{name}.v1",
        "time": stamp(time),
        "data": {
            key: stamp(value) if isinstance(value, datetime) else value
            for key, value in fields.items()
            if value is not None
        },
    }
    if history:
        envelope["meetlathistory"] = True
    return Sent(json.dumps(envelope).encode(), appended or time + late, partition)


def void(target: Sent, **more: Any) -> Sent:
    """The event that withdraws another, appended a minute after it unless told otherwise."""
    head = json.loads(target.value)
    more = {"time": target.appended, "late": MINUTE, **more}
    return event(
        "void",
        target_source=head["source"],
        target_id=head["id"],
        target_time=head["time"],
        **more,
    )


def stamp(moment: datetime) -> str:
    """RFC 3339, microseconds."""
    return moment.isoformat(timespec="microseconds")


def micros(moment: datetime) -> int:
    """Microseconds since 1970."""
    return (moment.replace(tzinfo=None) - _EPOCH) // timedelta(microseconds=1)


@cache
def _template() -> Path:
    """A migrated, empty database, made once: to copy one is quicker than to migrate."""
    path = Path(tempfile.mkdtemp(prefix="meetlat-test-")) / "empty.duckdb"
    open_database(path).close()
    return path


def make_database(path: Path) -> None:
    """A new, empty live database."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(_template(), path)


def batch_of(*sent: Sent) -> Batch:
    """What decoding makes of these, each appended when it says, at offsets from 0 on."""
    return decode(
        [
            Record(0, offset, micros(one.appended), None, one.value, one.headers)
            for offset, one in enumerate(sent)
        ]
    )


class Bench:
    """One aggregator's tables in `directory`."""

    def __init__(
        self, directory: Path, *, dedup_days: float = 7, file_records: int = 50_000
    ) -> None:
        self.directory = directory
        self.dedup_window = timedelta(days=dedup_days)
        self.archive = Archive(directory / "archive", file_records)
        self.database = directory / "aggregator.duckdb"
        self._next: Counter[int] = Counter()
        if not self.database.exists():
            make_database(self.database)
        self._open()

    def _open(self) -> None:
        self._con = open_database(self.database)
        self.live = LiveSeries(self._con)
        self.transactions = Transactions(
            self._con, self.archive, self.live, TOPIC, self.dedup_window
        )

    @property
    def con(self) -> duckdb.DuckDBPyConnection:
        """The connection, with everything that was fed folded into the tables."""
        self.transactions.fold()
        return self._con

    def close(self) -> None:
        self.con.close()

    def reopen(self) -> None:
        """As after a crash and a restart."""
        self._con.close()
        self._open()

    def records(self, sent: Sequence[Sent]) -> list[Record]:
        """As the log gives them: offsets per partition in the order they are given here."""
        found = []
        for one in sent:
            offset = self._next[one.partition] if one.offset is None else one.offset
            self._next[one.partition] = max(self._next[one.partition], offset + 1)
            found.append(
                Record(one.partition, offset, micros(one.appended), None, one.value, one.headers)
            )
        return found

    def feed(self, *sent: Sent, before_commit: Callable[[], None] = lambda: None) -> Outcome:
        """One batch."""
        return self.feed_records(self.records(sent), before_commit)

    def feed_each(self, *sent: Sent) -> None:
        """A batch per event."""
        for one in sent:
            self.feed(one)

    def feed_records(
        self, records: Sequence[Record], before_commit: Callable[[], None] = lambda: None
    ) -> Outcome:
        positions: dict[int, Position] = {}
        for one in records:
            at = _EPOCH + timedelta(microseconds=one.append_time)
            positions[one.partition] = Position(one.offset + 1, at)
        return self.transactions.apply(decode(records), positions, "", HOUR, before_commit)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.con.execute(query).fetchall()

    def row(self, query: str) -> tuple[Any, ...]:
        """The only row."""
        (found,) = self.rows(query)
        return found

    def cell(self, table: str, columns: str) -> tuple[Any, ...]:
        """These columns of the only row of a table."""
        return self.row(f"SELECT {columns} FROM {table}")

    def verdicts(self) -> dict[str, int]:
        """What became of everything, by the health table."""
        names = ("received", "counted", "duplicate", "late", "dead", "void")
        sums = ", ".join(f"coalesce(sum({name}), 0)::BIGINT" for name in names)
        return {
            name: count
            for name, count in zip(
                names, self.row(f"SELECT {sums} FROM health_hourly"), strict=True
            )
            if count
        }

    def snapshot(self, *without: str) -> dict[str, Counter[str]]:
        """Every table that a rebuild compares, its rows in no order."""
        return {
            table: Counter(repr(row) for row in self.rows(f"SELECT * FROM {table}"))
            for table in COMPARED
            if table not in without
        }

    def archived(self) -> list[tuple[Any, ...]]:
        """Partition, offset, verdict and bytes of every record, files and tail, as processed."""
        columns = 'batch, seq, "partition", "offset", verdict, value'
        query = f"SELECT {columns} FROM archive_tail"
        files = self.archive.paths([row[0] for row in self.rows("SELECT file FROM archive_files")])
        if files:
            query += f" UNION ALL SELECT {columns} FROM read_parquet({files})"
        return [row[2:] for row in self.rows(f"SELECT * FROM ({query}) ORDER BY batch, seq")]

    @contextmanager
    def published(
        self, timezone: str = "UTC", privacy_limit: int = 5
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        """Publish, and open the file as an analyst does."""
        cursor = self.con.cursor()
        try:
            publisher = Publisher(cursor, self.directory, timezone, privacy_limit)
            publisher.publish()
        finally:
            cursor.close()
        with duckdb.connect(str(publisher.path), read_only=True) as con:
            yield con


def counters(values: Mapping[Key, Any], metric: str) -> dict[tuple[str, ...], Any]:
    """The values of one counter by its labels."""
    return {key.labels: value for key, value in values.items() if key.metric == metric}
