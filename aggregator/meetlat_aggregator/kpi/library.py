"""What genai-prices says of a model: rates per bucket and day, found by its own arithmetic.

The package is loaded when a price is first looked up here (it takes 30 MB). It comes with its
prices and is never told to fetch newer ones: nothing here reaches for the network.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from meetlat_aggregator.kpi.prices import NO_END, Rate

if TYPE_CHECKING:
    from genai_prices.types import ConditionalPrice, ModelInfo, ModelPrice

# How events name providers (OpenTelemetry's names, older ones too) and how the package does. What
# is not here has to be one of its own names: it would also take any name that holds "openai" for
# OpenAI, Azure's among them.
PROVIDERS = {
    "aws.bedrock": "aws",
    "bedrock": "aws",
    "aws_bedrock": "aws",
    "azure.ai.inference": "azure",
    "azure.ai.openai": "azure",
    "az.ai.inference": "azure",
    "az.ai.openai": "azure",
    "azure_openai": "azure",
    "gcp.gemini": "google",
    "gcp.gen_ai": "google",
    "gcp.vertex_ai": "google",
    "gemini": "google",
    "google_genai": "google",
    "vertex_ai": "google",
    "mistral_ai": "mistral",
    "mistralai": "mistral",
    "moonshot_ai": "moonshotai",
    "together_ai": "together",
    "together-ai": "together",
    "x_ai": "x-ai",
    "xai": "x-ai",
}
_PER_TOKEN, _PER_REQUEST = Decimal(1).scaleb(-15), Decimal(1).scaleb(-9)


def library_rates(provider: str, model: str) -> Iterator[Rate]:
    """The rates of a model, as events name it and its provider; one of source 'none' without.

    A price that depends on the size of the context is the one of small contexts, and a price that
    depends on the time of day the one outside those hours. A model that the package knows of
    another provider only has no price here. Days are UTC.
    """
    from importlib.metadata import version

    found, note = _find(provider, model)
    if found is None:
        yield Rate(provider, model, date.min, NO_END, note=note)
        return
    matched, name = found
    dated = [pair for price in _conditions(matched) if (pair := _from(price)) is not None]
    days = sorted({since for since, _ in dated} | {date.min})
    for since, until in pairwise([*days, NO_END]):
        # Of those that hold, the last one in the package's order.
        prices = [price for begins, price in dated if begins <= since]
        rates = _rates(prices[-1] if prices else _conditions(matched)[0].prices)
        if rates is None:
            note = "genai-prices has no price per token for it"
            yield Rate(provider, model, since, until, matched_model=name, note=note)
            continue
        yield Rate(
            provider,
            model,
            since,
            until,
            "USD",
            source="genai-prices",
            version=version("genai-prices"),
            matched_model=name,
            **rates,
        )


def _find(provider: str, model: str) -> tuple[tuple[ModelInfo, str] | None, str]:
    """The package's model and its name there, or why it has none."""
    from genai_prices.data_snapshot import get_snapshot

    if not provider or not model:
        what = "provider" if not provider else "model"
        return None, f"the events name no {what}: write a price in the plan"
    asked = provider.lower().strip()
    wanted = PROVIDERS.get(asked, asked)
    for known in get_snapshot().providers:
        if known.id == wanted:
            # Without the other providers: it would take their prices for those it lacks.
            info = known.find_model(model.lower())
            if info is None:
                return None, f"genai-prices knows no such model of {wanted}"
            return (info, f"{known.id}/{info.id}"), ""
    return None, "genai-prices knows no such provider"


def _conditions(model: ModelInfo) -> list[ConditionalPrice]:
    from genai_prices.types import ConditionalPrice, ModelPrice

    if isinstance(model.prices, ModelPrice):
        return [ConditionalPrice(prices=model.prices)]
    return model.prices


def _from(price: ConditionalPrice) -> tuple[date, ModelPrice] | None:
    """From when a price holds; None when it holds at some hours of the day only."""
    from genai_prices.types import StartDateConstraint

    if price.constraint is None:
        return date.min, price.prices
    if isinstance(price.constraint, StartDateConstraint):
        return price.constraint.start_date, price.prices
    return None


def _rates(price: ModelPrice) -> dict[str, Any] | None:
    """Rates per bucket: what one token more costs. None when it has no price per input token.

    The package counts cached tokens as input too; our buckets are disjoint.
    """
    from genai_prices import Usage

    if price.input_mtok is None:
        return None

    def cost(**tokens: int) -> Decimal:
        return price.calc_price(Usage(**tokens))["total_price"]

    call = cost()
    rates = {
        "input": cost(input_tokens=1) - call,
        "cache_read": cost(input_tokens=1, cache_read_tokens=1) - call,
        "cache_write": cost(input_tokens=1, cache_write_tokens=1) - call,
    }
    if price.output_mtok is not None:
        rates["output"] = cost(output_tokens=1) - call
    return {
        **{name: rate.quantize(_PER_TOKEN, ROUND_HALF_EVEN) for name, rate in rates.items()},
        "per_request": call.quantize(_PER_REQUEST, ROUND_HALF_EVEN) if call else None,
    }
