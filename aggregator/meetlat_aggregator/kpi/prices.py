"""Costs that no event brought: the company's price book, with genai-prices behind it.

Prices are applied when tables are published, not when events are counted, so a corrected price
corrects the past by publishing it again. Each model is looked up once; SQL multiplies.
"""

from __future__ import annotations

import calendar
import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields, replace
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from functools import cache, cached_property
from itertools import groupby, pairwise

import pyarrow as pa

from meetlat.plan.models import Price

MILLION = Decimal(1_000_000)
# Days are compared as dates; events lie between 2000 and 2199 (see the contract's times).
FIRST_DAY, NO_END = date(2000, 1, 1), date(9999, 12, 31)
_NINE_DECIMALS = Decimal("0.000000001")
_BUCKETS = ("input", "output", "cache_read", "cache_write")


@dataclass(frozen=True, slots=True)
class Rate:
    """What one model cost over some days: `since` included, `until` not.

    Money per token (at most 15 decimals), per call and per second, in `currency`; None: no such
    price. Without `input` a call costs the same whatever its tokens are. `source` is 'pricebook'
    (days are the company's), 'genai-prices' (days are UTC) or 'none'; `matched_model` is what the
    source calls it; `note` says why there is no price.
    """

    provider: str
    model: str
    since: date
    until: date
    currency: str = ""
    input: Decimal | None = None
    output: Decimal | None = None
    cache_read: Decimal | None = None
    cache_write: Decimal | None = None
    per_request: Decimal | None = None
    per_second: Decimal | None = None
    source: str = "none"
    version: str = ""
    matched_model: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class MonthlyCost:
    """What a model that is paid by the month costs on one day of the company's calendar."""

    day: date
    provider: str
    model: str
    currency: str
    cost: Decimal


@dataclass(frozen=True)
class PriceBook:
    """The rows of `[[prices]]`, and genai-prices behind them unless `library` is False."""

    plan_prices: tuple[Price, ...] = ()
    library: bool = True
    _known: dict[tuple[str, str], tuple[Rate, ...]] = field(
        default_factory=dict, compare=False, repr=False
    )

    @cached_property
    def digest(self) -> str:
        """Changes with everything that a cost may depend on here."""
        rows: list[object] = [price.model_dump(mode="json") for price in self.plan_prices]
        if self.library:
            from importlib.metadata import version

            rows.append(version("genai-prices"))
        return hashlib.sha256(json.dumps(rows).encode()).hexdigest()

    def rates(self, models: Iterable[tuple[str, str]]) -> list[Rate]:
        """The rates of (provider, model) as events name them, all days; each is looked up once."""
        found: list[Rate] = []
        for pair in models:
            if pair not in self._known:
                self._known[pair] = tuple(self._look_up(*pair))
            found += self._known[pair]
        return found

    def monthly_costs(self, last: date) -> Iterator[MonthlyCost]:
        """Prices per month, spread over the calendar days of each month, up to and with `last`.

        The days of a month add up to its price exactly. A row's days end where the next row of the
        same model and provider begins.
        """
        rows = sorted(self.plan_prices, key=lambda row: (row.provider, row.model, row.since))
        for (provider, model), dated in groupby(rows, key=lambda row: (row.provider, row.model)):
            for price, until in _windows(dated):
                if price.per_month is None:
                    continue
                day = price.since
                while day < until and day <= last:
                    cost = _of_day(price.per_month, day)
                    yield MonthlyCost(day, provider, model, price.currency, cost)
                    day += timedelta(days=1)

    def _look_up(self, provider: str, model: str) -> Iterator[Rate]:
        matching = [price for price in self.plan_prices if _matches(price, provider, model)]
        days = sorted({price.since for price in matching})
        for since, until in pairwise([*days, NO_END]):
            begun = [pair for pair in enumerate(matching) if pair[1].since <= since]
            _, price = max(begun, key=lambda pair: (*_specific(pair[1]), pair[1].since, pair[0]))
            yield _rate_of(price, provider, model, since, until)
        if days and days[0] <= FIRST_DAY:
            return
        if not self.library:
            note = "no row of the price book holds for it"
            yield Rate(provider, model, date.min, NO_END, note=note)
            return
        from meetlat_aggregator.kpi.library import library_rates

        yield from library_rates(provider, model)


def arrow_rates(rates: Iterable[Rate]) -> pa.Table:
    """Rates as the columns of the table `price_rates`."""
    rows = list(rates)
    return pa.table(
        {name: [getattr(row, name) for row in rows] for name in RATE_SCHEMA.names},
        schema=RATE_SCHEMA,
    )


def arrow_monthly_costs(costs: Iterable[MonthlyCost]) -> pa.Table:
    """Costs by the month as the columns of the table `model_costs_daily`."""
    rows = list(costs)
    return pa.table(
        {name: [getattr(row, name) for row in rows] for name in _MONTHLY_SCHEMA.names},
        schema=_MONTHLY_SCHEMA,
    )


_PER_TOKEN, _MONEY = pa.decimal128(19, 15), pa.decimal128(18, 9)
_KINDS = {
    "since": pa.date32(),
    "until": pa.date32(),
    **dict.fromkeys(_BUCKETS, _PER_TOKEN),
    "per_request": _MONEY,
    "per_second": _MONEY,
}
RATE_SCHEMA = pa.schema([(item.name, _KINDS.get(item.name, pa.string())) for item in fields(Rate)])
_MONTHLY_SCHEMA = pa.schema(
    [
        ("day", pa.date32()),
        ("provider", pa.string()),
        ("model", pa.string()),
        ("currency", pa.string()),
        ("cost", pa.decimal128(38, 9)),
    ]
)


@cache
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, text.split("*"))), re.IGNORECASE | re.DOTALL)


def _matches(price: Price, provider: str, model: str) -> bool:
    return bool(
        _pattern(price.model).fullmatch(model) and _pattern(price.provider).fullmatch(provider)
    )


def _specific(price: Price) -> tuple[bool, int, bool, int]:
    """A name before a pattern, a longer pattern before a shorter; the model before the provider."""
    return (
        "*" not in price.model,
        len(price.model.replace("*", "")),
        "*" not in price.provider,
        len(price.provider.replace("*", "")),
    )


def _windows(dated: Iterable[Price]) -> Iterator[tuple[Price, date]]:
    """Rows in the order of their `from`, each with the day on which the next takes over."""
    rows = list(dated)
    for row, following in pairwise([*rows, None]):
        assert row is not None
        yield row, following.since if following is not None else NO_END


def _problem(price: Price) -> str:
    """Why a row can price no call; '' when it can. `plan check` says the same."""
    where = f"the price of {price.model!r} from {price.since}"
    if price.lacking:
        which = " and ".join(price.lacking)
        return f"{where} lacks {which}: its calls stay unpriced; write 0 where tokens are free"
    if price.empty:
        return f"{where} says no price: its calls stay unpriced; write one, or remove the row"
    return ""


def _rate_of(price: Price, provider: str, model: str, since: date, until: date) -> Rate:
    rate = Rate(
        provider,
        model,
        since,
        until,
        price.currency,
        source="pricebook",
        version=str(price.since),
        matched_model=price.model if price.provider == "*" else f"{price.provider}/{price.model}",
        note=_problem(price),
    )
    if rate.note:
        return rate
    rate = replace(rate, per_request=price.per_request, per_second=price.per_second)
    if price.input is not None and price.output is not None:
        return replace(
            rate,
            input=price.input / MILLION,
            output=price.output / MILLION,
            cache_read=_either(price.cache_read, price.input) / MILLION,
            cache_write=_either(price.cache_write, price.input) / MILLION,
        )
    if price.per_request is None and price.per_second is None:
        return replace(rate, per_request=Decimal(0))  # by the month: one more call costs nothing
    return rate


def _either(price: Decimal | None, otherwise: Decimal) -> Decimal:
    return otherwise if price is None else price


def _of_day(per_month: Decimal, day: date) -> Decimal:
    """The day's part: what is due up to it less what was due up to the day before."""
    days = calendar.monthrange(day.year, day.month)[1]

    def due(passed: int) -> Decimal:
        return (per_month * passed / days).quantize(_NINE_DECIMALS, ROUND_HALF_EVEN)

    return due(day.day) - due(day.day - 1)
