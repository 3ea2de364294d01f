"""Other currencies in the company's money: by the rate of the day, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meetlat.plan.models import Company
from meetlat_aggregator.kpi.exchange import exchange_rows, make_exchange

FIRST, LAST = date(2026, 1, 1), date(2026, 1, 6)


def company(*rates: tuple[str, str, str]) -> Company:
    """A company in EUR, with (currency, from, rate)."""
    rows = [{"currency": name, "from": since, "rate": rate} for name, since, rate in rates]
    return Company.model_validate({"name": "C", "currency": "EUR", "rates": rows})


DOLLARS = company(("USD", "2026-01-05", "0.8"), ("USD", "2026-01-03", "0.9"))


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as made:
        yield made


def in_euros(con: duckdb.DuckDBPyConnection, amount: str, currency: str, day: date) -> Any:
    ((found,),) = con.execute(
        "SELECT in_company_money(cost, currency, day) "
        "FROM (VALUES (?::DECIMAL(38, 9), ?, ?::DATE)) AS t(cost, currency, day)",
        [amount, currency, day],
    ).fetchall()
    return found


@pytest.mark.parametrize(
    ("day", "euros"),
    [(2, None), (3, "9"), (4, "9"), (5, "8"), (6, "8")],
)
def test_a_rate_holds_from_its_day_until_the_next(
    con: duckdb.DuckDBPyConnection, day: int, euros: str | None
) -> None:
    make_exchange(con, DOLLARS, FIRST, LAST)
    expected = None if euros is None else Decimal(euros)
    assert in_euros(con, "10", "USD", date(2026, 1, day)) == expected


def test_the_companys_own_money_is_worth_itself_every_day(con: duckdb.DuckDBPyConnection) -> None:
    make_exchange(con, DOLLARS, FIRST, LAST)
    assert in_euros(con, "0.000000001", "EUR", FIRST) == Decimal("0.000000001")
    assert in_euros(con, "99999999999.999999999", "EUR", LAST) == Decimal("99999999999.999999999")


def test_a_currency_without_a_rate_is_worth_nothing_known(con: duckdb.DuckDBPyConnection) -> None:
    """NULL, which a sum leaves out: whoever adds up has to count them."""
    make_exchange(con, DOLLARS, FIRST, LAST)
    assert in_euros(con, "10", "GBP", LAST) is None
    assert in_euros(con, "10", "", LAST) is None
    assert in_euros(con, "10", "USD", date(2026, 1, 7)) is None, "beyond the days asked for"


def test_a_rate_for_the_companys_own_currency_changes_nothing() -> None:
    own = company(("EUR", "2026-01-01", "2"))
    assert list(exchange_rows(own, FIRST, FIRST)) == [(FIRST, "EUR", Decimal(1))]


def test_the_relation_is_dense_from_the_first_rate_on() -> None:
    rows = list(exchange_rows(DOLLARS, FIRST, LAST))
    assert [day.day for day, currency, _ in rows if currency == "EUR"] == [1, 2, 3, 4, 5, 6]
    assert [day.day for day, currency, _ in rows if currency == "USD"] == [3, 4, 5, 6]


def test_no_day_is_an_empty_relation(con: duckdb.DuckDBPyConnection) -> None:
    make_exchange(con, DOLLARS, LAST, FIRST)
    assert con.execute("SELECT count(*) FROM exchange").fetchall() == [(0,)]


def test_a_corrected_rate_replaces_the_relation(con: duckdb.DuckDBPyConnection) -> None:
    make_exchange(con, DOLLARS, FIRST, LAST)
    make_exchange(con, company(("USD", "2026-01-01", "0.5")), FIRST, LAST)
    assert in_euros(con, "10", "USD", FIRST) == 5


@settings(deadline=None, max_examples=50)
@given(
    st.decimals(-99_999_999, 99_999_999, places=9),
    st.decimals("0.000000001", 99_999_999, places=9),
)
def test_amounts_are_exact_and_rounded_once(amount: Decimal, rate: Decimal) -> None:
    with duckdb.connect() as con:
        make_exchange(con, company(("USD", "2026-01-01", str(rate))), FIRST, FIRST)
        found = in_euros(con, str(amount), "USD", FIRST)
    with localcontext(prec=60):
        assert found == (amount * rate).quantize(Decimal("0.000000001"), ROUND_HALF_UP)
