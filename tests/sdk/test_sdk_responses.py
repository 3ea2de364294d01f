"""Answers of providers: token buckets come out disjoint, nothing else is read, streams pass."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator, Iterator
from types import SimpleNamespace as Thing
from typing import Any, ClassVar
from unittest.mock import Mock

import pytest

from meetlat import Client
from meetlat._responses import buckets


@pytest.fixture
def client() -> Client:
    return Client(mode="capture", source="/t")


def as_objects(value: Any) -> Any:
    """The same shape with attributes in place of keys, as the clients have it."""
    if isinstance(value, dict):
        return Thing(**{key: as_objects(item) for key, item in value.items()})
    if isinstance(value, list):
        return [as_objects(item) for item in value]
    return value


CHAT = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "model": "gpt-x",
    "choices": [{"message": {"content": "secret words"}}],
    "usage": {
        "prompt_tokens": 100,
        "completion_tokens": 30,
        "total_tokens": 130,
        "prompt_tokens_details": {"cached_tokens": 40},
        "completion_tokens_details": {"reasoning_tokens": 10},
    },
}
RESPONSES = {
    "id": "resp_1",
    "object": "response",
    "model": "gpt-x",
    "usage": {
        "input_tokens": 100,
        "input_tokens_details": {"cached_tokens": 40},
        "output_tokens": 30,
        "output_tokens_details": {"reasoning_tokens": 10},
    },
}
ANTHROPIC = {
    "id": "msg_1",
    "type": "message",
    "model": "claude-x",
    "usage": {
        "input_tokens": 60,
        "cache_read_input_tokens": 40,
        "cache_creation_input_tokens": 5,
        "output_tokens": 30,
    },
}
LITELLM = {
    "id": "chatcmpl-2",
    "object": "chat.completion",
    "model": "claude-x",
    "_hidden_params": {"custom_llm_provider": "bedrock"},
    "usage": {
        "prompt_tokens": 105,
        "completion_tokens": 30,
        "prompt_tokens_details": {"cached_tokens": 40, "cache_creation_tokens": 5},
        "cache_read_input_tokens": 40,
        "cache_creation_input_tokens": 5,
    },
}


@pytest.mark.parametrize("shape", [dict, as_objects], ids=["dict", "object"])
@pytest.mark.parametrize(
    ("answer", "written", "reasoning", "provider"),
    [
        (CHAT, None, 10, None),
        (RESPONSES, None, 10, None),
        (ANTHROPIC, 5, None, "anthropic"),
        (LITELLM, 5, None, "bedrock"),
    ],
    ids=["chat", "responses", "anthropic", "litellm"],
)
def test_buckets_are_disjoint(
    client: Client,
    shape: Any,
    answer: Any,
    written: int | None,
    reasoning: int | None,
    provider: str,
) -> None:
    given = shape(answer)
    if shape is as_objects and "_hidden_params" in answer:
        given._hidden_params = answer["_hidden_params"]
    with client.interaction(tool="bot") as call:
        assert call.record(given) is given

    @client.track(tool="bot")
    def returned() -> Any:
        return given

    assert returned() is given
    for event in client.captured():
        data: Any = event.data
        assert (data.input_tokens, data.cache_read_tokens, data.output_tokens) == (60, 40, 30)
        assert (data.cache_write_tokens, data.reasoning_tokens) == (written, reasoning)
        assert (data.model, data.provider) == (answer["model"], provider)
        assert "secret" not in event.data.model_dump_json()


def test_cached_tokens_beyond_the_total_do_not_make_it_negative() -> None:
    usage = {"prompt_tokens": 3, "prompt_tokens_details": {"cached_tokens": 5}}
    assert buckets(usage, openai_responses=False)["input_tokens"] == 0


def test_the_same_answer_counts_once_and_others_add_up(client: Client) -> None:
    with client.interaction(tool="bot") as call:
        call.record(CHAT)
        call.record(CHAT)
        call.record({**CHAT, "id": "chatcmpl-9"})
    assert client.captured()[0].data.output_tokens == 60  # type: ignore[union-attr]


def chat_chunks() -> list[Any]:
    def chunk(delta: Any, usage: Any = None, choices: bool = True) -> Any:
        picked = [{"delta": delta}] if choices else []
        form = "chat.completion.chunk"
        made = {"id": "c1", "object": form, "model": "gpt-x", "choices": picked, "usage": usage}
        return as_objects(made)

    usage = {"prompt_tokens": 10, "completion_tokens": 2}
    empty = {"role": "assistant", "content": ""}
    return [
        chunk(empty),
        chunk({"content": "a"}),
        chunk({"content": "b"}),
        chunk({}, usage, choices=False),
    ]


ANTHROPIC_EVENTS = [
    {
        "type": "message_start",
        "message": {
            "id": "msg_1",
            "type": "message",
            "model": "claude-x",
            "usage": {"input_tokens": 10, "cache_read_input_tokens": 4, "output_tokens": 1},
        },
    },
    {"type": "content_block_start", "index": 0},
    {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "a"}},
    {"type": "message_delta", "usage": {"output_tokens": 2}},
    {"type": "message_stop"},
]
RESPONSES_EVENTS = [
    {"type": "response.created", "response": {"id": "resp_1"}},
    {"type": "response.output_text.delta", "delta": "a"},
    {
        "type": "response.completed",
        "response": {**RESPONSES, "usage": {"input_tokens": 10, "output_tokens": 2}},
    },
]


@pytest.mark.parametrize(
    ("chunks", "first", "model"),
    [
        (chat_chunks(), 1, "gpt-x"),
        ([as_objects(e) for e in ANTHROPIC_EVENTS], 2, "claude-x"),
        (ANTHROPIC_EVENTS, 2, "claude-x"),
        (RESPONSES_EVENTS, 1, "gpt-x"),
    ],
    ids=["chat", "anthropic", "anthropic-dicts", "responses"],
)
@pytest.mark.parametrize("way", ["stream", "chunks", "async", "next"])
async def test_streams_pass_and_are_read(
    chunks: list[Any], first: int, model: str, way: str
) -> None:
    ticks = iter(range(0, 10**12, 10**9))
    clock = Thing(time_ns=lambda: 1_772_000_000_000_000_000, perf_counter_ns=lambda: next(ticks))
    client = Client(mode="capture", source="/t", clock=clock)

    async def asynchronous() -> AsyncIterator[Any]:
        for chunk in chunks:
            yield chunk

    seen = []
    with client.interaction(tool="bot") as call:
        if way == "stream":
            seen = list(call.record(iter(chunks)))
        elif way == "async":
            seen = [chunk async for chunk in call.record(asynchronous())]
        elif way == "next":
            stream = call.record(iter(chunks))
            seen = [next(stream) for _ in chunks]
        else:
            seen = [call.record(chunk) for chunk in chunks]
    assert all(a is b for a, b in zip(seen, chunks, strict=True))
    data: Any = client.captured()[0].data
    assert (data.output_tokens, data.model, data.streamed) == (2, model, True)
    assert data.input_tokens == 10
    assert data.first_token == 1.0  # the second reading of the clock, whichever chunk it was


def test_the_first_token_is_the_first_content_not_the_first_chunk(client: Client) -> None:
    with client.interaction(tool="bot") as call:
        call.record(chat_chunks()[0])
        assert call._first is None
        call.record(chat_chunks()[1])
        assert call._first is not None


def test_a_returned_recorded_stream_ends_the_call_at_its_end(client: Client) -> None:
    @client.track(tool="bot")
    def answer() -> Any:
        return client.current().record(iter(chat_chunks()))

    stream = answer()
    assert client.captured() == []
    assert len(list(stream)) == 4
    del stream
    gc.collect()
    [event] = client.captured()
    assert (event.data.status, event.data.output_tokens) == ("ok", 2)  # type: ignore[union-attr]


@pytest.mark.parametrize("read", [0, 1])
def test_a_returned_recorded_stream_that_is_left_ends_as_cancelled(
    client: Client, read: int
) -> None:
    @client.track(tool="bot")
    def answer() -> Any:
        return client.current().record(iter(chat_chunks()))

    stream = answer()
    for _ in range(read):
        next(stream)
    del stream
    gc.collect()
    [event] = client.captured()
    assert event.data.status == "cancelled"  # type: ignore[union-attr]


def test_other_attributes_of_a_stream_stay(client: Client) -> None:
    class Stream:
        response = "raw"

        def __next__(self) -> int:
            raise StopIteration

        def __iter__(self) -> Iterator[int]:
            return self

    with client.interaction(tool="bot") as call:
        assert call.record(Stream()).response == "raw"


@pytest.mark.parametrize("thing", [None, 3, "text", Mock(), object(), [1], {"usage": "x"}])
def test_what_has_no_known_shape_passes_untouched(client: Client, thing: Any) -> None:
    with client.interaction(tool="bot") as call:
        assert call.record(thing) is thing
    assert client.captured()[0].data.input_tokens is None  # type: ignore[union-attr]


def test_looking_at_a_result_asks_nothing_of_it(client: Client) -> None:
    class Lazy:
        asked: ClassVar[list[str]] = []

        def __getattr__(self, name: str) -> Any:
            Lazy.asked.append(name)
            raise RuntimeError("touched")

    @client.track(tool="bot")
    def answer() -> Lazy:
        return Lazy()

    answer()
    assert Lazy.asked == []
    assert len(client.captured()) == 1


def test_an_answer_that_raises_when_read_does_not_hurt_the_host(client: Client) -> None:
    class Broken:
        @property
        def usage(self) -> Any:
            raise RuntimeError("no")

    broken = Broken()
    with client.interaction(tool="bot") as call:
        assert call.record(broken) is broken
    assert client.stats().emitted == 1
