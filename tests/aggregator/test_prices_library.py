"""genai-prices behind the price book: its own arithmetic, never another provider's price."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal

import pytest
from genai_prices import Usage, calc_price
from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import (
    ClauseEquals,
    ConditionalPrice,
    ModelInfo,
    ModelPrice,
    Provider,
    StartDateConstraint,
    Tier,
    TieredPrices,
    TimeOfDateConstraint,
)

from meetlat_aggregator.kpi import library
from meetlat_aggregator.kpi.library import PROVIDERS, library_rates
from meetlat_aggregator.kpi.prices import NO_END, Rate

DAY = date(2026, 3, 4)


def rate_of(provider: str, model: str, day: date = DAY) -> Rate:
    (found,) = [rate for rate in library_rates(provider, model) if rate.since <= day < rate.until]
    return found


def cost(rate: Rate, **tokens: int) -> Decimal:
    """Of disjoint buckets."""
    parts = (count * (getattr(rate, name) or Decimal(0)) for name, count in tokens.items())
    return sum(parts, rate.per_request or Decimal(0))


@pytest.mark.parametrize(
    ("provider", "named", "model"),
    [
        ("openai", "openai", "gpt-4o"),
        ("openai", "openai", "gpt-4.1-mini"),
        ("openai", "openai", "text-embedding-3-small"),
        ("anthropic", "anthropic", "claude-3-5-haiku-latest"),
        ("anthropic", "anthropic", "claude-sonnet-4-5"),
        ("aws.bedrock", "aws", "anthropic.claude-3-5-sonnet-20241022-v2:0"),
        ("gcp.gemini", "google", "gemini-2.5-flash"),
        ("gcp.vertex_ai", "google", "gemini-2.5-pro"),
        ("x_ai", "x-ai", "grok-4"),
        ("mistral_ai", "mistral", "mistral-large-latest"),
        ("azure.ai.openai", "azure", "o1"),
    ],
)
def test_costs_are_what_the_library_calculates_cached_tokens_included(
    provider: str, named: str, model: str
) -> None:
    noon = datetime.combine(DAY, time(12), UTC)
    for read, write in ((0, 0), (300, 0), (0, 200), (300, 200)):
        usage = Usage(
            input_tokens=1000 + read + write,
            cache_read_tokens=read,
            cache_write_tokens=write,
            output_tokens=500,
        )
        theirs = calc_price(usage, model, provider_id=named, genai_request_timestamp=noon)
        rate = rate_of(provider, model)
        ours = cost(rate, input=1000, cache_read=read, cache_write=write, output=500)
        assert ours == theirs.total_price > 0
        assert rate.matched_model == f"{named}/{theirs.model.id}"
        assert (rate.source, rate.currency) == ("genai-prices", "USD")
        assert rate.version


def test_every_model_of_the_library_costs_what_it_says_or_says_why_not() -> None:
    """At the first day of every price, but for those that depend on the hour."""
    checked = 0
    for provider in get_snapshot().providers:
        for model in provider.models:
            for rate in library_rates(provider.id, model.id):
                if rate.source == "none":
                    assert rate.note
                    continue
                if "TimeOfDate" in str(model.prices):
                    continue
                moment = datetime.combine(max(rate.since, date(2020, 1, 1)), time(), UTC)
                usage = Usage(input_tokens=9, cache_read_tokens=2, output_tokens=5)
                theirs = calc_price(
                    usage, model.id, provider_id=provider.id, genai_request_timestamp=moment
                ).total_price
                ours = cost(rate, input=7, cache_read=2, output=5)
                assert ours == pytest.approx(theirs, abs=Decimal("1e-13")), (provider.id, model.id)
                checked += 1
    assert checked > 1000


def test_azure_is_never_priced_as_openai() -> None:
    """The library itself would take OpenAI's price, by the name and once more by its own rule."""
    noon = datetime.combine(DAY, time(12), UTC)
    for name in ("azure.ai.openai", "azure"):
        calc_price(Usage(input_tokens=1), "gpt-4o", provider_id=name, genai_request_timestamp=noon)
    for name in ("azure.ai.openai", "azure.ai.inference", "az.ai.openai", "azure", "my-openai"):
        rate = rate_of(name, "gpt-4o")
        assert rate.source == "none", name
        assert rate.input is None


@pytest.mark.parametrize(
    ("provider", "model", "note"),
    [
        ("openai", "gpt-of-our-own", "genai-prices knows no such model of openai"),
        ("our-cluster", "llama", "genai-prices knows no such provider"),
        ("", "gpt-4o", "the events name no provider: write a price in the plan"),
        ("openai", "", "the events name no model: write a price in the plan"),
    ],
)
def test_what_is_unknown_has_no_price_and_says_why(provider: str, model: str, note: str) -> None:
    assert list(library_rates(provider, model)) == [
        Rate(provider, model, date.min, NO_END, note=note)
    ]


def test_every_provider_of_the_map_is_one_of_the_library() -> None:
    assert set(PROVIDERS.values()) <= {provider.id for provider in get_snapshot().providers}


def priced(*prices: ConditionalPrice) -> Provider:
    model = ModelInfo(id="m", match=ClauseEquals("m"), prices=list(prices))
    return Provider(id="p", name="P", api_pattern="p", models=[model])


def per_token(price: str) -> ModelPrice:
    return ModelPrice(input_mtok=Decimal(price), output_mtok=Decimal(price))


def test_dated_prices_become_windows_the_hours_of_a_day_do_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    night = TimeOfDateConstraint(time(0, tzinfo=UTC), time(12, tzinfo=UTC))
    provider = priced(
        ConditionalPrice(prices=per_token("1")),
        ConditionalPrice(StartDateConstraint(date(2026, 2, 1)), prices=per_token("2")),
        ConditionalPrice(StartDateConstraint(date(2026, 3, 1)), prices=per_token("3")),
        ConditionalPrice(night, prices=per_token("4")),
    )
    monkeypatch.setattr(get_snapshot(), "providers", [provider])
    found = [(rate.since, rate.until, rate.input) for rate in library_rates("p", "m")]
    millionth = Decimal("0.000001")
    assert found == [
        (date.min, date(2026, 2, 1), 1 * millionth),
        (date(2026, 2, 1), date(2026, 3, 1), 2 * millionth),
        (date(2026, 3, 1), NO_END, 3 * millionth),
    ]


def test_a_price_by_context_size_is_that_of_small_contexts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tiered = TieredPrices(Decimal(1), [Tier(200_000, Decimal(2))])
    price = ModelPrice(input_mtok=tiered, output_mtok=tiered)
    monkeypatch.setattr(get_snapshot(), "providers", [priced(ConditionalPrice(prices=price))])
    (rate,) = library_rates("p", "m")
    assert (rate.input, rate.output) == (Decimal("0.000001"), Decimal("0.000001"))


def test_a_model_is_not_sold_by_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the thousand requests alone, say."""
    price = ModelPrice(requests_kcount=Decimal(5))
    monkeypatch.setattr(get_snapshot(), "providers", [priced(ConditionalPrice(prices=price))])
    (rate,) = library_rates("p", "m")
    assert (rate.source, rate.note) == ("none", "genai-prices has no price per token for it")


def test_a_price_per_request_comes_on_top_of_the_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    price = ModelPrice(input_mtok=Decimal(1), output_mtok=Decimal(2), requests_kcount=Decimal(5))
    monkeypatch.setattr(get_snapshot(), "providers", [priced(ConditionalPrice(prices=price))])
    (rate,) = library_rates("p", "m")
    assert rate.per_request == Decimal("0.005")
    assert (rate.input, rate.output) == (Decimal("0.000001"), Decimal("0.000002"))


def test_nothing_is_fetched() -> None:
    """The snapshot is the one that came with the package."""
    list(library_rates("openai", "gpt-4o"))
    assert not get_snapshot().from_auto_update
    assert "UpdatePrices" not in vars(library)
