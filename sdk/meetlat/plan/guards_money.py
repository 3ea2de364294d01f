"""Guards on money: rates, hourly cost, investments and prices."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from meetlat.plan.guarding import Finding, Subject, guard, listed, of
from meetlat.plan.models import Investment, in_force
from meetlat.plan.positions import Path
from meetlat.plan.problems import shown

# What is made of hours saved × hourly cost.
MONEY_KPIS = frozenset({"cost_saving", "roi", "payback_date", "net_present_value"})
TOLERANCE = 1e-6
FIGURES = (
    "input", "output", "cache_read", "cache_write", "per_request", "per_second", "per_month",
)  # fmt: skip


@guard(
    "no-rate",
    "error",
    "A price or investment in another currency, without an exchange rate on its first day.",
)
def no_rate(subject: Subject) -> Iterator[Finding]:
    company = subject.plan.company
    used: list[tuple[Path, str, date]] = [
        (("prices", index, "currency"), price.currency, price.since)
        for index, price in enumerate(subject.plan.prices)
    ]
    used += [
        (("investments", index, "currency"), investment.currency, investment.since)
        for index, investment in enumerate(subject.plan.investments)
        if investment.currency is not None
    ]
    for path, currency, day in used:
        rates = [rate for rate in company.rates if rate.currency == currency]
        if currency != company.currency and in_force(rates, day) is None:
            yield Finding(
                path,
                f"there is no rate from {currency} to {company.currency} on {day}",
                f'add [[company.rates]] with `currency = "{currency}"` and a `from` of {day} or '
                "before",
            )


@guard("own-rate", "error", "An exchange rate for the company's own currency.")
def own_rate(subject: Subject) -> Iterator[Finding]:
    company = subject.plan.company
    for index, rate in enumerate(company.rates):
        if rate.currency == company.currency:
            yield Finding(
                ("company", "rates", index, "currency"),
                f"{rate.currency} is the company's own currency",
                "remove the rate: it is always 1",
            )


@guard(
    "no-hourly-cost",
    "warning",
    "A money KPI needs the hourly cost of each team from go-live on; without it it stays unknown.",
)
def no_hourly_cost(subject: Subject) -> Iterator[Finding]:
    for path, use_case in subject.use_cases():
        needing = [choice.id for choice in use_case.kpis if choice.id in MONEY_KPIS]
        if not needing:
            continue
        if not use_case.teams:
            yield Finding(
                path,
                f"{of(use_case)} has no teams, so {listed(needing)} has no hourly cost",
                "name its teams in `teams`, each with [[teams.cost]]",
            )
        for index, name in enumerate(use_case.teams):
            costs = [row for team in subject.plan.teams if team.name == name for row in team.cost]
            if name not in subject.team_names:
                continue
            if not costs:
                missing = ""
            elif use_case.go_live is not None and in_force(costs, use_case.go_live) is None:
                missing = f" on {use_case.go_live}, the day of go-live"
            else:
                continue
            yield Finding(
                (*path, "teams", index),
                f"team {shown(name)} has no hourly cost{missing}: {listed(needing)} of "
                f"{of(use_case)} stays unknown",
                "add [[teams.cost]] with `from` and `hourly`: the loaded cost, not wage alone",
            )


@guard(
    "investment",
    "error",
    "An investment without an amount or hours, an amount without currency, hours without a team, "
    "or an end before its beginning.",
)
def investment(subject: Subject) -> Iterator[Finding]:
    for index, row in enumerate(subject.plan.investments):
        path: Path = ("investments", index)
        what = f"investment {shown(row.name)}"
        if row.amount is None and row.hours is None:
            yield Finding(
                path, f"{what} has neither an amount nor hours", "write `amount` or `hours`"
            )
        if row.amount is not None and row.hours is not None:
            yield Finding(
                (*path, "hours"),
                f"{what} has both an amount and hours",
                "write two investments: one in money, one in hours",
            )
        if row.amount is not None and row.currency is None:
            company = subject.plan.company.currency
            yield Finding(
                (*path, "amount"),
                f"{what} has an amount without a currency",
                f'add, for example, `currency = "{company}"`',
            )
        if row.hours is not None and row.team is None and row.amount is None:
            yield Finding(
                (*path, "hours"),
                f"{what} has hours without a team",
                "name the `team`: its hourly cost makes money of them",
            )
        if row.kind == "hours" and row.hours is None and row.amount is not None:
            yield Finding(
                (*path, "kind"),
                f"{what} is of kind `hours` but has an amount",
                "write `hours` and `team`, or another kind",
            )
        if row.until is not None and row.until < row.since:
            yield Finding(
                (*path, "until"),
                f"{what} ends on {row.until}, before it begins on {row.since}",
                "write a later day, or remove `until`",
            )


@guard("investment-names", "error", "An investment for an unknown use case or team.")
def investment_names(subject: Subject) -> Iterator[Finding]:
    for index, row in enumerate(subject.plan.investments):
        path: Path = ("investments", index)
        what = f"investment {shown(row.name)}"
        remedy = "write the `id` of a use case"
        if row.use_case is not None and row.use_case not in subject.use_case_ids:
            yield Finding(
                (*path, "use_case"),
                f"{what} is for use case `{row.use_case}`, which is not in the plan",
                remedy,
            )
        for name in row.shares:
            if name not in subject.use_case_ids:
                yield Finding(
                    (*path, "shares", name),
                    f"{what} has a share for `{name}`, which is not in the plan",
                    remedy,
                )
        if row.team is not None and row.team not in subject.team_names:
            yield Finding(
                (*path, "team"),
                f"{what} is hours of team {shown(row.team)}, which is not in the plan",
                "add it in [[teams]]",
            )


@guard(
    "hours-without-cost",
    "error",
    "Hours of a team that has no hourly cost on that day: they would count as free.",
)
def hours_without_cost(subject: Subject) -> Iterator[Finding]:
    for index, row in enumerate(subject.plan.investments):
        if row.hours is None or row.team not in subject.team_names:
            continue
        costs = [cost for t in subject.plan.teams if t.name == row.team for cost in t.cost]
        if in_force(costs, row.since) is None:
            yield Finding(
                ("investments", index, "hours"),
                f"team {shown(row.team or '')} has no hourly cost on {row.since}: the hours of "
                f"{shown(row.name)} would be free",
                f"add [[teams.cost]] with a `from` of {row.since} or before",
            )


@guard(
    "shares",
    "error",
    "A key of division that contradicts itself: shares that do not add up to 1, or that belong "
    "to another key.",
)
def shares(subject: Subject) -> Iterator[Finding]:
    for index, row in enumerate(subject.plan.investments):
        fault = _key_fault(row)
        if fault:
            path, reason, remedy = fault
            yield Finding(
                ("investments", index, *path), f"investment {shown(row.name)} {reason}", remedy
            )


def _key_fault(row: Investment) -> tuple[Path, str, str] | None:
    if row.key == "fixed" and not row.shares:
        return ("key",), "has the key `fixed` but no shares", "write `shares = {quotes = 1.0}`"
    if row.key != "fixed" and row.shares:
        return ("shares",), f"has shares, but its key is `{row.key}`", 'write `key = "fixed"`'
    if row.key != "direct" and row.use_case is not None:
        return (
            ("key",),
            "is for one use case and divided as well",
            "remove `use_case`, or `key`",
        )
    total = sum(row.shares.values())
    if row.shares and abs(total - 1) > TOLERANCE:
        return ("shares",), f"has shares that add up to {total:g}", "let them add up to 1"
    return None


@guard(
    "unallocated",
    "warning",
    "A direct investment without a use case: it counts for the company, for no use case.",
)
def unallocated(subject: Subject) -> Iterator[Finding]:
    for index, row in enumerate(subject.plan.investments):
        if row.key == "direct" and row.use_case is None and not row.shares:
            yield Finding(
                ("investments", index),
                f"investment {shown(row.name)} belongs to no use case and shows as unallocated",
                "name its `use_case`, or a `key` that divides it",
            )


@guard("empty-price", "error", "A price without any figure.")
def empty_price(subject: Subject) -> Iterator[Finding]:
    for index, price in enumerate(subject.plan.prices):
        if price.empty:
            yield Finding(
                ("prices", index),
                f"the price of {shown(price.model)} has no figure",
                f"write one of {listed(FIGURES)}; 0 where it is free",
            )


@guard(
    "half-price",
    "warning",
    "A price of tokens without one for input or output: it can price no call, and hides the prices "
    "behind it.",
)
def half_price(subject: Subject) -> Iterator[Finding]:
    for index, price in enumerate(subject.plan.prices):
        if price.lacking:
            yield Finding(
                ("prices", index),
                f"the price of {shown(price.model)} lacks {listed(price.lacking)}: its calls stay "
                "unpriced",
                "write 0 where tokens are free, else what a million cost",
            )
