"""What is wrong with a plan: where, why, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from meetlat.plan.positions import Path

Severity = Literal["error", "warning"]
_BARE = re.compile(r"[A-Za-z0-9_-]{1,60}")


@dataclass(frozen=True)
class Problem:
    """One error or warning.

    `line` counts from 1. `where` is the path in the file, as `use_cases[0].kpis[2].decision`.
    `rule` is the name of the guard, or `file`, `toml` or `field`.
    """

    line: int
    where: str
    reason: str
    remedy: str
    severity: Severity = "error"
    rule: str = "field"

    def text(self, file: str = "meetlat.toml") -> str:
        """The problem as one line: `meetlat.toml:12: error: reason; remedy`."""
        return f"{file}:{self.line}: {self.severity}: {self.reason}; {self.remedy}"


def dotted(path: Path) -> str:
    """A path as people read it: `use_cases[0].go_live`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            name = part if _BARE.fullmatch(part) else shown(part)
            text += f".{name}" if text else name
    return text


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Errors first, then warnings; each by line."""
    return tuple(sorted(set(problems), key=lambda p: (p.severity, p.line, p.where, p.reason)))


def shown(text: str, most: int = 60) -> str:
    """A text of the file in quotes, cut when it is long, without what breaks a line."""
    printable = "".join(c if c.isprintable() else "?" for c in text[: most + 1])
    return f'"{printable[:most]}…"' if len(text) > most else f'"{printable}"'
