"""Calls for which no price is known, told while they are counted.

The published tables price what events left open, and correct the past when prices are corrected. A
counter cannot: it goes by the prices that are in force when the call is counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from meetlat_aggregator.kpi.prices import PriceBook, Rate
from meetlat_aggregator.rows import distinct

Flags = npt.NDArray[np.bool_]
TOKENS = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class PriceList(Protocol):
    """Says which calls it has no price for."""

    def unpriced(self, calls: pa.Table) -> Flags:
        """Per call: no price is known. `calls` report tokens and no cost, and have the fields of
        `interaction` and `hour`, in hours since 1970 UTC.
        """


class NoPrices:
    """Knows no price at all."""

    def unpriced(self, calls: pa.Table) -> Flags:
        """See PriceList."""
        return np.ones(calls.num_rows, dtype=np.bool_)


@dataclass(frozen=True, slots=True)
class BookPrices:
    """The price book, and what stands behind it, as `sql/prices/priced_calls.sql` uses them: by the
    day of the call's hour, the company's for its own prices and UTC's for the library's.
    """

    book: PriceBook
    timezone: str

    def unpriced(self, calls: pa.Table) -> Flags:
        """See PriceList."""
        codes, first = distinct(calls, ("provider", "model", "hour"))
        names = calls.select(["provider", "model", "hour"]).take(pa.array(first)).to_pylist()
        rates = [
            self._rate(one["provider"] or "", one["model"] or "", one["hour"]) for one in names
        ]
        lacking = np.array([_missing(rate) for rate in rates])[codes]
        said = [
            np.ones(calls.num_rows, dtype=np.bool_),
            np.asarray(calls["duration"].is_null()),
            *(np.asarray(calls[field].fill_null(0)) > 0 for field in TOKENS),
        ]
        return np.asarray((lacking & np.stack(said, axis=1)).any(axis=1))

    def _rate(self, provider: str, model: str, hour: int) -> Rate | None:
        moment = _EPOCH + timedelta(hours=hour)
        days = {True: moment.astimezone(ZoneInfo(self.timezone)).date(), False: moment.date()}
        held = [
            rate
            for rate in self.book.rates([(provider, model)])
            if rate.since <= days[rate.source == "pricebook"] < rate.until
        ]
        held.sort(key=lambda rate: rate.source != "pricebook")
        return held[0] if held else None


def _missing(rate: Rate | None) -> tuple[bool, ...]:
    """What a rate cannot price: any call, one without a duration, and tokens of each of TOKENS."""
    if rate is None or (rate.input, rate.per_request, rate.per_second) == (None, None, None):
        return (True,) * (2 + len(TOKENS))
    by_token = (rate.input, rate.cache_read, rate.cache_write, rate.output)
    return (
        False,
        rate.per_second is not None,
        *(rate.input is not None and price is None for price in by_token),
    )
