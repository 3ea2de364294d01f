"""Whatever is sent: never a fault, every event gets a verdict, and the log holds what was accepted.

The log is the real one; each example has its own.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from support.collector_http import NOON, InProcess, Reply, read_log
from support.events import headers_of, junk, mutated_events, valid_events

from meetlat.contract.envelope import BATCHED, STRUCTURED, RefusedError, read_event
from meetlat.logs.embedded import EmbeddedWriter

FAR = NOON + 200 * 366 * 86_400  # beyond every time that is drawn, so that none is in the future
few = settings(max_examples=150, deadline=None)


def ask(
    body: bytes, headers: dict[str, str], now: float = FAR
) -> tuple[Reply, list[bytes], InProcess]:
    """One POST to a collector with a log of its own; the answer, and what the log holds then."""

    async def run(directory: Path) -> tuple[Reply, list[bytes], InProcess]:
        writer = EmbeddedWriter(directory, "meetlat.events.v1")
        await writer.start()
        asked = InProcess(writer, max_body=10_000_000, max_waiting=20_000_000)
        asked.now = now
        try:
            reply = await asked.ask("POST", "/v1/events", body, headers)
        finally:
            await writer.close(5)
        return reply, [record.value for record in await read_log(directory)], asked

    with tempfile.TemporaryDirectory() as directory:
        return asyncio.run(run(Path(directory)))


def accepted(event: bytes) -> bool:
    try:
        read_event(event)
    except RefusedError:
        return False
    return True


@few
@given(st.lists(valid_events().map(json.dumps).map(str.encode) | junk.map(repr).map(str.encode)))
def test_any_batch_body_is_answered_and_the_log_holds_what_was_accepted(
    events: list[bytes],
) -> None:
    reply, stored, asked = ask(b"[" + b",".join(events) + b"]", {"content-type": BATCHED})
    assert reply.status in (202, 400)
    answer = reply.json()
    assert answer["accepted"] == len(stored) == asked.counters.accepted
    assert asked.events._waiting.held == 0
    if "error" in answer:
        assert (answer["accepted"], answer["rejected"]) == (0, [])


def has_no_constant(event: str) -> bool:
    """False for NaN and Infinity: they are no JSON, and spoil the batch (the test above)."""
    return json.loads(event, parse_constant=lambda _: "x") == json.loads(event)


@few
@given(st.lists((valid_events() | junk).map(json.dumps).filter(has_no_constant), max_size=12))
def test_accepted_and_rejected_add_up_to_the_events_sent(events: list[str]) -> None:
    body = ("[" + ",".join(events) + "]").encode()
    reply, stored, asked = ask(body, {"content-type": BATCHED})
    answer = reply.json()
    assert "error" not in answer
    rejected = {entry["index"] for entry in answer["rejected"]}
    assert answer["accepted"] + len(rejected) == len(events)
    assert asked.counters.refused.total() == len(rejected) == len(answer["rejected"])
    kept = [event.encode() for index, event in enumerate(events) if index not in rejected]
    assert stored == kept
    assert [accepted(event) for event in kept] == [True] * len(kept)


@few
@given(mutated_events())
def test_a_damaged_structured_event_gets_the_verdict_of_the_contract(event: bytes) -> None:
    reply, stored, _ = ask(event, {"content-type": STRUCTURED})
    assert reply.status in (202, 400)
    if reply.status == 202:
        assert stored == [event]
        assert accepted(event)
    else:
        assert stored == []
        (entry,) = reply.json()["rejected"]
        assert entry["index"] == 0
        # Stricter than the contract in one thing: an event of an unknown type names no person.
        assert not accepted(event) or entry["error"].startswith("data.user: ")


@few
@given(st.binary(max_size=2000), st.sampled_from([STRUCTURED, BATCHED]), st.booleans())
def test_random_bytes_are_never_a_fault(body: bytes, media: str, packed: bool) -> None:
    headers = {"content-type": media}
    if packed:
        headers["content-encoding"] = "gzip"
        cut = len(body) % 7
        body = gzip.compress(body)
        body = body[: len(body) - cut]
    reply, stored, _ = ask(body, headers)
    assert reply.status == 400
    assert stored == []


@few
@given(valid_events())
def test_binary_mode_accepts_what_structured_mode_accepts(event: dict[str, object]) -> None:
    from urllib.parse import quote

    headers = {
        name.replace("ce_", "ce-"): quote(value, safe=" !#$&'()*+,/:;=?@[]~")
        for name, value in headers_of(event).items()
    }
    body = json.dumps(event["data"]).encode()
    reply, stored, _ = ask(body, {"content-type": "application/json", **headers})
    assert reply.status == 202, reply.body
    assert json.loads(stored[0]) == event


@few
@given(
    st.dictionaries(
        st.sampled_from(["content-type", "content-encoding", "content-length", "ce-id", "ce-x"]),
        st.text(st.characters(max_codepoint=255), max_size=60)
        | st.sampled_from([STRUCTURED, "gzip", "9" * 40, "application/json"]),
    )
)
def test_random_headers_are_never_a_fault(headers: dict[str, str]) -> None:
    reply, stored, _ = ask(b"{}", headers)
    assert reply.status in (400, 413, 415)
    assert stored == []
