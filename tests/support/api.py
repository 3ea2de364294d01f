"""The public names and signatures of `import meetlat`, as text to compare with a committed file.

`python -m support.api --write` (with PYTHONPATH=tests) rewrites the file: a change of what users
call is then seen in review.
"""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from typing import Any

import meetlat
from meetlat import testing

SNAPSHOT = Path(__file__).parent.parent / "api" / "meetlat.txt"


def render() -> str:
    """One line per name; the public members of a class stand below it."""
    lines: list[str] = []
    for name in sorted(meetlat.__all__):
        lines += _lines(f"meetlat.{name}", getattr(meetlat, name))
    lines += _lines("meetlat.testing.Captured", testing.Captured)
    return "\n".join(lines) + "\n"


def _lines(path: str, what: Any) -> list[str]:
    if inspect.isclass(what):
        bases = ", ".join(base.__name__ for base in what.__bases__ if base is not object)
        lines = [f"class {path}({bases})" if bases else f"class {path}"]
        if "__init__" in vars(what) and not getattr(what, "_is_protocol", False):
            lines.append(f"    {_signature('__init__', what.__init__)}")
        for name, member in sorted(_members(what).items()):
            if name in getattr(what, "_fields", ()):
                lines.append(f"    {name}: {what.__annotations__[name]}")
            else:
                lines += [f"    {line}" for line in _lines(name, member)]
        return lines
    if isinstance(what, property):
        return [
            f"property {path} -> {inspect.signature(what.fget or (lambda: None)).return_annotation}"
        ]
    if isinstance(what, staticmethod | classmethod):
        return [f"{type(what).__name__} {_signature(path, what.__func__)}"]
    if inspect.isroutine(what):
        prefix = "async def" if inspect.iscoroutinefunction(what) else "def"
        return [f"{prefix} {_signature(path, what)}"]
    return [f"{path}: {type(what).__name__}"]


def _members(found: type) -> dict[str, Any]:
    """Public members, inherited ones from classes of Meetlat included."""
    members: dict[str, Any] = {}
    for base in reversed(found.__mro__):
        if base.__module__.startswith("meetlat"):
            members |= {name: member for name, member in vars(base).items() if name[0] != "_"}
    return members


def _signature(name: str, what: Any) -> str:
    """A line, or where it gets long a line per parameter, so that a change is easy to see."""
    signature = inspect.signature(what)
    if len(line := f"{name}{signature}") <= 100:
        return line
    shown: list[str] = []
    for each in signature.parameters.values():
        if each.kind is each.KEYWORD_ONLY and not any(line[0] == "*" for line in shown):
            shown.append("*")
        shown.append(str(each))
        if each.kind is each.POSITIONAL_ONLY:
            shown.append("/")
    parameters = "".join(f"\n        {each}," for each in shown)
    return f"{name}({parameters}\n    ) -> {signature.return_annotation!r}"


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        SNAPSHOT.write_text(render())
    else:
        sys.stdout.write(render())
