"""The price book: which row holds for a model on a day, and what a row comes to per token."""

from __future__ import annotations

import sys
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from meetlat.plan.models import Price
from meetlat_aggregator.kpi.prices import NO_END, PriceBook, Rate

NEW_YEAR, JULY = date(2026, 1, 1), date(2026, 7, 1)


def price(model: str = "m", since: date = NEW_YEAR, **more: Any) -> Price:
    """A row of the plan, in EUR."""
    return Price.model_validate({"model": model, "from": since, "currency": "EUR", **more})


def tokens(output: str, **more: Any) -> Price:
    """A row that is told by its price of output tokens."""
    return price(input="1", output=output, **more)


def book(*prices: Price) -> PriceBook:
    return PriceBook(prices, library=False)


def in_force(found: list[Rate], day: date) -> Rate:
    """The only rate of the price book on a day."""
    (rate,) = [
        rate for rate in found if rate.source == "pricebook" and rate.since <= day < rate.until
    ]
    return rate


def output_of(prices: PriceBook, model: str, provider: str = "openai", day: date = JULY) -> Decimal:
    """Per million output tokens."""
    rate = in_force(prices.rates([(provider, model)]), day).output
    assert rate is not None
    return rate * 1_000_000


def test_a_row_holds_from_its_day_until_the_next_and_none_before_it() -> None:
    first, second = tokens("1"), tokens("2", since=JULY)
    found = book(second, first).rates([("openai", "m")])
    assert [(rate.since, rate.until, rate.source) for rate in found] == [
        (NEW_YEAR, JULY, "pricebook"),
        (JULY, NO_END, "pricebook"),
        (date.min, NO_END, "none"),
    ]
    assert in_force(found, date(2026, 6, 30)).output == Decimal("0.000001")
    assert in_force(found, JULY).output == Decimal("0.000002")


@pytest.mark.parametrize("turned", [False, True])
def test_the_most_specific_row_wins_whatever_its_place_and_its_day(turned: bool) -> None:
    rows = [
        tokens("1", model="*", since=JULY),
        tokens("2", model="gpt-*", since=JULY),
        tokens("3", model="gpt-4*", since=JULY),
        tokens("4", model="gpt-4*", provider="azure*"),
        tokens("5", model="gpt-4*", provider="azure.ai.openai"),
        tokens("6", model="gpt-4o"),
    ]
    prices = book(*(reversed(rows) if turned else rows))
    assert output_of(prices, "claude") == 1
    assert output_of(prices, "gpt-5") == 2
    assert output_of(prices, "gpt-4.1") == 3
    assert output_of(prices, "gpt-4.1", "azure.ai.inference") == 4
    assert output_of(prices, "gpt-4.1", "azure.ai.openai") == 5
    assert output_of(prices, "gpt-4o", "azure.ai.openai") == 6, "the model before the provider"


def test_a_wider_row_holds_until_the_more_specific_one_begins() -> None:
    prices = book(tokens("1", model="gpt-*"), tokens("2", model="gpt-4o", since=JULY))
    assert output_of(prices, "gpt-4o", day=date(2026, 6, 30)) == 1
    assert output_of(prices, "gpt-4o", day=JULY) == 2


def test_a_star_stands_for_any_text_and_all_else_for_itself() -> None:
    prices = book(tokens("1", model="a.b*[c]"))
    assert output_of(prices, "a.bX[c]") == 1
    assert output_of(prices, "A.B[C]") == 1, "upper and lower case are one"
    assert [rate.source for rate in prices.rates([("openai", "aXb[c]")])] == ["none"]


def test_of_two_rows_alike_the_later_in_the_plan_holds() -> None:
    assert output_of(book(tokens("1"), tokens("2")), "m") == 2


def test_cached_tokens_cost_what_input_costs_unless_the_row_says_otherwise() -> None:
    rate = in_force(book(price(input="3", output="9")).rates([("", "m")]), JULY)
    assert (rate.cache_read, rate.cache_write) == (Decimal("0.000003"),) * 2
    said = price(input="3", output="9", cache_read="0.3", cache_write="0")
    rate = in_force(book(said).rates([("", "m")]), JULY)
    assert (rate.cache_read, rate.cache_write) == (Decimal("0.0000003"), 0)


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (price(input="1"), "lacks output: its calls stay unpriced; write 0 where tokens are free"),
        (price(cache_read="1", per_request="1"), "lacks input and output"),
        (price(), "says no price: its calls stay unpriced; write one, or remove the row"),
    ],
)
def test_a_row_that_prices_nothing_is_said_and_hides_the_rows_behind_it(
    row: Price, sentence: str
) -> None:
    prices = book(tokens("1", model="*"), row)
    rate = in_force(prices.rates([("openai", "m")]), JULY)
    assert rate.note.startswith("the price of 'm' from 2026-01-01")
    assert sentence in rate.note
    assert [rate.input, rate.output, rate.per_request, rate.per_second] == [None] * 4


@pytest.mark.parametrize(
    "row", [tokens("1"), price(per_request="1"), price(per_second="1"), price(per_month="1")]
)
def test_a_row_with_a_whole_price_has_nothing_to_say(row: Price) -> None:
    (rate, *_) = [r for r in book(row).rates([("openai", "m")]) if r.source == "pricebook"]
    assert rate.note == ""


def test_a_price_by_the_month_adds_up_to_itself_over_every_month() -> None:
    """February of a leap year, and a price that no day divides."""
    costs = list(book(price(per_month="1000")).monthly_costs(date(2028, 3, 1)))
    assert len(costs) == 365 + 365 + 31 + 29 + 1
    months = {
        (cost.day.year, cost.day.month): Decimal(0) for cost in costs if cost.day < date(2028, 3, 1)
    }
    for cost in costs[:-1]:
        months[cost.day.year, cost.day.month] += cost.cost
    assert set(months.values()) == {Decimal(1000)}
    assert costs[-1].cost == Decimal("32.258064516"), "1000 / 31"
    assert {abs(cost.cost - 1000 / Decimal(29)) < Decimal("1e-8") for cost in costs[-30:-1]} == {
        True
    }


def test_a_price_by_the_month_ends_where_the_next_row_begins() -> None:
    prices = book(
        price(per_month="31"),
        price(since=date(2026, 1, 3), per_month="62"),
        price(since=date(2026, 1, 5), per_request="0.1"),
        price("other", since=date(2026, 1, 4), per_month="310"),
    )
    assert [
        (cost.day.day, cost.model, cost.cost) for cost in prices.monthly_costs(date(2026, 1, 6))
    ] == [(1, "m", 1), (2, "m", 1), (3, "m", 2), (4, "m", 2)] + [
        (day, "other", 10) for day in (4, 5, 6)
    ]


def test_a_model_paid_by_the_month_costs_nothing_more_per_call() -> None:
    rate = in_force(book(price(per_month="900")).rates([("", "m")]), JULY)
    assert (rate.per_request, rate.input, rate.note) == (0, None, "")


def test_the_digest_changes_with_a_price_and_with_nothing_else() -> None:
    assert book(tokens("1")).digest == book(tokens("1")).digest
    others = [book(tokens("2")), book(tokens("1", since=JULY)), book(), PriceBook((tokens("1"),))]
    assert len({book(tokens("1")).digest, *(other.digest for other in others)}) == 5


def test_a_price_book_for_all_days_never_loads_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "genai_prices"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "genai_prices", None)  # an import of it fails
    prices = PriceBook((tokens("1", since=date(2000, 1, 1)),))
    assert prices.digest
    assert [rate.source for rate in prices.rates([("openai", "m")])] == ["pricebook"]
    with pytest.raises(ImportError):
        prices.rates([("openai", "another")])
