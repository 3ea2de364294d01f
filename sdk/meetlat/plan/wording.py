"""Puts what pydantic says of a field into words for a team lead: what is wrong, what to write."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from difflib import get_close_matches
from typing import Any

from pydantic_core import ErrorDetails

from meetlat.plan.described import (
    example,
    field_at,
    field_name,
    fields_of,
    header,
    is_list,
    model_at,
    row_of,
)
from meetlat.plan.kinds import EARLIEST, LATEST
from meetlat.plan.positions import Path
from meetlat.plan.problems import dotted, shown

_PAGE = "docs/plan.md lists the fields"


def kind(value: Any) -> str:
    """What a value of the file is, in words."""
    for types, word in (
        (bool, "true or false"),
        (str, "text"),
        (int | float | Decimal, "a number"),
        (datetime, "a date with a time"),
        (date, "a date"),
        (time, "a time of day"),
        (list | tuple, "a list"),
        (dict, "a table"),
    ):
        if isinstance(value, types):
            return word
    return "something else"


def value_shown(value: Any) -> str:
    """A value as a reason shows it."""
    if isinstance(value, str):
        return shown(value)
    if isinstance(value, list | tuple | dict):
        return kind(value)
    return shown(str(value).lower() if isinstance(value, bool) else str(value)).strip('"')


def path_of(error: ErrorDetails) -> Path:
    """Where in the file pydantic's error is."""
    return tuple(part for part in error["loc"] if part != "[key]")


def say(error: ErrorDetails) -> tuple[str, str]:
    """The reason and the remedy of one error of pydantic's."""
    path = path_of(error)
    name = _name(path)
    if error["type"] == "missing":
        return _missing(path, name)
    if error["type"] == "extra_forbidden":
        return _unknown(path, name)
    if "[key]" in error["loc"]:
        return f"`{dotted(path)}` is not the id of a use case", _ID
    reason = _REASONS.get(error["type"], _plainly)(error)
    return f"`{name}` {reason}", _remedy(path, error)


def known(kind_of_error: str) -> bool:
    """Whether a kind of error has words of its own."""
    return kind_of_error in _REASONS or kind_of_error in ("missing", "extra_forbidden")


def _name(path: Path) -> str:
    names = [index for index, part in enumerate(path) if isinstance(part, str)]
    return dotted(path[names[-1] :]) if names else "the file"


def _missing(path: Path, name: str) -> tuple[str, str]:
    info = field_at(path)
    reason = f"`{name}` is missing in {header(path[:-1])}"
    if info is None:
        return reason, _PAGE
    if row_of(info.annotation):
        return reason, f"add the table {header(path)}: {_lower(info.description)}"
    return reason, f"add, for example, `{example(name, info)}` ({_lower(info.description)})"


def _unknown(path: Path, name: str) -> tuple[str, str]:
    model = model_at(path[:-1])
    names = list(fields_of(model)) if model else []
    near = get_close_matches(name, names, 3)
    advice = f"did you mean {' or '.join(f'`{n}`' for n in near)}?" if near else "remove it;"
    return f"`{name}` is no field of {header(path[:-1])}", f"{advice} {_PAGE}"


_ID = "write lower-case letters, digits, `_`, `-` and `.`, with a letter or digit first"
_CODE = "write the three capital letters of ISO 4217, as EUR"


def _remedy(path: Path, error: ErrorDetails) -> str:
    info = field_at(path)
    if info is None:
        return _PAGE
    context = error.get("ctx", {})
    if error["type"] == "literal_error":
        return f"write one of {context['expected']}".replace("'", '"')
    if error["type"] == "string_pattern_mismatch":
        return _CODE if "A-Z" in context["pattern"] else _ID
    if row_of(info.annotation):
        many = is_list(info.annotation)
        how = "for each of them" if many else "and its fields below it"
        return f"begin it with {header(path)}, {how}; docs/plan.md has an example"
    return f"write, for example, `{example(field_name(path), info)}` ({_lower(info.description)})"


def _lower(text: str | None) -> str:
    text = text or ""
    return text[:1].lower() + text[1:] if text[1:2].islower() else text


def _not(what: str) -> Callable[[ErrorDetails], str]:
    def reason(error: ErrorDetails) -> str:
        given = error["input"]
        return f"is {value_shown(given)}, not {what}"

    return reason


def _bound(word: str, key: str) -> Callable[[ErrorDetails], str]:
    def reason(error: ErrorDetails) -> str:
        bound = error.get("ctx", {})[key]
        if not isinstance(bound, int | float | Decimal):  # a date
            return f"is {value_shown(error['input'])}, outside {EARLIEST.year} to {LATEST.year}"
        number = f"{bound:,.10g}" if isinstance(bound, float) else f"{bound:,}"
        return f"is {value_shown(error['input'])}, {word} {number}"

    return reason


def _own(error: ErrorDetails) -> str:
    """A rule of our own: its words begin with what the value is or has."""
    words = str(error.get("ctx", {})["error"])
    if words.startswith("is not "):
        return f"is {value_shown(error['input'])}, not {words.removeprefix('is not ')}"
    return words


def _plainly(error: ErrorDetails) -> str:
    return f"is {value_shown(error['input'])}, which does not fit"


_REASONS: dict[str, Callable[[ErrorDetails], str]] = {
    "string_type": _not("text"),
    "string_too_short": lambda _: "is empty",
    "string_too_long": lambda error: (
        f"has more than {error.get('ctx', {})['max_length']:,} characters"
    ),
    "string_unicode": lambda _: "is not readable text",
    "string_pattern_mismatch": lambda error: (
        f"is {value_shown(error['input'])}, which is not "
        + ("a currency" if "A-Z" in error.get("ctx", {})["pattern"] else "an id")
    ),
    "literal_error": lambda error: f"is {value_shown(error['input'])}, which is not known",
    "date_type": _not("a date"),
    "date_parsing": _not("a date"),
    "date_from_datetime_parsing": _not("a date"),
    "date_from_datetime_inexact": _not("a date"),
    "time_type": _not("a time of day"),
    "time_parsing": _not("a time of day"),
    "bool_type": _not("true or false"),
    "int_type": _not("a whole number"),
    "float_type": _not("a number"),
    "decimal_type": _not("a number"),
    "decimal_parsing": _not("a number"),
    "finite_number": _not("a finite number"),
    "decimal_max_digits": lambda _: "has more than 18 digits",
    "decimal_whole_digits": lambda _: "has more than 9 digits before the point",
    "decimal_max_places": lambda _: "has more than 9 digits behind the point",
    "greater_than": _bound("not above", "gt"),
    "greater_than_equal": _bound("below", "ge"),
    "less_than": _bound("not below", "lt"),
    "less_than_equal": _bound("above", "le"),
    "tuple_type": _not("a list"),
    "too_short": lambda _: "is an empty list",
    "dict_type": _not("a table"),
    "model_type": _not("a table"),
    "value_error": _own,
}
