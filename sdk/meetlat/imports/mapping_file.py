"""Reads `MAP.toml`: a map, or every error in it with line, reason and remedy."""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from meetlat.errors import MeetlatError
from meetlat.imports.lines import line_of
from meetlat.imports.mapping import Map

SHOWN = 20


def load_map(name: str) -> Map:
    """The map in a file. Raises MeetlatError, which lists the errors with their lines."""
    try:
        text = Path(name).read_text("utf-8")
        said = tomllib.loads(text)
    except OSError as error:
        reason = error.strerror or str(error)
        raise MeetlatError(
            f"cannot read {name}: {reason}", remedy="docs/import.md shows how to write a map"
        ) from None
    except UnicodeDecodeError as error:
        raise MeetlatError(
            f"{name} is not UTF-8 (byte {error.start})", remedy="save it as UTF-8"
        ) from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise MeetlatError(
            f"{name} is not TOML: {error}", remedy="mend that place; text stands in quotes"
        ) from None
    try:
        return Map.model_validate(said)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False)
        told = [_told(text, one) for one in found[:SHOWN]]
        if len(found) > SHOWN:
            told.append(f"… and {len(found) - SHOWN} more")
        raise MeetlatError(f"{name}: " + "; ".join(told), remedy="mend the map") from None


def _told(text: str, error: ErrorDetails) -> str:
    path = [part for part in error["loc"] if part != "[key]"]
    key = ".".join(str(part) for part in path)
    reason = error["msg"].removeprefix("Value error, ")
    reason = reason[:1].lower() + reason[1:]
    # A rule over several keys has no place of its own; its message begins with one of them.
    line = line_of(text, path or reason.split()[0].strip("[]").split("."))
    where = f"line {line}: " if line else ""
    if error["type"] == "extra_forbidden":
        reason = "is no key of a map; docs/import.md shows them all"
    elif error["type"] == "missing":
        reason = "is missing; docs/import.md shows what it says"
    return f"{where}{key}: {reason}" if key else f"{where}{reason}"
