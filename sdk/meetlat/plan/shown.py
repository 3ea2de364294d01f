"""The plan as it is read, in words: phases, targets, baselines, and the rows in force on a day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from meetlat.kpis.catalogue import Kpi, Target
from meetlat.plan.guards_kpis import has_baseline
from meetlat.plan.models import (
    Choice,
    Investment,
    OwnKpi,
    Plan,
    Price,
    Team,
    UseCase,
    in_force,
)

Table = tuple[str, tuple[str, ...], list[tuple[str, ...]]]
NOTHING = "–"
FIGURES = {
    "input": "in",
    "output": "out",
    "cache_read": "cache read",
    "cache_write": "cache write",
    "per_request": "a request",
    "per_second": "a second",
    "per_month": "a month",
}


def tables(plan: Plan, catalogue: Mapping[str, Kpi], day: date) -> Iterator[Table]:
    """Title, head and rows of each table of the plan; those without rows are left out."""
    own = {kpi.id: kpi for kpi in plan.kpis}
    made: list[Table] = [
        (
            "Use cases",
            ("use case", "name", "pack", "phase", "go-live", "review", "baseline", "teams"),
            [_use_case(one, day) for one in plan.use_cases],
        )
    ]
    made += [
        (
            f"KPIs of {one.id}",
            ("KPI", "level", "target", "baseline", "phases", "when it misses"),
            [
                _choice(choice, one, catalogue.get(choice.id) or own.get(choice.id))
                for choice in one.kpis
            ],
        )
        for one in plan.use_cases
    ]
    made += [
        (
            "KPIs of your own",
            ("KPI", "title", "unit", "from"),
            [(k.id, k.title, k.unit, k.measurement or "SQL") for k in plan.kpis],
        ),
        (
            f"Teams on {day}",
            ("team", "hourly cost", "people", "entitled"),
            [_team(team, plan.company.currency, day) for team in plan.teams],
        ),
        (
            "Investments",
            ("investment", "kind", "for", "how much", "from", "until"),
            [_investment(one) for one in plan.investments],
        ),
        (
            f"Exchange rates on {day}",
            ("currency", f"in {plan.company.currency}", "from"),
            _rates(plan, day),
        ),
        (
            f"Prices on {day}",
            ("model", "provider", "per million tokens, or as said", "from"),
            [_price(one) for one in prices_on(plan.prices, day)],
        ),
        (
            "Reports",
            ("rhythm", "for", "language", "to"),
            [(r.rhythm, r.audience, r.language, ", ".join(r.to)) for r in plan.reports],
        ),
        ("Privacy", ("", ""), _privacy(plan)),
    ]
    return (table for table in made if table[2])


def prices_on(prices: Iterable[Price], day: date) -> list[Price]:
    """The prices in force on a day, one per provider and model."""
    found: dict[tuple[str, str], Price] = {}
    for price in sorted(prices, key=lambda price: price.since):
        if price.since <= day:
            found[price.provider, price.model] = price
    return list(found.values())


def baseline_of(kpi: Kpi | OwnKpi | None, use_case: UseCase) -> str:
    """What a KPI of a use case is compared with, in a few words."""
    by_hand = [row for row in use_case.baselines if kpi is not None and row.kpi == kpi.id]
    if by_hand:
        return f"by hand, n = {sum(row.n for row in by_hand)}"
    if kpi is None:
        return NOTHING
    if has_baseline(kpi, use_case):
        return "window"
    return "missing" if isinstance(kpi, Kpi) and kpi.baseline else NOTHING


def target_of(choice: Choice, kpi: Kpi | OwnKpi | None) -> str:
    """A KPI's target in a few words; the catalogue's is marked so."""
    if choice.target is not None:
        return _target(choice.target, kpi)
    if isinstance(kpi, Kpi) and kpi.target is not None:
        return f"{_target(kpi.target, kpi)} (catalogue)"
    return NOTHING


def _target(target: Target, kpi: Kpi | OwnKpi | None) -> str:
    figures = [figure for figure in (target.low, target.high) if figure is not None]
    if target.kind == "trend" or not figures:
        return {"higher": "rising", "lower": "falling", "earlier": "earlier"}.get(
            kpi.better if kpi else "", "the right way"
        )
    unit = kpi.unit if kpi else ""
    if target.kind == "relative" or unit == "share":
        text = "–".join(f"{figure * 100:.10g}" for figure in figures) + " %"
        return f"{text} better" if target.kind == "relative" else text
    text = "–".join(f"{figure:.10g}" for figure in figures)
    return f"{text} {unit}" if unit not in ("", "count", "score") else text


def _use_case(use_case: UseCase, day: date) -> tuple[str, ...]:
    window = use_case.baseline
    if window is not None:
        days = (window.until - window.since + timedelta(days=1)).days
        baseline = f"{window.since} to {window.until} ({days} days)"
    else:
        baseline = "by hand" if use_case.baselines else NOTHING
    return (
        use_case.id,
        use_case.name,
        use_case.pack,
        use_case.phase(day) or NOTHING,
        _day(use_case.go_live),
        _day(use_case.review),
        baseline,
        ", ".join(use_case.teams) or NOTHING,
    )


def _choice(choice: Choice, use_case: UseCase, kpi: Kpi | OwnKpi | None) -> tuple[str, ...]:
    return (
        choice.id,
        str(kpi.level) if kpi else "?",
        target_of(choice, kpi),
        baseline_of(kpi, use_case),
        ", ".join(choice.phases) or "all",
        choice.decision or NOTHING,
    )


def _team(team: Team, currency: str, day: date) -> tuple[str, ...]:
    cost, people = in_force(team.cost, day), in_force(team.people, day)
    entitled = people.entitled if people else None
    return (
        team.name,
        f"{_plain(cost.hourly)} {currency}" if cost else NOTHING,
        str(people.count) if people else NOTHING,
        NOTHING if entitled is None else str(entitled),
    )


def _investment(one: Investment) -> tuple[str, ...]:
    if one.hours is not None:
        much = f"{_plain(one.hours)} h of {one.team}"
    else:
        much = f"{_plain(one.amount or Decimal(0))} {one.currency}"
    if one.every != "once":
        much += f" a {one.every}"
    for_whom = one.use_case or NOTHING
    if one.key == "fixed":
        for_whom = ", ".join(f"{name} {share * 100:.10g} %" for name, share in one.shares.items())
    elif one.key != "direct":
        for_whom = f"all, by {one.key}"
    return (one.name, one.kind, for_whom, much, _day(one.since), _day(one.until))


def _rates(plan: Plan, day: date) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for currency in sorted({rate.currency for rate in plan.company.rates}):
        rate = in_force((r for r in plan.company.rates if r.currency == currency), day)
        if rate is not None:
            rows.append((currency, _plain(rate.rate), _day(rate.since)))
    return rows


def _price(price: Price) -> tuple[str, ...]:
    figures = [
        f"{word} {_plain(value)}"
        for name, word in FIGURES.items()
        if (value := getattr(price, name)) is not None
    ]
    what = f"{', '.join(figures)} {price.currency}"
    return (price.model, price.provider, what, _day(price.since))


def _privacy(plan: Plan) -> list[tuple[str, ...]]:
    said: dict[str, Any] = plan.privacy.model_dump(exclude_defaults=True)
    rows: list[tuple[str, ...]] = [
        (name.replace("_", " "), "yes" if value is True else str(value))
        for name, value in said.items()
    ]
    return [("demo", "made-up data"), *rows] if plan.company.demo else rows


def _day(day: date | None) -> str:
    return NOTHING if day is None else day.isoformat()


def _plain(number: Decimal) -> str:
    """A decimal without an exponent or zeros behind it."""
    text = f"{number:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
