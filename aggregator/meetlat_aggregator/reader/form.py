"""Figures as people write them: with a unit, no more digits than help, and no bare percentages."""

from __future__ import annotations

from dataclasses import dataclass

from meetlat_aggregator.reader.published import Row
from meetlat_aggregator.reader.words import Language, word

# Below this many observations on either side a percentage says more than anybody knows.
PERCENTAGE_FROM = 20
_SIGNS = {"EUR": "€", "USD": "$", "GBP": "£"}
_DUTCH = str.maketrans(",.", ".,")
MISSING = "–"
# Of a KPI without a target these say whether it is better than its baseline.
_JUDGED = ("on target", "undecided", "off target")
# From this much on, a reader sees that value and baseline are not what was compared.
_APART = 0.05


@dataclass(frozen=True, slots=True)
class Form:
    """How figures are written in a language."""

    language: Language = "en"

    def number(self, value: float, digits: int = 0) -> str:
        """1,234.5, or 1.234,5 in Dutch; a real minus sign."""
        text = f"{abs(value):,.{digits}f}"
        if self.language == "nl":
            text = text.translate(_DUTCH)
        return f"−{text}" if value < 0 and text.strip("0.,") else text

    def percentage(self, share: float) -> str:
        """67 %, 99.5 %, 0.04 %, 280 %: never rounded to all or nothing when it is neither."""
        value = share * 100
        size = abs(value)
        digits = 0 if 10 <= size <= 90 or size >= 110 else 1
        while (
            digits < 4
            and 0 < size != 100
            and (round(size, digits) == 0 or (round(size, digits) == 100 and abs(size - 100) < 0.5))
        ):
            digits += 1
        if float(f"{size:.{digits}f}").is_integer():
            digits = 0
        return f"{self.number(value, digits)} %"

    def value(self, value: float, unit: str, currency: str | None = None) -> str:
        """A value in the unit of its KPI."""
        if unit == "share":
            return self.percentage(value)
        if unit == "%":
            return f"{self.number(value, 1 if abs(value) < 10 else 0)} %"
        if unit == "money":
            return f"{_SIGNS.get(currency or '', currency or '')} {self._money(value)}".strip()
        size = abs(value)
        if unit in ("tokens", "people", "count") and value == int(value):
            text = self.number(value)
        elif size < 10 or unit == "score":
            text = self.number(value, 2 if 0 < size < 1 else 1)
        else:
            text = self.number(value)
        shown = {"score": "", "count": ""}.get(unit, unit)
        if unit in ("s", "min", "h", "days", "tokens", "people"):
            shown = word(unit, self.language)
        return f"{text} {shown}".strip()

    def _money(self, value: float) -> str:
        size = abs(value)
        if size >= 100 or size == 0:
            return self.number(value)
        return self.number(value, 2 if size >= 1 else 4)

    def figure(self, row: Row) -> str:
        """The value of a row, as far as it may be told."""
        if row["status"] == "suppressed":
            return MISSING
        if row["value_date"] is not None:
            return f"{row['value_date']:%Y-%m-%d}"
        if bare_percentage(row):  # a published value is empty then, its count is not
            if not row["n"]:
                return MISSING
            if row["counted"] is None:
                return word("too few to say", self.language)
            hits = self.number(row["counted"])
            return f"{hits} {word('of', self.language)} {self.number(row['n'])}"
        if row["value"] is None:
            return MISSING
        return self.value(row["value"], row["unit"], row["currency"])

    def range(self, row: Row) -> str:
        """Between what the value lies."""
        low, high = row["low"], row["high"]
        if row["status"] == "suppressed" or low is None or high is None or bare_percentage(row):
            return MISSING
        return self._span(*(self.value(end, row["unit"], row["currency"]) for end in (low, high)))

    def baseline(self, row: Row) -> str:
        """The value before go-live."""
        if row["baseline"] is None or row["status"] == "suppressed":
            return MISSING
        few = row["baseline_n"] is not None and row["baseline_n"] < PERCENTAGE_FROM
        if row["unit"] == "share" and few:
            return f"n = {row['baseline_n']}"
        return self.value(row["baseline"], row["unit"], row["currency"])

    def target(self, row: Row) -> str:
        """What the value should reach, in the terms of the plan."""
        low, high = row["aim_low"], row["aim_high"]
        if row["kind"] == "trend":
            return word("falling" if row["better"] == "lower" else "rising", self.language)
        if row["kind"] == "relative":
            ends = [self.percentage(end) for end in (low, high) if end is not None]
            return f"{self._span(*ends)} {word('better', self.language)}" if ends else MISSING
        if row["part"]:  # a part that is something else than its KPI has no target
            low = high = None
        low = row["target_low"] if row["target_low"] is not None else low
        high = row["target_high"] if row["target_high"] is not None else high
        unit = row["unit"] or ""
        ends = [self.value(end, unit, row["currency"]) for end in (low, high) if end is not None]
        if len(ends) == 1:
            sign = word("at most" if row["better"] == "lower" else "at least", self.language)
            return f"{sign} {ends[0]}"
        if not ends and row["baseline"] is not None and row["status"] in _JUDGED:
            return word("better than before", self.language)
        return self._span(*ends) if ends else MISSING

    def _span(self, *ends: str) -> str:
        """`60 to 72 %`, `€ −120 to 2,600`: what both ends share is written once."""
        if len(set(ends)) == 1:
            return ends[0]
        words = [end.split(" ") for end in ends]
        if len({tuple(parts[1:]) for parts in words}) == 1:
            ends = (*(parts[0] for parts in words[:-1]), ends[-1])
        elif len({parts[0] for parts in words}) == 1:
            ends = (ends[0], *(" ".join(parts[1:]) for parts in words[1:]))
        return f" {word('to', self.language)} ".join(ends)

    def change(self, row: Row) -> str:
        """How much better or worse than the baseline, with its range; or that nobody can tell."""
        change, low, high = row["improvement"], row["improvement_low"], row["improvement_high"]
        if change is None or not comparable(row):
            return MISSING
        ends = ""
        if low is not None and high is not None:
            ends = self._span(self.percentage(low), self.percentage(high))
        clear = (low is not None and low > 0) or (high is not None and high < 0)
        if not clear and (low, high) != (None, None):  # one end alone: the other is infinite
            return word("no clear change", self.language) + (f" ({ends})" if ends else "")
        way = word("better" if change > 0 else "worse", self.language)
        text = f"{self.percentage(abs(change))} {way}"
        if not ends:
            return text
        if change < 0:
            assert low is not None and high is not None
            ends = self._span(self.percentage(-high), self.percentage(-low))
        return f"{text} ({ends})"


def compared(row: Row) -> float | None:
    """What was compared with the baseline, when it is clearly not the value that is shown.

    A comparison weighs segments by the current mix; a median of all is not the mean of their
    medians.
    """
    value, now = row["value"], row["compared_value"]
    if value is None or now is None or row["baseline"] is None or not comparable(row):
        return None
    return float(now) if abs(now - value) > _APART * abs(value) else None


def limit(row: Row) -> float | None:
    """What the value has to reach, in the KPI's unit. The other end of a target is an ambition.

    Of a row that nobody has measured it is known only when the target is absolute.
    """
    ends = (row["target_low"], row["target_high"])
    if ends == (None, None) and row["kind"] in (None, "absolute") and not row["part"]:
        ends = (row["aim_low"], row["aim_high"])
    if row["better"] == "lower":
        ends = ends[::-1]
    return next((float(end) for end in ends if end is not None), None)


def bare_percentage(row: Row) -> bool:
    """Whether a percentage of the row would rest on too few observations."""
    return bool(row["unit"] == "share" and (row["n"] or 0) < PERCENTAGE_FROM)


def comparable(row: Row) -> bool:
    """Whether the row may be put beside its baseline."""
    few = bare_percentage(row) or (
        row["unit"] == "share"
        and row["baseline_n"] is not None
        and row["baseline_n"] < PERCENTAGE_FROM
    )
    return row["status"] not in ("suppressed", "unknown", "too few", "no baseline") and not few
