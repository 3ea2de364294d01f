"""`POST /v1/events`: each rule of the contract that shows on HTTP, over the real embedded log."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.collector_http import NOON, FakeLog, InProcess, read_log, until
from support.events import MONDAY, encode, envelope, event

from meetlat.contract.envelope import BATCHED, MAX_EVENT_BYTES, STRUCTURED
from meetlat.errors import LogError
from meetlat.logs.embedded import EmbeddedWriter

ACCEPTED_ONE = {"accepted": 1, "rejected": []}


@pytest.fixture
async def asked(tmp_path: Path) -> AsyncIterator[InProcess]:
    writer = EmbeddedWriter(tmp_path, "meetlat.events.v1")
    await writer.start()
    yield InProcess(writer)
    await writer.close(5)


async def values(tmp_path: Path) -> list[bytes]:
    return [record.value for record in await read_log(tmp_path)]


# --- the three modes


async def test_a_structured_event_is_in_the_log_byte_for_byte(
    asked: InProcess, tmp_path: Path
) -> None:
    raw = b'  { "time":"2026-03-02T01:00:00+01:00", ' + event()[1:-1].replace(
        b'"time":"' + MONDAY.encode() + b'",', b""
    ) + b',"own":[1.0, 2e0]}\n'  # fmt: skip
    reply = await asked.post_one(raw)
    assert (reply.status, reply.json()) == (202, ACCEPTED_ONE)
    assert await values(tmp_path) == [raw]


async def test_each_event_of_a_batch_is_in_the_log_byte_for_byte_and_in_order(
    asked: InProcess, tmp_path: Path
) -> None:
    events = [encode(envelope(id=str(i), own={"é": i})) for i in range(5)]
    spaced = json.dumps(envelope(id="6"), indent=2).encode()
    reply = await asked.post_batch(*events, spaced)
    assert (reply.status, reply.json()) == (202, {"accepted": 6, "rejected": []})
    assert await values(tmp_path) == [*events, spaced]


async def test_binary_mode_is_stored_as_the_structured_event_that_it_says(
    asked: InProcess, tmp_path: Path
) -> None:
    headers = {
        "content-type": "application/json; charset=utf-8",
        "ce-specversion": "1.0",
        "ce-id": "caf%C3%A9",
        "ce-source": "/shop/bot",
        "ce-type": "meetlat.usage.v1",
        "ce-time": MONDAY,
        "ce-meetlathistory": "true",
    }
    reply = await asked.ask("POST", "/v1/events", b'{"tool":"bot"}', headers)
    assert (reply.status, reply.json()) == (202, ACCEPTED_ONE)
    (stored,) = await values(tmp_path)
    assert json.loads(stored) == envelope(id="café", meetlathistory=True)


async def test_binary_mode_refuses_a_header_given_twice_and_one_that_is_not_utf8(
    asked: InProcess,
) -> None:
    headers = [("content-type", "application/json"), ("ce-specversion", "1.0"), ("ce-id", "1")]
    twice = await asked.ask("POST", "/v1/events", b"{}", [*headers, ("ce-id", "2")])
    assert (twice.status, twice.json()["rejected"]) == (
        400,
        [{"index": 0, "id": "1", "error": "id: is given twice"}],
    )
    odd = await asked.ask("POST", "/v1/events", b"{}", [*headers, ("ce-source", "%FF")])
    assert odd.status == 400
    assert odd.json()["rejected"][0]["error"].startswith("source: is not percent-encoded UTF-8")


async def test_binary_mode_names_what_is_missing_and_data_that_are_not_json(
    asked: InProcess,
) -> None:
    headers = {"content-type": "application/json", "ce-id": "1"}
    reply = await asked.ask("POST", "/v1/events", b"{}", headers)
    assert reply.json()["rejected"][0]["error"] == "specversion: field required"
    reply = await asked.ask("POST", "/v1/events", b"{", headers)
    assert reply.json()["rejected"][0]["error"].startswith("data: is not JSON")
    assert asked.counters.refused == {"schema": 1, "unreadable": 1}


# --- verdicts


async def test_a_refused_event_is_named_by_index_id_and_field_and_the_others_are_taken(
    asked: InProcess, tmp_path: Path
) -> None:
    good = [encode(envelope(id=str(i))) for i in range(3)]
    bad = encode(envelope(id="bad", data={}))
    reply = await asked.post_batch(good[0], bad, good[1], b"7", b'{"id":5}', good[2])
    assert reply.status == 202
    assert reply.json() == {
        "accepted": 3,
        "rejected": [
            {"index": 1, "id": "bad", "error": "data.tool: field required"},
            {"index": 3, "id": None, "error": "event: input should be an object"},
            {"index": 4, "id": None, "error": "specversion: field required"},
        ],
    }
    assert await values(tmp_path) == good
    assert asked.counters.accepted == 3
    assert asked.counters.refused == {"schema": 2, "unreadable": 1}


async def test_nothing_valid_is_400_and_nothing_is_logged(asked: InProcess, tmp_path: Path) -> None:
    reply = await asked.post_batch(b"{}", encode(envelope(id="x", source=None)))
    assert reply.status == 400
    assert reply.json()["accepted"] == 0
    assert [entry["index"] for entry in reply.json()["rejected"]] == [0, 1]
    assert await values(tmp_path) == []


async def test_an_empty_batch_is_202_with_none_accepted(asked: InProcess) -> None:
    reply = await asked.post_batch()
    assert (reply.status, reply.json()) == (202, {"accepted": 0, "rejected": []})


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b'[{"id":1},', "body: is not JSON: Input data was truncated"),
        (b'[{"id":1,}]', "body: is not JSON: JSON is malformed: trailing comma in object (byte 9)"),
        (b"[NaN]", "body: is not JSON: JSON is malformed: invalid character (byte 1)"),
        (event(), "body: a batch is a JSON array of events"),
        (b"", "body: is not JSON: Input data was truncated"),
        (b"[" * 100_000, "body: is nested too deeply"),
    ],
)
async def test_a_malformed_batch_says_where(asked: InProcess, body: bytes, where: str) -> None:
    reply = await asked.post(body, BATCHED)
    assert (reply.status, reply.json()) == (400, {"accepted": 0, "rejected": [], "error": where})
    assert asked.counters.refused == {"body": 1}


async def test_a_malformed_structured_event_says_where(asked: InProcess) -> None:
    reply = await asked.post_one(b'{"id":"a",}')
    assert reply.status == 400
    (entry,) = reply.json()["rejected"]
    assert (entry["index"], entry["id"]) == (0, None)
    assert "line 1 column 11" in entry["error"]


@pytest.mark.parametrize("value", [b"\xff", b'"\xed\xa0\x80"', b'"\\ud800"', b"\x00", b"[" * 5000])
async def test_bytes_that_are_no_utf8_json_are_refused_not_a_fault(
    asked: InProcess, value: bytes
) -> None:
    raw = event()[:-1] + b',"own":' + value + b"}"
    reply = await asked.post_one(raw)
    assert reply.status == 400
    assert len(reply.json()["rejected"]) == 1


async def test_an_error_never_repeats_a_plain_user(asked: InProcess) -> None:
    reply = await asked.post_one(event(user="jan.jansen@example.com"))
    assert reply.status == 400
    assert reply.json()["rejected"][0]["error"].startswith("data.user: ")
    assert b"jansen" not in reply.body


async def test_an_unknown_type_is_stored_raw(asked: InProcess, tmp_path: Path) -> None:
    raw = encode(envelope("later", data={"session": "s-1", "user": "u_" + "0" * 32}))
    assert (await asked.post_one(raw)).json() == ACCEPTED_ONE
    (record,) = await read_log(tmp_path)
    assert (record.key, record.value) == (b"s-1", raw)


async def test_an_unknown_type_without_a_data_object_is_stored_too(
    asked: InProcess, tmp_path: Path
) -> None:
    raw = [encode(envelope("later", id=str(i), data=data)) for i, data in enumerate(("x", 5, None))]
    assert (await asked.post_batch(*raw)).json()["accepted"] == 3
    assert await values(tmp_path) == raw


@pytest.mark.parametrize("user", ["jan@example.com", 7, {"name": "Jan"}])
async def test_an_unknown_type_with_a_plain_user_is_refused(asked: InProcess, user: object) -> None:
    reply = await asked.post_one(encode(envelope("later", data={"user": user})))
    assert reply.status == 400
    assert reply.json()["rejected"][0]["error"].startswith("data.user: is not a pseudonym")


async def test_the_key_is_session_else_case_else_id(asked: InProcess, tmp_path: Path) -> None:
    await asked.post_batch(
        event(session="s", case="c"), event(case="c"), event(), event(case="c", own="\\")
    )
    assert [record.key for record in await read_log(tmp_path)] == [b"s", b"c", b"1", b"c"]


@pytest.mark.parametrize(("seconds", "status"), [(300, 202), (301, 400)])
@pytest.mark.parametrize("own", [{}, {"own": 1}], ids=["fast", "slow"])
async def test_more_than_five_minutes_in_the_future_is_refused_naming_time(
    asked: InProcess, seconds: int, status: int, own: dict[str, int]
) -> None:
    asked.now = NOON - 12 * 3600 - seconds
    reply = await asked.post_one(encode(envelope(**own)))
    assert reply.status == status
    if status == 400:
        assert reply.json()["rejected"][0]["error"].startswith("time: ")
        assert asked.counters.refused == {"future": 1}


async def test_years_old_is_accepted_since_the_aggregator_judges_lateness(asked: InProcess) -> None:
    assert (await asked.post_one(encode(envelope(time="2003-01-01T00:00:00Z")))).status == 202


# --- media types and encodings


@pytest.mark.parametrize(
    "media",
    [
        "application/cloudevents+json; charset=utf-8",
        'Application/CloudEvents+JSON;charset="UTF-8"',
    ],
)
async def test_media_type_parameters_are_fine(asked: InProcess, media: str) -> None:
    assert (await asked.post(event(), media)).status == 202


@pytest.mark.parametrize("media", ["text/plain", "application/json", "", "application/x-protobuf"])
async def test_other_media_types_are_415_naming_those_that_are_taken(
    asked: InProcess, media: str
) -> None:
    reply = await asked.post(event(), media)
    assert reply.status == 415
    assert STRUCTURED in reply.json()["error"]
    assert BATCHED in reply.json()["error"]
    assert reply.json()["accepted"] == 0


async def test_no_media_type_and_another_charset_are_415(asked: InProcess) -> None:
    assert (await asked.ask("POST", "/v1/events", event())).status == 415
    reply = await asked.post(event(), f"{STRUCTURED}; charset=latin-1")
    assert (reply.status, reply.json()["error"]) == (415, "content-type: only UTF-8 is taken")


async def test_gzip_is_taken_in_one_or_more_members(asked: InProcess, tmp_path: Path) -> None:
    half = len(event()) // 2
    packed = gzip.compress(event()[:half]) + gzip.compress(event()[half:])
    assert (await asked.post(packed, STRUCTURED, content_encoding="GZIP")).status == 202
    assert await values(tmp_path) == [event()]


async def test_other_encodings_are_415_naming_gzip(asked: InProcess) -> None:
    reply = await asked.post(event(), STRUCTURED, content_encoding="br")
    assert (reply.status, reply.headers["accept-encoding"]) == (415, "gzip")
    assert (await asked.post(event(), STRUCTURED, content_encoding="identity")).status == 202


@pytest.mark.parametrize(
    "damage", [b"", b"no gzip", gzip.compress(event())[:-9]], ids=["empty", "text", "cut"]
)
async def test_damaged_gzip_is_400(asked: InProcess, damage: bytes) -> None:
    reply = await asked.post(damage, STRUCTURED, content_encoding="gzip")
    assert reply.status == 400
    assert "gzip" in reply.json()["error"]


async def test_gzip_cut_off_anywhere_is_400_and_appends_nothing() -> None:
    """Also between its members, and in the last one's sum and length."""
    log = FakeLog()
    asked = InProcess(log)
    half = len(event()) // 2
    packed = gzip.compress(event()[:half]) + gzip.compress(event()[half:])
    for length in range(len(packed)):
        reply = await asked.post(packed[:length], STRUCTURED, content_encoding="gzip")
        assert (reply.status, reply.json()["accepted"]) == (400, 0), length
    assert log.messages == []
    assert asked.counters.refused.total() == len(packed)
    assert asked.events._waiting.held == 0


# --- sizes


async def test_a_body_over_the_cap_is_413_before_and_while_it_is_read(asked: InProcess) -> None:
    said = await asked.post(b"", STRUCTURED, content_length="100001")
    assert (said.status, said.json()["accepted"]) == (413, 0)
    unsaid = await asked.post([b" " * 60_000, b" " * 60_000, b" "], STRUCTURED)
    assert unsaid.status == 413
    assert asked.events._waiting.held == 0


async def test_a_gzip_bomb_is_413_and_never_unpacked_beyond_the_cap(
    asked: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    import zlib

    largest = 0
    real = zlib.decompressobj

    class Watched:
        def __init__(self, **options: int) -> None:
            self._real = real(**options)

        def decompress(self, data: bytes, most: int = 0) -> bytes:
            nonlocal largest
            part = self._real.decompress(data, most)
            largest = max(largest, len(part))
            return part

    monkeypatch.setattr(zlib, "decompressobj", Watched)
    bomb = gzip.compress(bytes(20_000_000))
    assert len(bomb) < 100_000
    assert (await asked.post(bomb, BATCHED, content_encoding="gzip")).status == 413
    assert largest == 100_001


async def test_one_event_over_256_kib_is_413_alone_and_an_entry_in_a_batch(tmp_path: Path) -> None:
    log = FakeLog()
    asked = InProcess(log, max_body=1_000_000)
    large = encode(envelope(id="large", own="x" * MAX_EVENT_BYTES))
    assert (await asked.post_one(large)).status == 413
    reply = await asked.post_batch(large, event())
    assert reply.status == 202
    (entry,) = reply.json()["rejected"]
    assert (entry["index"], entry["id"]) == (0, "large")
    assert "limit is 262144" in entry["error"]
    assert [message.value for message in log.messages] == [event()]


@pytest.mark.parametrize("item", [b"0", b"{}"])
async def test_a_batch_of_too_many_events_is_413(item: bytes) -> None:
    asked = InProcess(FakeLog(), max_body=8_000_000, max_waiting=16_000_000)
    reply = await asked.post_batch(*[item] * 50_001)
    assert (reply.status, reply.json()["rejected"]) == (413, [])


async def test_a_batch_of_commas_is_413_before_it_is_split_and_fills_the_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("meetlat_collector.judge._split", None)
    asked = InProcess(FakeLog(), max_body=8_000_000, max_waiting=16_000_000)
    reply = await asked.post(b"[" + b"0," * 3_000_000 + b"0]", BATCHED)
    assert reply.status == 413


async def test_a_large_batch_lets_other_requests_go_on() -> None:
    asked = InProcess(FakeLog(), max_body=8_000_000, max_waiting=16_000_000)
    large = asyncio.create_task(asked.post_batch(*[event()] * 20_000))
    await asyncio.sleep(0)
    assert (await asked.post_one(event())).status == 202
    assert not large.done()
    assert (await large).json()["accepted"] == 20_000


# --- when it cannot take more


async def test_202_comes_only_after_the_log_has_made_the_events_safe() -> None:
    log = FakeLog()
    log.open.clear()
    asked = InProcess(log)
    answer = asyncio.create_task(asked.post_one(event()))
    await until(lambda: log.entered == 1, "the append")
    assert not answer.done()
    assert asked.counters.accepted == 0
    log.open.set()
    assert (await answer).status == 202
    assert asked.counters.accepted == 1


async def test_a_log_that_is_away_is_503_with_retry_after_and_counts_nothing() -> None:
    log = FakeLog(fault=LogError("the broker does not answer", remedy="start it", retry=True))
    asked = InProcess(log)
    reply = await asked.post_batch(event(), b"{}")
    assert (reply.status, reply.headers["retry-after"]) == (503, "2")
    assert reply.json() == {
        "accepted": 0,
        "rejected": [],
        "error": "the log takes no events now: the broker does not answer",
    }
    assert (asked.counters.accepted, asked.counters.refused) == (0, {})


async def test_a_log_that_is_away_is_said_once_and_so_is_its_return(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log = FakeLog()
    asked = InProcess(log)
    with caplog.at_level(logging.WARNING):
        for fault in (None, LogError("disk full", remedy="free space", retry=True)):
            log.fault = fault
            for _ in range(3):
                await asked.post_one(event())
        log.fault = None
        await asked.post_one(event())
    assert [record.getMessage() for record in caplog.records] == [
        "the log takes no events, so senders are told to wait: disk full; free space",
        "the log takes events again",
    ]


async def test_too_many_bytes_waiting_is_429_with_retry_after_and_the_memory_is_given_back() -> (
    None
):
    log = FakeLog()
    log.open.clear()
    asked = InProcess(log, max_waiting=2 * len(event()))
    waiting = [asyncio.create_task(asked.post_one(event())) for _ in range(2)]
    await until(lambda: log.entered == 2, "both appends")
    reply = await asked.post_one(event())
    assert (reply.status, reply.headers["retry-after"]) == (429, "1")
    assert asked.counters.refused == {}
    log.open.set()
    assert [(await task).status for task in waiting] == [202, 202]
    assert (await asked.post_one(event())).status == 202


async def test_unpacked_gzip_counts_as_waiting_too() -> None:
    asked = InProcess(FakeLog(), max_waiting=50_000)
    packed = gzip.compress(b" " * 90_000)
    assert (await asked.post(packed, STRUCTURED, content_encoding="gzip")).status == 429


async def test_a_cut_off_body_appends_nothing_and_is_counted() -> None:
    log = FakeLog()
    asked = InProcess(log)
    with pytest.raises(ConnectionResetError):
        await asked.ask("POST", "/v1/events", event(), {"content-type": STRUCTURED}, cut_off=True)
    assert log.messages == []
    assert asked.counters.requests == {("/v1/events", "disconnected"): 1}
    assert asked.counters.refused == {"body": 1}
    assert asked.events._waiting.held == 0
