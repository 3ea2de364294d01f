"""Reads what AI providers answer: token counts and model, never a word of the text.

Shapes: OpenAI chat completions and responses, Anthropic messages, LiteLLM (which follows OpenAI),
as objects or as plain dicts, whole or as the chunks of a stream. Token buckets come out disjoint:
OpenAI's input includes cached tokens, Anthropic's does not.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from meetlat._context import Fields


class Reading(NamedTuple):
    """What one answer or chunk says. `key` names the answer that it belongs to, None the last."""

    fields: Fields
    key: object
    chunk: bool
    content: bool


_LAST_EVENTS = ("response.completed", "response.incomplete", "response.failed")


def get(thing: Any, name: str) -> Any:
    """A member of an object or a dict, or None."""
    if isinstance(thing, dict):
        return thing.get(name)
    return getattr(thing, name, None)


def looks_like_answer(thing: Any) -> bool:
    """True when `thing` itself holds a usage: asks no property and no `__getattr__` of it.

    A function may return anything, and looking must not have effects.
    """
    if isinstance(thing, dict):
        return "usage" in thing
    for place in ("__dict__", "__pydantic_extra__"):
        try:
            held = object.__getattribute__(thing, place)
        except AttributeError:
            continue
        if isinstance(held, dict) and "usage" in held:
            return True
    return False


def read(thing: Any) -> Reading | None:
    """Read an answer or a chunk; None when it has no known shape."""
    kind = get(thing, "type")
    if isinstance(kind, str):
        reading = _read_typed(thing, kind)
        if reading is not None:
            return reading
    form = get(thing, "object")
    chunk = form == "chat.completion.chunk"
    usage = get(thing, "usage")
    fields = buckets(usage, openai_responses=form == "response") if usage is not None else {}
    if not chunk and not fields:
        return None
    _add_model(fields, thing)
    return Reading(fields, get(thing, "id"), chunk, chunk and _has_content(thing))


def _read_typed(thing: Any, kind: str) -> Reading | None:
    """Anthropic's messages and events, and the events of OpenAI's responses."""
    if kind in ("message", "message_start"):
        message = get(thing, "message") if kind == "message_start" else thing
        fields = buckets(get(message, "usage"), openai_responses=False)
        _add_model(fields, message)
        fields.setdefault("provider", "anthropic")
        return Reading(fields, get(message, "id"), kind == "message_start", content=False)
    if kind == "message_delta":
        fields = buckets(get(thing, "usage"), openai_responses=False)
        return Reading(fields, None, chunk=True, content=False)
    if kind in _LAST_EVENTS:
        answer = get(thing, "response")
        fields = buckets(get(answer, "usage"), openai_responses=True)
        _add_model(fields, answer)
        return Reading(fields, get(answer, "id"), chunk=True, content=False)
    if kind.startswith(("response.", "content_block_", "message_")) or kind == "ping":
        return Reading({}, None, chunk=True, content=kind.endswith("delta"))
    return None


def buckets(usage: Any, *, openai_responses: bool) -> Fields:
    """The disjoint token buckets of a provider's usage object; empty when it is none."""
    if usage is None:
        return {}
    prompt = _count(usage, "prompt_tokens")
    completion = _count(usage, "completion_tokens")
    if prompt is not None or completion is not None:
        details = get(usage, "prompt_tokens_details")
        read_ = _first(_count(details, "cached_tokens"), _count(usage, "cache_read_input_tokens"))
        written = _first(
            _count(details, "cache_creation_tokens"), _count(usage, "cache_creation_input_tokens")
        )
        reasoning = _count(get(usage, "completion_tokens_details"), "reasoning_tokens")
        return _fields(_less(prompt, read_, written), read_, written, completion, reasoning)
    given = _count(usage, "input_tokens")
    output = _count(usage, "output_tokens")
    details = get(usage, "input_tokens_details")
    reasoning = _count(get(usage, "output_tokens_details"), "reasoning_tokens")
    if openai_responses or _count(details, "cached_tokens") is not None:
        cached = _count(details, "cached_tokens")
        return _fields(_less(given, cached, None), cached, None, output, reasoning)
    return _fields(
        given,
        _count(usage, "cache_read_input_tokens"),
        _count(usage, "cache_creation_input_tokens"),
        output,
        reasoning,
    )


def _fields(*counts: int | None) -> Fields:
    names = (
        "input_tokens",
        "cache_read_tokens",
        "cache_write_tokens",
        "output_tokens",
        "reasoning_tokens",
    )
    return {name: count for name, count in zip(names, counts, strict=True) if count is not None}


def _count(thing: Any, name: str) -> int | None:
    # Mocks and odd servers put anything here; only a plain number is a count.
    value = get(thing, name) if thing is not None else None
    return value if type(value) is int and value >= 0 else None


def _first(*counts: int | None) -> int | None:
    return next((count for count in counts if count is not None), None)


def _less(total: int | None, *parts: int | None) -> int | None:
    return None if total is None else max(0, total - sum(part or 0 for part in parts))


def _add_model(fields: Fields, answer: Any) -> None:
    model = get(answer, "model")
    if isinstance(model, str) and model:
        fields["model"] = model
    hidden = get(answer, "_hidden_params")  # where LiteLLM says whom it asked
    provider = get(hidden, "custom_llm_provider") if isinstance(hidden, dict) else None
    if isinstance(provider, str) and provider:
        fields["provider"] = provider


def _has_content(chunk: Any) -> bool:
    """True when a chat chunk carries words, a tool call or reasoning, not just a role."""
    choices = get(chunk, "choices")
    if not isinstance(choices, list | tuple):
        return False
    return any(
        get(get(choice, "delta"), name)
        for choice in choices
        for name in ("content", "tool_calls", "reasoning_content", "reasoning", "refusal")
    )
