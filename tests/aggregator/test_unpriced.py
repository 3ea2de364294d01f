"""`meetlat_unpriced_requests_total` counts calls for which no price is known, and only those."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
from support.aggregating import MINUTE, NOON, Bench, Sent, batch_of, counters, event
from support.ingesting import data_settings, opened
from support.planning import plan, use_case

from meetlat.plan.models import Price
from meetlat_aggregator.kpi.prices import PriceBook
from meetlat_aggregator.publish import Publisher
from meetlat_aggregator.rebuild import compare, rebuild_file
from meetlat_aggregator.unpriced import BookPrices

METRIC = "meetlat_unpriced_requests_total"
ZONE = "Europe/Amsterdam"


def price(model: str = "m", since: str = "2026-01-01", **more: Any) -> Price:
    return Price.model_validate({"model": model, "from": since, "currency": "EUR", **more})


def call(model: str = "m", **more: Any) -> Sent:
    return event(**{"provider": "own", "model": model, "input_tokens": 10, **more})


def priced(bench: Bench, *prices: Price, library: bool = False) -> PriceBook:
    book = PriceBook(prices, library=library)
    bench.live.prices = BookPrices(book, ZONE)
    return book


def unpriced(bench: Bench) -> dict[str, int]:
    """How many per model."""
    found = counters(bench.live.values, METRIC)
    return {model: int(value) for (_, model), value in found.items()}


def published(bench: Bench, book: PriceBook) -> dict[str, int]:
    """The same as the published tables have it, models without any left out."""
    with bench.con.cursor() as cursor:
        publisher = Publisher(cursor, bench.directory, ZONE, prices=book)
        publisher.publish()
    with duckdb.connect(str(publisher.path), read_only=True) as con:
        rows = con.execute(
            "SELECT model, sum(unpriced_requests)::INTEGER FROM interactions_hourly "
            "GROUP BY model HAVING sum(unpriced_requests) > 0"
        ).fetchall()
    return dict(rows)


def test_calls_that_the_price_book_or_the_library_prices_are_not_counted(bench: Bench) -> None:
    book = priced(bench, price(input="1", output="2"), library=True)
    bench.feed(
        call(),
        call("other"),
        call("other"),
        call("gpt-4o", provider="openai", output_tokens=3),
        call("gpt-4o", provider="nobody"),
        call(cost="0.1", currency="EUR"),
    )
    assert unpriced(bench) == {"m": 0, "other": 2, "gpt-4o": 1}
    assert published(bench, book) == {"other": 2, "gpt-4o": 1}


PRICED: list[tuple[dict[str, str], dict[str, Any], bool]] = [
    ({"input": "1", "output": "1"}, {}, True),
    ({"input": "1"}, {}, False),
    ({}, {}, False),
    ({"per_request": "1"}, {}, True),
    ({"per_request": "1"}, {"status": "error"}, True),
    ({"per_month": "100"}, {}, True),
    ({"per_second": "1"}, {}, False),
    ({"per_second": "1"}, {"duration": 2}, True),
]


def test_what_a_price_cannot_price_is_counted_as_the_tables_count_it(bench: Bench) -> None:
    models = {f"m{number}": one for number, one in enumerate(PRICED)}
    book = priced(bench, *(price(model, **prices) for model, (prices, _, _) in models.items()))
    bench.feed(*(call(model, **fields) for model, (_, fields, _) in models.items()))
    assert unpriced(bench) == {model: int(not known) for model, (_, _, known) in models.items()}
    assert published(bench, book) == {m: 1 for m, (_, _, known) in models.items() if not known}


def test_a_price_holds_from_its_day_in_the_companys_time_zone(bench: Bench) -> None:
    """The fifth of March begins at 23:00 UTC in Amsterdam."""
    book = priced(bench, price(since="2026-03-05", input="1", output="1"))
    before, after = (datetime(2026, 3, 4, hour, 30, tzinfo=UTC) for hour in (22, 23))
    bench.feed(call(time=before, feature="before"), call(time=after, feature="after"))
    assert unpriced(bench) == {"m": 1}
    assert published(bench, book) == {"m": 1}


def test_a_price_that_is_written_later_holds_for_what_is_counted_later(bench: Bench) -> None:
    priced(bench)
    bench.feed(call())
    priced(bench, price(input="1", output="1"))
    bench.feed(call(time=NOON + MINUTE))
    assert unpriced(bench) == {"m": 1}


async def test_the_aggregator_counts_by_the_plan_in_force(tmp_path: Path) -> None:
    known = plan(use_case(), prices=[price(input="1", output="1").model_dump(by_alias=True)])
    async with opened(data_settings(tmp_path)) as store:
        await store.apply(batch_of(call()), {}, "")
        await store.take_plan(known, "one")
        await store.apply(batch_of(call(), call("gpt-4o", provider="openai")), {}, "")
        found = counters(store.live_values(), METRIC)
    assert found == {("bot", "m"): 1, ("bot", "gpt-4o"): 0}


def test_a_rebuild_keeps_what_was_unpriced_when_it_was_counted(
    bench: Bench, tmp_path: Path
) -> None:
    priced(bench, price(input="1", output="1"))
    bench.feed(call(), call("other"))
    target = tmp_path / "rebuilt.duckdb"
    rebuild_file(target, bench.archive, "meetlat.events.v1", bench.dedup_window, bench.con)
    assert compare(bench.con, target) == []
    with duckdb.connect(str(target), read_only=True) as con:
        rows = con.execute(f"SELECT value FROM live_series WHERE metric = '{METRIC}'").fetchall()
    assert sorted(rows) == [(Decimal(0),), (Decimal(1),)]
