"""Prices where analysts see them: costs that no event brought, in what is published.

And exchange rates, which bring them together in the company's money.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal, localcontext
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.aggregating import DAY, NOON, Bench, event, void
from support.stories import cuts, few, fewest, stories

from meetlat.plan.models import Price
from meetlat_aggregator.dictionary import TABLES
from meetlat_aggregator.kpi.prices import PriceBook
from meetlat_aggregator.publish import WORKING, Publisher
from meetlat_aggregator.rewriting import Rewriting

pytestmark = pytest.mark.timeout(400)  # laws take long on a busy machine

ZONE = "Europe/Amsterdam"
USAGE = {
    "provider": "own",
    "model": "m",
    "input_tokens": 1000,
    "cache_read_tokens": 500,
    "cache_write_tokens": 200,
    "output_tokens": 300,
}
COSTS = (
    "SELECT cost_source, currency, cost, priced_requests, unpriced_requests "
    "FROM interactions_hourly ORDER BY ALL"
)


def price(model: str = "m", since: str = "2026-01-01", **more: Any) -> Price:
    return Price.model_validate({"model": model, "from": since, "currency": "EUR", **more})


def book(*prices: Price, library: bool = False) -> PriceBook:
    return PriceBook(prices, library=library)


@contextmanager
def published(
    bench: Bench, prices: PriceBook | None, timezone: str = ZONE
) -> Iterator[duckdb.DuckDBPyConnection]:
    with bench.con.cursor() as cursor:
        publisher = Publisher(cursor, bench.directory, timezone, prices=prices)
        publisher.publish()
    with duckdb.connect(str(publisher.path), read_only=True) as con:
        yield con


def query(bench: Bench, prices: PriceBook | None, text: str = COSTS) -> list[tuple[Any, ...]]:
    with published(bench, prices) as con:
        return con.execute(text).fetchall()


def shown(bench: Bench, prices: PriceBook | None) -> dict[str, Counter[str]]:
    """All rows of all published tables; what tells publications apart is left out."""
    found = {}
    with published(bench, prices) as con:
        for table in TABLES:
            columns = "* EXCLUDE (publication)" if table.name == "meta" else "*"
            rows = con.execute(f"SELECT {columns} FROM {table.name}").fetchall()
            found[table.name] = Counter(map(repr, rows))
    return found


FULL = price(input="3", output="15", cache_read="0.3", cache_write="3.75")


def test_tokens_of_each_bucket_cost_their_own_price(bench: Bench) -> None:
    """By hand, two calls: 2000 × 3 + 1000 × 0.3 + 400 × 3.75 + 600 × 15 = 16,800 millionths."""
    bench.feed(event(**USAGE), event(**USAGE))
    assert query(bench, book(FULL)) == [("pricebook", "EUR", Decimal("0.016800000"), 2, 0)]


def test_without_prices_calls_stay_as_they_came(bench: Bench) -> None:
    bench.feed(event(**USAGE), event(cost="0.5", currency="USD", **USAGE))
    as_they_came = [
        ("", "", Decimal(0), 0, 1),
        ("event", "USD", Decimal("0.5"), 1, 0),
    ]
    assert query(bench, None) == as_they_came
    assert query(bench, book(price("other", input="1", output="1"))) == as_they_came


def test_a_cost_that_came_with_its_event_stays(bench: Bench) -> None:
    bench.feed(event(**USAGE), event(cost="0.5", currency="EUR", **USAGE))
    assert query(bench, book(FULL)) == [
        ("event", "EUR", Decimal("0.5"), 1, 0),
        ("pricebook", "EUR", Decimal("0.0084"), 1, 0),
    ]


def test_a_call_without_token_usage_has_no_cost_by_the_token(bench: Bench) -> None:
    bench.feed(event(provider="own", model="m"), event(**USAGE))
    assert query(bench, book(FULL)) == [("pricebook", "EUR", Decimal("0.0084"), 1, 0)]
    rows = "SELECT requests, usage_requests, priced_requests FROM interactions_hourly"
    assert query(bench, book(FULL), rows) == [(2, 1, 1)]


def test_the_price_book_comes_first_then_the_library_then_nothing(bench: Bench) -> None:
    usage = {"input_tokens": 1000, "output_tokens": 100}
    bench.feed(
        event(provider="openai", model="gpt-4o", **usage),
        event(provider="openai", model="gpt-4o-mini", **usage),
        event(provider="openai", model="gpt-of-our-own", **usage),
        event(provider="azure.ai.openai", model="gpt-4o", **usage),
    )
    prices = book(price("gpt-4o", provider="openai", input="1", output="2"), library=True)
    found = query(bench, prices)
    # gpt-4o-mini: 1000 × 0.15 + 100 × 0.60 millionths of a dollar.
    assert found == [
        ("", "", Decimal(0), 0, 1),
        ("", "", Decimal(0), 0, 1),
        ("genai-prices", "USD", Decimal("0.00021"), 1, 0),
        ("pricebook", "EUR", Decimal("0.0012"), 1, 0),
    ]
    rates = "SELECT provider, model, source, matched_model FROM price_rates ORDER BY ALL"
    assert query(bench, prices, rates) == [
        ("azure.ai.openai", "gpt-4o", "none", ""),
        ("openai", "gpt-4o", "genai-prices", "openai/gpt-4o"),
        ("openai", "gpt-4o", "pricebook", "openai/gpt-4o"),
        ("openai", "gpt-4o-mini", "genai-prices", "openai/gpt-4o-mini"),
        ("openai", "gpt-of-our-own", "none", ""),
    ]


def test_an_unfinished_row_of_the_price_book_is_not_filled_by_the_library(bench: Bench) -> None:
    bench.feed(event(provider="openai", model="gpt-4o", input_tokens=1000))
    prices = book(price("gpt-4o", input="1"), library=True)
    assert query(bench, prices) == [("", "", Decimal(0), 0, 1)]


def test_prices_change_at_midnight_in_amsterdam(bench: Bench) -> None:
    """The month begins at 22:00 UTC in summer, at 23:00 UTC in winter."""
    for hour in (21, 22):
        bench.feed(event(time=datetime(2026, 6, 30, hour, 30, tzinfo=UTC), **USAGE))
    for hour in (22, 23):
        bench.feed(event(time=datetime(2026, 11, 30, hour, 30, tzinfo=UTC), **USAGE))
    prices = book(
        price(input="0", output="1000"),
        price(since="2026-07-01", input="0", output="2000"),
        price(since="2026-12-01", input="0", output="3000"),
    )
    costs = "SELECT hour(hour), cost FROM interactions_hourly ORDER BY hour"
    assert query(bench, prices, costs) == [
        (21, Decimal("0.3")),
        (22, Decimal("0.6")),
        (22, Decimal("0.6")),
        (23, Decimal("0.9")),
    ]


def test_a_price_per_request_is_for_every_call_that_did_not_fail(bench: Bench) -> None:
    plain = {"provider": "own", "model": "m"}
    bench.feed(
        event(**plain),
        event(status="timeout", **plain),
        event(status="error", error_type="dns", **plain),
        event(status="error", error_type="late", **USAGE),
    )
    rows = "SELECT status, cost, priced_requests FROM interactions_hourly ORDER BY ALL"
    assert query(bench, book(price(per_request="0.25")), rows) == [
        ("error", Decimal(0), 0),
        ("error", Decimal("0.25"), 1),
        ("ok", Decimal("0.25"), 1),
        ("timeout", Decimal("0.25"), 1),
    ]


def test_a_price_per_second_needs_every_duration(bench: Bench) -> None:
    """2.5 s + 1.000001 s at 0.5 each: half of 3.500001 s, and not where a duration lacks."""
    for seconds in (2.5, 1.000001):
        bench.feed(event(provider="own", model="m", duration=seconds))
    bench.feed(event(duration=1, feature="torn", **USAGE), event(feature="torn", **USAGE))
    rows = "SELECT feature, cost, priced_requests, unpriced_requests FROM interactions_hourly"
    assert query(bench, book(price(per_second="0.5")), f"{rows} ORDER BY ALL") == [
        ("", Decimal("1.7500005"), 2, 0),
        ("torn", Decimal(0), 0, 2),
    ]


def test_token_call_and_second_prices_add_up(bench: Bench) -> None:
    bench.feed(event(duration=2, **USAGE))
    prices = book(price(input="1", output="1", per_request="1", per_second="10"))
    assert query(bench, prices) == [("pricebook", "EUR", Decimal("21.002"), 1, 0)]


def test_a_model_paid_by_the_month_is_a_cost_of_its_own_without_any_call(bench: Bench) -> None:
    """The day is the company's: at 23:30 UTC it is tomorrow in Amsterdam."""
    bench.feed(event(time=datetime(2026, 3, 4, 23, 30, tzinfo=UTC)))
    prices = book(price("llama-*", since="2026-03-03", provider="own", per_month="3100"))
    rows = "SELECT day, provider, model, currency, cost FROM model_costs_daily ORDER BY day"
    assert query(bench, prices, rows) == [
        (date(2026, 3, day), "own", "llama-*", "EUR", Decimal(100)) for day in (3, 4, 5)
    ]
    bench.feed(event(provider="own", model="llama-3"))
    assert query(bench, prices)[-1] == ("pricebook", "EUR", Decimal(0), 1, 0)


def test_a_corrected_price_changes_the_published_past_and_nothing_else(bench: Bench) -> None:
    bench.feed(
        event(id="old", time=NOON - 40 * DAY, late=DAY, history=True, **USAGE),
        event(id="own", cost="0.5", currency="EUR", **USAGE),
        event(id="other", provider="own", model="n", input_tokens=1000, output_tokens=0),
        event("task", case="c", started=NOON, finished=NOON),
    )
    other = price("n", input="2", output="2")
    before = shown(bench, book(FULL, other))
    corrected = price(input="6", output="30", cache_read="0.6", cache_write="7.5")
    after = shown(bench, book(corrected, other))
    changed = {name for name, rows in after.items() if rows != before[name]}
    assert changed == {"interactions_hourly", "price_rates"}
    gone = before["interactions_hourly"] - after["interactions_hourly"]
    come = after["interactions_hourly"] - before["interactions_hourly"]
    assert (gone.total(), come.total()) == (1, 1), "one row, of the model whose price changed"
    assert "Decimal('0.008400000')" in next(iter(gone))
    assert "Decimal('0.016800000')" in next(iter(come))
    assert shown(bench, book(FULL, other)) == before


def test_what_events_lacked_stays_in_data_health_when_a_price_is_found(bench: Bench) -> None:
    bench.feed(event(**USAGE))
    unpriced = "SELECT unpriced::BIGINT FROM data_health"
    assert query(bench, book(FULL), unpriced) == [(1,)]
    assert query(bench, book(FULL))[0][-1] == 0


def test_a_model_is_looked_up_once_and_an_unchanged_price_book_rewrites_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str]] = []
    real = PriceBook.rates

    def noted(self: PriceBook, models: list[tuple[str, str]]) -> Any:
        asked.extend(models)
        return real(self, models)

    monkeypatch.setattr(PriceBook, "rates", noted)
    for attempt in range(3):
        bench.feed(event(time=NOON + attempt * DAY, **USAGE))
        query(bench, book(FULL))
    assert asked == [("own", "m")]
    monkeypatch.setattr(Rewriting, "everything", None)  # would fail
    bench.feed(event(time=NOON + 3 * DAY, **{**USAGE, "model": "n"}))
    assert len(query(bench, book(FULL))) == 4
    assert asked == [("own", "m"), ("own", "n")]


def test_an_absurd_cost_is_unpriced_and_stops_nothing(bench: Bench) -> None:
    """More tokens in one row than exact decimals hold; the row beside it is priced."""
    bench.feed(event(feature="absurd", **USAGE), event(**USAGE))
    bench.con.execute(  # as if 10^11 calls had been: no test can send them
        "UPDATE interactions_hourly SET input_tokens = 99999999999999999999999 "
        "WHERE feature = 'absurd'"
    )
    assert query(bench, book(FULL)) == [
        ("", "", Decimal(0), 0, 1),
        ("pricebook", "EUR", Decimal("0.0084"), 1, 0),
    ]


@fewest
@given(st.data())
def test_publications_with_prices_one_after_another_show_what_one_made_anew_shows(
    data: st.DataObject,
) -> None:
    """But for the rates of models all of whose calls were withdrawn since."""
    story = data.draw(stories())
    prices = book(price("*", input="3", output="0.000000001", per_month="7"), library=False)
    directory = Path(tempfile.mkdtemp(prefix="meetlat-test-"))
    bench = Bench(directory, file_records=7)
    for first, last in pairwise(data.draw(cuts(len(story), 4))):
        bench.feed(*story[first:last])
        changed = shown(bench, prices)
    (bench.directory / WORKING).unlink()
    anew = shown(bench, prices)
    assert anew.pop("price_rates") <= changed.pop("price_rates")
    assert changed == anew
    bench.close()
    shutil.rmtree(directory)


def test_a_withdrawn_call_takes_its_computed_cost_along(bench: Bench) -> None:
    gone = event(id="gone", **USAGE)
    bench.feed(gone, event(id="stays", **USAGE))
    assert query(bench, book(FULL))[0][2:4] == (Decimal("0.0168"), 2)
    bench.feed(void(gone))
    assert query(bench, book(FULL))[0][2:4] == (Decimal("0.0084"), 1)


NINE = Decimal("0.000000001")
prices_drawn = st.decimals(0, 999_999_999, places=9)
counts = st.integers(0, 10**12)


@few
@given(
    st.fixed_dictionaries(
        dict.fromkeys(("input", "output", "cache_read", "cache_write", "per_request"), prices_drawn)
    ),
    st.lists(st.tuples(counts, counts, counts, counts), min_size=1, max_size=3),
)
def test_costs_are_exact_whatever_the_prices_and_tokens(
    drawn: dict[str, Decimal], calls: list[tuple[int, int, int, int]]
) -> None:
    """To the ninth decimal, rounded once a row, as Python's decimals say."""
    names = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
    directory = Path(tempfile.mkdtemp(prefix="meetlat-test-"))
    bench = Bench(directory)
    for call in calls:
        bench.feed(event(provider="own", model="m", **dict(zip(names, call, strict=True))))
    ((_, _, cost, priced, _),) = query(bench, book(price(**drawn)))
    bench.close()
    shutil.rmtree(directory)
    sums = [sum(column) for column in zip(*calls, strict=True)]
    buckets = ("input", "output", "cache_read", "cache_write")
    with localcontext(prec=60):
        exact = sum(
            (count * drawn[name] / 1_000_000 for count, name in zip(sums, buckets, strict=True)),
            len(calls) * drawn["per_request"],
        )
        assert (cost, priced) == (exact.quantize(NINE, ROUND_HALF_UP), len(calls))
