"""One measured figure, always beside something measured in the same run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """`value` in `unit`; `beside` is what was measured next to it, `ratio` is value / beside.

    `target` is what it should be, in words.
    """

    what: str
    value: float
    unit: str
    beside: str
    beside_value: float
    target: str = ""

    @property
    def ratio(self) -> float:
        """How many times the other one's value."""
        return self.value / self.beside_value
