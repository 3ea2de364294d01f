"""What `meetlat replay` makes of a file's rows, and how it sends them: no servers here."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.events import encode, envelope

from meetlat._encode import Encoded
from meetlat._transports.base import Sent
from meetlat.commands.replay_rows import Row, open_rows
from meetlat.commands.replay_send import BATCH, PATIENCE_SECONDS, Replay
from meetlat.contract.envelope import RefusedError, read_event
from meetlat.contract.pseudonym import pseudonym
from meetlat.errors import MeetlatError

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
KEY = "a key of sixteen characters"


class HandClock:
    """Time passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.passed = 0.0

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.passed)

    def monotonic(self) -> float:
        return self.passed

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.passed += seconds


class Kept:
    """A transport that keeps what it is sent, and when. `answer` decides what becomes of it."""

    def __init__(self, clock: HandClock) -> None:
        self.clock = clock
        self.events: list[dict[str, Any]] = []
        self.values: list[bytes] = []
        self.times: list[float] = []
        self.answer: Callable[[Sequence[Encoded]], Sent] = lambda _: Sent()

    def open(self, timeout: float) -> None:
        return

    def send(self, events: Sequence[Encoded], timeout: float, *, connect: bool = True) -> Sent:
        sent = self.answer(events)
        for index, event in enumerate(events):
            if index not in sent.retry:
                self.values.append(event.value)
                self.events.append(json.loads(event.value))
                self.times.append(self.clock.passed)
        return sent

    def close(self, timeout: float) -> None:
        return


def rows(*values: bytes) -> Iterator[Row]:
    return (Row(number, value, number) for number, value in enumerate(values, 1))


def at(offset: timedelta, **more: Any) -> bytes:
    time = (NOW - offset).isoformat()
    return encode(envelope("interaction", time=time, **more))


def replayed(*values: bytes, **options: Any) -> tuple[Replay, Kept]:
    clock = HandClock()
    kept = Kept(clock)
    replay = Replay(kept, clock=clock, **options)
    replay.run(rows(*values))
    return replay, kept


def read(path: Path) -> list[tuple[int, Any]]:
    """Line and event, or the reason, of each row."""
    with open_rows(str(path)) as found:
        return [
            (row.number, str(row.value) if isinstance(row.value, RefusedError) else parsed(row))
            for row in found.rows
        ]


def parsed(row: Row) -> Any:
    assert isinstance(row.value, bytes)
    return json.loads(row.value)


# --- sending


def test_sixty_times_the_speed_takes_a_sixtieth_of_the_time() -> None:
    offsets = [timedelta(minutes=m) for m in (60, 59, 59, 30, 0)]
    _, kept = replayed(*(at(offset) for offset in offsets), speed=60.0)
    assert kept.times == pytest.approx([0, 1, 1, 30, 60], abs=1e-6)


def test_an_event_that_lies_before_the_others_does_not_wait() -> None:
    offsets = [timedelta(minutes=m) for m in (60, 59, 70, 58)]
    _, kept = replayed(*(at(offset) for offset in offsets), speed=60.0)
    assert kept.times == pytest.approx([0, 1, 1, 2], abs=1e-6)


def test_at_full_speed_nobody_waits() -> None:
    _, kept = replayed(at(timedelta(days=300)), at(timedelta(0)))
    assert kept.times == [0, 0]


def test_what_is_older_than_a_day_is_history_and_the_rest_is_not() -> None:
    day = timedelta(days=1)
    _, kept = replayed(
        at(day + timedelta(seconds=1), id="old"),
        at(day - timedelta(seconds=1), id="new"),
        at(2 * day, id="no", meetlathistory=False),
        at(timedelta(0), id="yes", meetlathistory=True),
    )
    marks = {event["id"]: event.get("meetlathistory") for event in kept.events}
    assert marks == {"old": True, "new": None, "no": True, "yes": True}


def test_an_event_is_sent_byte_for_byte() -> None:
    value = at(timedelta(0), data={"tool": "bot", "status": "ok", "duration": 1.50, "own": [1, {}]})
    value = value.replace(b"1.5", b"1.500").replace(b"{", b"{ ", 1)
    _, kept = replayed(value)
    assert kept.values == [value]


def test_history_is_only_marked() -> None:
    value = at(timedelta(days=9)).replace(b"{", b"{ ", 1)
    _, kept = replayed(value)
    assert kept.values == [b'{"meetlathistory":true,' + value[1:]]
    assert read_event(kept.values[0]).attributes.meetlathistory


def test_a_refused_row_is_named_with_its_line_and_the_others_are_sent() -> None:
    replay, kept = replayed(
        at(timedelta(0)), b"nonsense", at(timedelta(0), data={"tool": "bot", "status": "fine"})
    )
    assert [line for line, _ in replay.outcome.refused] == [2, 3]
    assert replay.outcome.refused[1][1].startswith("data.status: ")
    assert (replay.outcome.sent, len(kept.events)) == (1, 1)


def test_what_the_other_side_refuses_is_named_with_its_line() -> None:
    clock = HandClock()
    kept = Kept(clock)
    kept.answer = lambda _: Sent(refused=[(1, "time")])
    outcome = Replay(kept, clock=clock).run(rows(b"no", *[at(timedelta(0))] * 3))
    assert outcome.sent == 2
    assert [line for line, _ in outcome.refused] == [1, 3]


def test_only_what_did_not_arrive_is_sent_again() -> None:
    clock = HandClock()
    kept = Kept(clock)
    answers = iter([Sent(retry=[1], problem="busy", retry_after=4.0), Sent()])
    kept.answer = lambda _: next(answers)
    outcome = Replay(kept, clock=clock).run(rows(*(at(timedelta(0), id=i) for i in "abc")))
    assert [event["id"] for event in kept.events] == ["a", "c", "b"]
    assert outcome.sent == 3
    assert clock.passed >= 4.0


def test_a_destination_that_stays_away_ends_the_replay_with_the_reason() -> None:
    clock = HandClock()
    kept = Kept(clock)
    kept.answer = lambda events: Sent.failed(events, "cannot reach http://there")
    with pytest.raises(MeetlatError, match=r"stopped before line 1, .*cannot reach http://there"):
        Replay(kept, clock=clock).run(rows(at(timedelta(0))))
    assert PATIENCE_SECONDS / 2 < clock.passed <= PATIENCE_SECONDS


def test_rows_share_requests() -> None:
    clock = HandClock()
    kept = Kept(clock)
    sizes: list[int] = []

    def answer(events: Sequence[Encoded]) -> Sent:
        sizes.append(len(events))
        return Sent()

    kept.answer = answer
    Replay(kept, clock=clock).run(rows(*[at(timedelta(0))] * (2 * BATCH + 1)))
    assert sizes == [BATCH, BATCH, 1]


def test_a_plain_user_becomes_a_pseudonym_with_the_key() -> None:
    value = at(timedelta(0), data={"tool": "bot", "status": "ok", "user": "Jan@Example.com"})
    _, kept = replayed(value, key=KEY)
    assert kept.events[0]["data"]["user"] == pseudonym("jan@example.com", KEY)


def test_a_plain_user_is_refused_without_a_key_and_is_not_shown() -> None:
    value = at(timedelta(0), data={"tool": "bot", "status": "ok", "user": "jan@example.com"})
    replay, kept = replayed(value)
    ((line, reason),) = replay.outcome.refused
    assert (line, kept.events) == (1, [])
    assert "MEETLAT_PSEUDONYM_KEY" in reason
    assert "jan" not in reason


def test_an_unknown_type_is_sent_and_told() -> None:
    replay, kept = replayed(encode(envelope("future", data={})))
    assert replay.outcome.unknown == {"meetlat.future.v1": 1}
    assert len(kept.events) == 1


# --- reading


def test_ndjson_lines_keep_their_numbers_over_blank_ones(tmp_path: Path) -> None:
    path = tmp_path / "e.ndjson"
    path.write_bytes(b'{"id":"1"}\n\n{"id":"2"}')
    assert read(path) == [(1, {"id": "1"}), (3, {"id": "2"})]


def test_csv_cells_get_the_type_of_their_field(tmp_path: Path) -> None:
    path = tmp_path / "e.csv"
    path.write_text(
        "id,source,type,time,tool,status,duration,streamed,input_tokens,cost,currency,attributes,x\n"
        "1,/a,meetlat.interaction.v1,2026-03-02T09:30:00Z,bot,ok,1.5,TRUE,12,0.10,EUR,"
        '"{""k"":""v""}",07\n'
        "2,/a,meetlat.interaction.v1,2026-03-02T09:30:00Z,bot,ok,,,,,,,\n"
    )
    (_, first), (_, second) = read(path)
    assert first["data"] == {
        "tool": "bot", "status": "ok", "duration": 1.5, "streamed": True, "input_tokens": 12,
        "cost": "0.10", "currency": "EUR", "attributes": {"k": "v"}, "x": "07",
    }  # fmt: skip
    assert second["data"] == {"tool": "bot", "status": "ok"}
    assert (first["specversion"], first["id"], first["source"]) == ("1.0", "1", "/a")
    read_event(json.dumps(first).encode())


def test_a_csv_cell_that_does_not_fit_is_left_to_the_contract_to_name(tmp_path: Path) -> None:
    path = tmp_path / "e.csv"
    path.write_text(
        "id,source,type,time,tool,count\n1,/a,meetlat.usage.v1,2026-03-02T09:30:00Z,b,x"
    )
    ((_, event),) = read(path)
    with pytest.raises(RefusedError, match=r"data\.count"):
        read_event(json.dumps(event).encode())


def test_csv_lines_are_those_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "e.csv"
    path.write_text(
        'id,source,type,time,data\n1,/a,x,t,"{\n""a"":1}"\n2,/a,x,t\n3,/a,x,t,{}\n4,/a,x,t,{\n'
    )
    found = read(path)
    assert [line for line, _ in found] == [2, 4, 5, 6]
    assert found[0][1]["data"] == {"a": 1}
    assert found[1][1] == "has 4 cells where the heading has 5"
    assert found[3][1].startswith("data: is not JSON")


def test_a_field_beside_a_document_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "e.csv"
    path.write_text("id,source,type,time,data,tool\n1,/a,x,t,{},bot\n")
    assert read(path) == [(2, "tool: stands beside a `data` column; use one of the two")]


def test_parquet_keeps_its_types_and_absent_cells_are_absent(tmp_path: Path) -> None:
    path = tmp_path / "e.parquet"
    table = pa.table(
        {
            "id": ["1", "2"],
            "source": ["/a", "/a"],
            "type": ["meetlat.interaction.v1"] * 2,
            "time": pa.array([NOW, NOW], pa.timestamp("us", "UTC")),
            "tool": ["bot", "bot"],
            "status": ["ok", "ok"],
            "duration": [1.25, None],
            "input_tokens": [3, None],
            "attributes": pa.array([[("k", "v")], None], pa.map_(pa.string(), pa.string())),
        }
    )
    pq.write_table(table, path)
    (_, first), (number, second) = read(path)
    assert first["data"] == {
        "tool": "bot", "status": "ok", "duration": 1.25, "input_tokens": 3,
        "attributes": {"k": "v"},
    }  # fmt: skip
    assert (number, second["data"]) == (2, {"tool": "bot", "status": "ok"})
    assert read_event(json.dumps(first).encode()).attributes.time == NOW


def test_a_parquet_time_without_a_zone_is_utc(tmp_path: Path) -> None:
    path = tmp_path / "e.parquet"
    time = pa.array([NOW.replace(tzinfo=None)], pa.timestamp("us"))
    columns = {"id": ["1"], "source": ["/a"], "type": ["x"], "time": time, "data": ["{}"]}
    pq.write_table(pa.table(columns), path)
    ((_, event),) = read(path)
    assert event["time"] == "2026-03-04T12:00:00Z"


@pytest.mark.parametrize("name", ["e.ndjson.gz", "e.csv.gz"])
def test_gzipped_files_are_read(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    content = b'{"id":"1"}\n' if "ndjson" in name else b"id,source,type,time,data\n1,/a,x,t,{}\n"
    path.write_bytes(gzip.compress(content))
    ((_, event),) = read(path)
    assert event["id"] == "1"


def test_a_gzip_file_that_is_cut_off_is_said_to_be_damaged(tmp_path: Path) -> None:
    path = tmp_path / "e.ndjson.gz"
    path.write_bytes(gzip.compress(b'{"id":"1"}\n')[:-6])
    with pytest.raises(MeetlatError, match="is damaged"):
        read(path)


@pytest.mark.parametrize("name", ["e.txt", "e.parquet.gz", "e"])
def test_another_extension_is_wrong_use(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    with pytest.raises(click.UsageError, match="is none of"):
        read(tmp_path / name)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "id, source, type, time are missing"),
        (b"id,source,type\n", "time are missing"),
        (b"id,source,type,time,id\n", "two columns id"),
        (b'id,source,type,time\n1,/a,x,"open', "is no CSV"),
        (b"id,source,type,time\n\xff,/a,x,t\n", "is not text in UTF-8"),
    ],
)
def test_a_csv_that_cannot_be_read_says_why(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "e.csv"
    path.write_bytes(content)
    with pytest.raises(MeetlatError, match=reason):
        read(path)


def test_what_is_no_parquet_says_so(tmp_path: Path) -> None:
    (tmp_path / "e.parquet").write_bytes(b"PAR")
    with pytest.raises(MeetlatError, match="is no Parquet file"):
        read(tmp_path / "e.parquet")


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(MeetlatError, match=r"cannot read .*: No such file"):
        read(tmp_path / "e.csv")


def test_parquet_without_pyarrow_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "e.parquet").touch()
    program = (
        "import sys; sys.modules['pyarrow'] = None\n"
        "from meetlat.cli import main; main(['replay', 'e.parquet'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "install meetlat[server]" in done.stderr
