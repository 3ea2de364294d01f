"""Money of other currencies in the company's: dated rates of the plan, made dense by day.

Dense, because a join on equal days is what DuckDB does fastest, and because no KPI's SQL then has
to know how dated rows hold.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

import duckdb
import pyarrow as pa

from meetlat.plan.models import Company, in_force
from meetlat_aggregator.sqlfiles import sql

_SCHEMA = pa.schema(
    [("day", pa.date32()), ("currency", pa.string()), ("rate", pa.decimal128(18, 9))]
)


def exchange_rows(company: Company, first: date, last: date) -> Iterator[tuple[date, str, Decimal]]:
    """Day, currency, and what one unit of it is worth in the company's, for every day from `first`
    to `last`. The company's own is worth 1; a currency has no row before its first rate.
    """
    by_currency = {
        currency: [rate for rate in company.rates if rate.currency == currency]
        for currency in sorted({rate.currency for rate in company.rates} - {company.currency})
    }
    day = first
    while day <= last:
        yield day, company.currency, Decimal(1)
        for currency, rates in by_currency.items():
            rate = in_force(rates, day)
            if rate is not None:
                yield day, currency, rate.rate
        day += timedelta(days=1)


def make_exchange(
    con: duckdb.DuckDBPyConnection, company: Company, first: date, last: date
) -> None:
    """Make the temporary table `exchange` (day, currency, rate) and the macro
    `in_company_money(amount, currency, day)` on this connection.

    The macro gives DECIMAL(38,9), rounded once, and NULL for a day without a rate; `day` is a day
    of the company's calendar. Raises duckdb.Error.
    """
    rows = list(exchange_rows(company, first, last))
    columns = [list(column) for column in zip(*rows, strict=True)] or [[], [], []]
    con.register("exchange_rows", pa.table(columns, schema=_SCHEMA))
    try:
        con.execute(sql("prices/exchange"))
    finally:
        con.unregister("exchange_rows")
    con.execute(sql("prices/in_company_money"))
