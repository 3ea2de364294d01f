"""What a published table is: its name, what it means, and what it is made of."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Table:
    """A published table. `cell` names the live table that it shows; else it has its own query.

    `rows` is the row-level table that such a query reads; with neither, it is written as a whole,
    one that shows the `plan` only when that or the day is another one.
    """

    name: str
    meaning: str
    cell: str = ""
    columns: dict[str, str] = field(default_factory=dict)
    rows: str = ""
    plan: bool = False
