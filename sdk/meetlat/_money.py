"""Exact decimals: how costs and amounts become text in an event."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation

_NINE_DECIMALS = Decimal("0.000000001")


def decimal(value: object) -> Decimal:
    """An exact number from a Decimal, int, text, or float (as it prints). Raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, Decimal | int | float | str):
        raise ValueError(f"is {type(value).__name__}, not a number")
    try:
        number = Decimal(repr(value) if isinstance(value, float) else value)
    except InvalidOperation:
        raise ValueError("is not a decimal number") from None
    if not number.is_finite():
        raise ValueError("is not finite")
    return number


def decimal_text(value: object) -> str:
    """A decimal string with at most nine decimals, rounded half to even. Raises ValueError."""
    number = decimal(value)
    if not -30 < number.adjusted() < 30:
        if number.adjusted() >= 30:
            raise ValueError("is too large")
        return "0"
    exponent = number.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -9:
        number = number.quantize(_NINE_DECIMALS, ROUND_HALF_EVEN)
    text = format(number, "f")
    return "0" if text.strip("-0.") == "" else text
