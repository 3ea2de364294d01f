"""What a wrapped call becomes: one event with the right times, status and context, whatever way
it ends; and the wrapped function keeps behaving as it did."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import gc
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from meetlat import Client, MeetlatError


class Clock:
    """Time that only moves when told."""

    def __init__(self) -> None:
        self.now = 1_772_000_000_000_000_000

    def time_ns(self) -> int:
        return self.now

    def perf_counter_ns(self) -> int:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += int(seconds * 1e9)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def client(clock: Clock) -> Client:
    return Client(mode="capture", source="/t", clock=clock, pseudonym_key="k" * 20)


def only(client: Client) -> Any:
    events = client.captured()
    assert len(events) == 1
    return events[0].data


def test_a_call_has_the_clocks_start_and_duration(client: Client, clock: Clock) -> None:
    @client.track(tool="bot")
    def answer(text: str) -> str:
        clock.forward(2.5)
        return text.upper()

    assert answer("yes") == "YES"
    event = client.captured()[0]
    assert event.attributes.time.timestamp() == 1_772_000_000
    assert event.data.duration == 2.5
    assert (event.data.status, event.data.tool) == ("ok", "bot")


def test_track_without_arguments_names_the_function_unless_the_context_has_a_tool(
    client: Client,
) -> None:
    @client.track
    def answer() -> None:
        return

    answer()
    with client.context(tool="bot"):
        answer()
    named, inherited = (event.data.tool for event in client.captured())
    assert named.endswith("answer")
    assert inherited == "bot"


def test_signature_name_and_doc_stay(client: Client) -> None:
    def answer(text: str, *, loud: bool = False) -> str:
        """Says it."""
        return text + "!" * loud

    wrapped = client.track(tool="bot")(answer)
    assert (wrapped.__name__, wrapped.__doc__) == ("answer", "Says it.")
    assert wrapped("a", loud=True) == "a!"


def test_methods_static_methods_partials_and_callables_are_tracked(client: Client) -> None:
    class Bot:
        @client.track(tool="method")
        def ask(self) -> str:
            return "m"

        @client.track(tool="static")
        @staticmethod
        def fixed() -> str:
            return "s"

        @client.track(tool="class")
        @classmethod
        def made(cls) -> str:
            return cls.__name__

        async def __call__(self) -> str:
            return "c"

    assert (Bot().ask(), Bot.fixed(), Bot.made()) == ("m", "s", "Bot")
    assert client.track(tool="partial")(functools.partial(pow, 2))(3) == 8
    assert asyncio.run(client.track(tool="call")(Bot())()) == "c"
    tools = [event.data.tool for event in client.captured()]
    assert tools == ["method", "static", "class", "partial", "call"]


class ReadTimeout(Exception):  # noqa: N818 - as HTTP clients name theirs
    """Like httpx's: no TimeoutError, but a timeout."""


@pytest.mark.parametrize(
    ("error", "status", "error_type"),
    [
        (ValueError("secret text"), "error", "ValueError"),
        (TimeoutError(), "timeout", "TimeoutError"),
        (ReadTimeout(), "timeout", "ReadTimeout"),
        (asyncio.CancelledError(), "cancelled", None),
        (GeneratorExit(), "cancelled", None),
        (KeyboardInterrupt(), "cancelled", None),
    ],
)
def test_exceptions_pass_untouched_and_are_recorded(
    client: Client, error: BaseException, status: str, error_type: str | None
) -> None:
    @client.track(tool="bot")
    def answer() -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        answer()
    assert caught.value is error
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert (only(client).status, only(client).error_type) == (status, error_type)


async def test_a_cancelled_task_is_cancelled_in_the_event_too(client: Client) -> None:
    started = asyncio.Event()

    @client.track(tool="bot")
    async def answer() -> None:
        started.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(answer())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert only(client).status == "cancelled"


async def test_an_async_call_spans_its_awaits(client: Client, clock: Clock) -> None:
    @client.track(tool="bot")
    async def answer() -> int:
        await asyncio.sleep(0)
        clock.forward(1)
        client.current().usage(input_tokens=7)
        return 3

    assert await answer() == 3
    assert (only(client).duration, only(client).input_tokens) == (1.0, 7)


async def test_a_plain_function_that_returns_a_coroutine_ends_with_the_coroutine(
    client: Client, clock: Clock
) -> None:
    async def inner() -> int:
        clock.forward(4)
        client.current().usage(output_tokens=2)
        return 5

    @client.track(tool="bot")
    def answer() -> Any:
        return inner()

    assert await answer() == 5
    assert (only(client).duration, only(client).output_tokens) == (4.0, 2)


# --- generators


def stream_of(client: Client, clock: Clock) -> Any:
    @client.track(tool="bot")
    def words(number: int = 3) -> Iterator[str]:
        clock.forward(0.5)
        for index in range(number):
            yield f"w{index}"
            clock.forward(1)

    return words


def test_a_generator_times_first_token_and_end(client: Client, clock: Clock) -> None:
    assert list(stream_of(client, clock)()) == ["w0", "w1", "w2"]
    data = only(client)
    assert (data.first_token, data.duration, data.status) == (0.5, 3.5, "ok")
    assert data.streamed is True


def test_an_early_break_ends_the_call_as_cancelled(client: Client, clock: Clock) -> None:
    for _ in stream_of(client, clock)():
        break
    assert only(client).status == "cancelled"


def test_closing_ends_the_call_once(client: Client, clock: Clock) -> None:
    words = stream_of(client, clock)()
    next(words)
    words.close()
    words.close()
    assert only(client).status == "cancelled"


def test_a_collected_generator_ends_the_call(client: Client, clock: Clock) -> None:
    words = stream_of(client, clock)()
    next(words)
    del words
    gc.collect()
    assert only(client).status == "cancelled"


def test_a_generator_that_never_started_is_no_call(client: Client, clock: Clock) -> None:
    words = stream_of(client, clock)()
    words.close()
    del words
    gc.collect()
    assert client.captured() == []


def test_an_exception_in_a_generator_is_recorded_and_passes(client: Client) -> None:
    @client.track(tool="bot")
    def words() -> Iterator[str]:
        yield "a"
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        list(words())
    assert (only(client).status, only(client).error_type) == ("error", "ValueError")


def test_send_throw_and_return_reach_the_generator(client: Client) -> None:
    @client.track(tool="bot")
    def echo() -> Any:
        heard = []
        try:
            heard.append((yield 1))
            heard.append((yield 2))
        except KeyError:
            heard.append("thrown")
        yield 3
        return heard

    generator = echo()
    assert next(generator) == 1
    assert generator.send("a") == 2
    assert generator.throw(KeyError()) == 3
    with pytest.raises(StopIteration) as end:
        next(generator)
    assert end.value.value == ["a", "thrown"]
    assert only(client).status == "ok"


def test_a_throw_at_the_first_yield_reaches_the_generator(client: Client) -> None:
    @client.track(tool="bot")
    def patient() -> Iterator[int]:
        try:
            yield 1
        except KeyError:
            yield 2

    generator: Any = patient()
    assert next(generator) == 1
    assert generator.throw(KeyError()) == 2
    assert list(generator) == []
    assert only(client).status == "ok"


def test_an_empty_generator_has_no_first_token(client: Client) -> None:
    @client.track(tool="bot")
    def nothing() -> Iterator[int]:
        yield from ()

    assert list(nothing()) == []
    assert (only(client).first_token, only(client).status) == (None, "ok")


def test_context_is_captured_where_the_generator_is_made(client: Client, clock: Clock) -> None:
    with client.context(use_case="sales", session="s1"):
        words = stream_of(client, clock)()
    with client.context(use_case="other"):
        list(words)
    assert (only(client).use_case, only(client).session) == ("sales", "s1")


def test_between_chunks_the_call_is_not_the_consumers(client: Client, clock: Clock) -> None:
    words = stream_of(client, clock)()
    next(words)
    with client.interaction(tool="consumer"):
        pass
    assert client.captured()[0].data.tool == "consumer"
    client.current().usage(input_tokens=1)  # outside: ignored
    words.close()
    assert client.captured()[1].data.input_tokens is None


def test_a_stream_may_be_stepped_from_other_contexts(client: Client, clock: Clock) -> None:
    words = stream_of(client, clock)()
    assert contextvars.copy_context().run(next, words) == "w0"
    assert contextvars.copy_context().run(list, words) == ["w1", "w2"]
    assert only(client).status == "ok"


def test_a_block_inside_a_generator_may_end_in_another_context(client: Client) -> None:
    def words() -> Iterator[int]:
        with client.context(use_case="a"), client.interaction(tool="bot"):
            yield 1

    generator = words()
    contextvars.copy_context().run(next, generator)
    contextvars.copy_context().run(list, generator)
    assert only(client).status == "ok"


def test_a_function_that_returns_a_generator_ends_with_it(client: Client, clock: Clock) -> None:
    inner = stream_of(Client(mode="off"), clock)

    @client.track(tool="bot")
    def answer() -> Iterator[str]:
        clock.forward(1)
        return inner()  # type: ignore[no-any-return]

    stream = answer()
    assert client.captured() == []
    assert list(stream) == ["w0", "w1", "w2"]
    assert (only(client).first_token, only(client).duration) == (1.5, 4.5)


def test_a_returned_generator_that_nobody_reads_is_a_cancelled_call(client: Client) -> None:
    @client.track(tool="bot")
    def answer() -> Iterator[int]:
        return (number for number in range(3))

    answer()
    gc.collect()
    assert only(client).status == "cancelled"


# --- async generators


async def async_words(clock: Clock) -> AsyncIterator[str]:
    clock.forward(0.5)
    for index in range(3):
        yield f"w{index}"
        await asyncio.sleep(0)
        clock.forward(1)


async def test_an_async_generator_times_first_token_and_end(client: Client, clock: Clock) -> None:
    words = client.track(tool="bot")(async_words)
    assert [word async for word in words(clock)] == ["w0", "w1", "w2"]
    assert (only(client).first_token, only(client).duration) == (0.5, 3.5)


async def test_aclose_ends_the_call_and_the_generator(client: Client, clock: Clock) -> None:
    closed = []

    @client.track(tool="bot")
    async def words() -> Any:
        try:
            yield 1
            yield 2
        finally:
            closed.append(True)

    stream = words()
    await anext(stream)
    await stream.aclose()
    assert closed == [True]
    assert only(client).status == "cancelled"


async def test_asend_and_athrow_reach_the_async_generator(client: Client) -> None:
    @client.track(tool="bot")
    async def echo() -> Any:
        try:
            heard = yield 1
            yield heard
        except KeyError:
            yield "thrown"

    stream = echo()
    assert await anext(stream) == 1
    assert await stream.asend("a") == "a"
    assert await stream.athrow(KeyError()) == "thrown"
    assert [x async for x in stream] == []
    assert only(client).status == "ok"


def test_an_async_generator_collected_without_its_loop_ends_the_call(
    client: Client, clock: Clock
) -> None:
    kept = []

    async def start() -> None:
        stream = client.track(tool="bot")(async_words)(clock)
        await anext(stream)  # type: ignore[call-overload]
        kept.append(stream)

    loop = asyncio.new_event_loop()
    loop.run_until_complete(start())
    loop.close()
    kept.clear()
    gc.collect()
    assert only(client).status == "cancelled"


async def test_a_cancelled_async_generator_is_cancelled(client: Client) -> None:
    entered = asyncio.Event()

    @client.track(tool="bot")
    async def words() -> AsyncIterator[int]:
        yield 1
        entered.set()
        await asyncio.Event().wait()

    async def consume() -> None:
        async for _ in words():
            pass

    task = asyncio.create_task(consume())
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert only(client).status == "cancelled"


# --- blocks and context


async def test_async_with_works_for_calls_and_context(client: Client) -> None:
    async with client.context(use_case="a"), client.interaction(tool="bot") as call:
        call.usage(output_tokens=1)
    assert (only(client).use_case, only(client).output_tokens) == ("a", 1)


def test_the_id_is_the_same_before_and_after_the_end(client: Client) -> None:
    with client.interaction(tool="bot") as call:
        early = call.id
    with client.interaction(tool="bot") as other:
        pass
    ids = [event.attributes.id for event in client.captured()]
    assert ids == [early, other.id]
    assert call.id == early
    assert early[14] == "7"
    assert len(set(ids)) == 2


def test_contexts_nest_and_calls_pass_on_what_they_have(client: Client) -> None:
    with (
        client.context(use_case="a", team="t", attributes={"x": "1"}),
        client.context(team="u", attributes={"y": "2"}),
        client.interaction(tool="bot", feature="f", attributes={"z": "3"}) as call,
    ):
        call.set(segment="s")
        client.escalate(reason="policy")
    escalation, interaction = (event.data for event in client.captured())
    assert (interaction.use_case, interaction.team) == ("a", "u")
    assert interaction.attributes == {"x": "1", "y": "2", "z": "3"}
    assert (escalation.tool, escalation.feature, escalation.segment) == ("bot", "f", "s")
    client.escalate(tool="outside")
    assert client.captured()[2].data.use_case is None


def test_tasks_and_threads_do_not_mix_contexts(client: Client) -> None:
    async def one(name: str) -> None:
        with client.context(session=name):
            await asyncio.sleep(0)
            with client.interaction(tool=name):
                await asyncio.sleep(0)

    async def both() -> None:
        await asyncio.gather(one("a"), one("b"))

    asyncio.run(both())
    thread = threading.Thread(target=lambda: client.escalate(tool="thread"))
    with client.context(session="main"):
        thread.start()
        thread.join()
    pairs = {(event.data.tool, event.data.session) for event in client.captured()}
    assert pairs == {("a", "a"), ("b", "b"), ("thread", None)}


def test_a_status_that_the_program_sets_stays(client: Client) -> None:
    with client.interaction(tool="bot") as call:
        call.error("NoAnswer")
    assert (only(client).status, only(client).error_type) == ("error", "NoAnswer")


def test_costs_add_up_exactly(client: Client) -> None:
    with client.interaction(tool="bot") as call:
        call.usage(input_tokens=1, cost=0.1, currency="EUR")
        call.usage(input_tokens=2, cost="0.2", currency="EUR")
    assert (only(client).input_tokens, only(client).cost) == (3, "0.3")


def test_costs_of_two_currencies_are_an_error_of_the_program(client: Client) -> None:
    with client.interaction(tool="bot") as call:
        call.usage(cost=1, currency="EUR")
        call.usage(cost=1, currency="USD")
    with pytest.raises(MeetlatError, match="two currencies"):
        client.captured()


def test_an_unknown_field_is_an_error_of_the_program_that_never_raises_there(
    client: Client,
) -> None:
    with client.interaction(tool="bot") as call:
        call.set(modle="x")  # type: ignore[call-arg]
    with pytest.raises(MeetlatError, match="modle"):
        client.captured()


def test_interaction_takes_a_time_an_id_and_a_duration(client: Client) -> None:
    with client.interaction(
        tool="bot", time="2026-03-02T09:30:00Z", id="call-1", history=True
    ) as call:
        call.set(duration=2.0, first_token=0.5)
    event = client.captured()[0]
    assert (event.attributes.id, event.attributes.meetlathistory) == ("call-1", True)
    assert event.attributes.time.isoformat() == "2026-03-02T09:30:00+00:00"
    assert (event.data.duration, event.data.first_token) == (2.0, 0.5)


def test_the_traceparent_of_the_current_span_is_taken(client: Client) -> None:
    from opentelemetry.sdk.trace import TracerProvider

    tracer = TracerProvider().get_tracer("t")
    with tracer.start_as_current_span("s") as span:
        with client.interaction(tool="bot"):
            pass
        client.escalate(tool="bot")
        client.feedback("survey", 4)
    client.escalate(tool="bot")
    context = span.get_span_context()
    expected = f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
    found = [event.attributes.traceparent for event in client.captured()]
    assert found == [expected, expected, None, None]


def test_off_measures_nothing_and_changes_nothing() -> None:
    client = Client(mode="off")

    @client.track(tool="bot")
    def words() -> Iterator[int]:
        yield 1

    with client.interaction(tool="bot") as call:
        call.usage(input_tokens=1)
        answer = {"usage": {"prompt_tokens": 1}}
        assert call.record(answer) is answer
        assert len(call.id) == 36
    client.escalate(tool="bot")
    assert list(words()) == [1]
    assert client.stats().emitted == 0
