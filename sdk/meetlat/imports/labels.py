"""Reads what a cell says of a case: its team, segment, step, outcome, value and currency.

A file says few different things many times, so each text is read once.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Literal

from meetlat._money import decimal_text
from meetlat.contract.fields import CONTROL
from meetlat.imports.mapping import LabelModel

Decimals = Literal[".", ","]
_AMOUNT = re.compile(r"-?(0|[1-9][0-9]{0,11})(\.[0-9]{1,9})?")
_CURRENCY = re.compile(r"[A-Z]{3}")
_MOST = 200


class Labels:
    """Reads the cells of one column. `unnamed` counts texts that the map has no name for."""

    def __init__(self, read: Callable[[str], str | None]) -> None:
        self.unnamed: Counter[str] = Counter()
        self._read = read
        self._known: dict[str, str | None] = {}

    def __call__(self, text: str) -> str | None:
        """What the text means; None when it says nothing. Raises ValueError when it is unfit."""
        if not text:
            return None
        try:
            found = self._known[text]
        except KeyError:
            found = self._known[text] = self._read(text)
        if found is None:
            self.unnamed[text] += 1
        return found


def label(rule: LabelModel, decimals: Decimals) -> Labels:
    """The labels of a column by its rule in the map."""
    if rule.below:
        ordered = sorted(rule.below.items(), key=lambda item: item[1])
        limits = [limit for _, limit in ordered]
        names = [*(name for name, _ in ordered), rule.otherwise]
        return Labels(lambda text: names[bisect_right(limits, number(text, decimals))])
    return Labels(named(rule.values, rule.otherwise))


def named(values: dict[str, str], otherwise: str | None) -> Callable[[str], str | None]:
    """A reading by a table; without a table a text is its own name."""
    if values:
        return lambda text: values.get(text, otherwise)
    return fit_text


def fit_text(text: str) -> str:
    """The text, when an event can hold it. Raises ValueError."""
    if len(text) > _MOST:
        raise ValueError(f"is {len(text)} characters long; the limit is {_MOST}")
    if CONTROL.search(text):
        raise ValueError("has control characters; remove them")
    return text


def number(text: str, decimals: Decimals) -> Decimal:
    """The number in a cell. Raises ValueError. With a decimal comma, points group thousands."""
    plain = text if decimals == "." else text.replace(".", "").replace(",", ".")
    try:
        found = Decimal(plain)
    except InvalidOperation:
        found = Decimal("nan")
    if not found.is_finite():
        raise ValueError(f"{text!r} is not a number with a decimal {decimals!r}")
    return found


def amount(text: str, decimals: Decimals) -> str:
    """An amount as an event says it. Raises ValueError."""
    found = decimal_text(number(text, decimals))
    if not _AMOUNT.fullmatch(found):
        raise ValueError(f"{text!r} has more than twelve digits before the decimals")
    return found


def currency(text: str) -> str:
    """An ISO 4217 code. Raises ValueError."""
    if not _CURRENCY.fullmatch(text):
        raise ValueError(f"{text!r} is not an ISO 4217 code, as EUR")
    return text
