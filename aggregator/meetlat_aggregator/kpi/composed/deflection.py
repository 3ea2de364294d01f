"""Tickets that self-service kept away, as a share and in money.

Where orders are known, tickets are compared with what as many orders would have brought before.
Without them, what the bot resolved without a ticket counts for those who say that they would have
called: an estimate.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

from meetlat_aggregator.kpi.composed.clustered import ratio_of
from meetlat_aggregator.kpi.composed.figure import (
    NO_BASELINE,
    UNKNOWN,
    Figure,
    Interval,
    Question,
)
from meetlat_aggregator.kpi.composed.ingredients import Ingredients, known_sum
from meetlat_aggregator.kpi.remark import NOTHING, Remark
from meetlat_aggregator.kpi.statistics import difference, improvement, mean_t

# What a ticket costs where the plan does not say it, in euro: the founding article's.
TICKET_COST = (15.0, 30.0)
NOT_KNOWN = Interval()


NO_COST = Remark(
    "what a ticket costs is not known: write `ticket_costs` in the plan",
    "wat een ticket kost is niet bekend: zet `ticket_costs` in het plan",
)
NO_TICKETS = Remark("nobody reports the tickets", "niemand meldt de tickets")
NO_RESOLVED = Remark("what the bot resolved is not known", "wat de bot oploste is niet bekend")
NOT_BEFORE = Remark(
    "tickets and orders of before go-live are not known: record both, or write a baseline",
    "tickets en orders van voor de livegang zijn niet bekend: leg ze vast, of noteer een nulmeting",
)
AT_MOST = Remark(
    "no more is counted than the bot resolved", "er telt niet meer dan wat de bot oploste"
)
NEEDS = Remark(
    "needs orders, or answers to the survey question `would_have_called`",
    "vraagt orders, of antwoorden op de enquêtevraag `would_have_called`",
)
BY_SURVEY = Remark(
    "by the share of askers who say that they would have called",
    "naar het deel van de vragers dat zegt dat het anders had gebeld",
)


@dataclass(frozen=True, slots=True)
class Deflection:
    """Tickets avoided, and as a share of those avoided and those that came; below zero, more came
    than before. `n` is what it rests on: orders, or answers. `why` it is not known.
    """

    avoided: Interval = NOT_KNOWN
    rate: Interval = NOT_KNOWN
    n: float = 0.0
    estimated: bool = False
    said: Remark = NOTHING
    why: str | None = None


def deflection_rate(asked: Question) -> Iterator[Figure]:
    """The share of tickets avoided; part `avoided`: how many."""
    if asked.of_baseline:
        return
    found = deflection(asked)
    if not found.n:
        return
    for part, interval in (("", found.rate), ("avoided", found.avoided)):
        yield Figure(interval, found.n, part, "", found.said, found.why, found.estimated)


def deflection_saving(asked: Question) -> Iterable[Figure]:
    """The tickets avoided times what one costs. A view: `cost_saving` counts them too."""
    if asked.of_baseline:
        return
    found = deflection(asked)
    if not found.n:
        return
    dated = [cost for cost in asked.use_case.ticket_costs if cost.since <= asked.last]
    if dated:
        told = float(max(dated, key=lambda cost: cost.since).amount)
        low = high = told
    else:
        low, high = (end * asked.context.euro for end in TICKET_COST)
    said, why = found.said, found.why
    if math.isnan(low) and not why:
        said, why = NO_COST, UNKNOWN
    yield Figure(
        _product(found.avoided, Interval((low + high) / 2, low, high)),
        found.n, "", "", said, why, found.estimated or not dated,
    )  # fmt: skip


def deflection(asked: Question) -> Deflection:
    """What was avoided in a period."""
    now = asked.now()
    tickets = now.of("tickets")
    came, orders = known_sum(tickets.total), known_sum(tickets.weight)
    resolved = known_sum(now.of("resolved").total)
    if orders > 0:
        return _by_orders(asked, tickets, came, orders, resolved)
    return _by_survey(now, came)


def _by_orders(
    asked: Question, tickets: Ingredients, came: float, orders: float, resolved: float
) -> Deflection:
    if math.isnan(came):
        return Deflection(n=orders, said=NO_TICKETS, why=UNKNOWN)
    if math.isnan(resolved):
        return Deflection(n=orders, said=NO_RESOLVED, why=UNKNOWN)
    before, estimated = _before(asked)
    if not before.value > 0:
        return Deflection(n=orders, said=NOT_BEFORE, why=NO_BASELINE)
    now = ratio_of(tickets.day, tickets.total, tickets.weight).range()
    spared = Interval.of(difference(before.range(), now)).times(orders)
    rate = Interval.of(improvement(now, before.range(), np.array([False])))
    said = AT_MOST if spared.value > resolved else NOTHING
    most = _rate(resolved, came)
    return Deflection(spared.at_most(resolved), rate.at_most(most), orders, estimated, said)


def _before(asked: Question) -> tuple[Interval, bool]:
    """Tickets per order of before: what the plan writes down, else what was measured."""
    for hand in asked.use_case.baselines:
        if (hand.kpi, hand.part) == ("deflection_rate", "tickets_per_order"):
            return Interval(float(hand.value), float(hand.low), float(hand.high)), True
    tickets = asked.before().of("tickets")
    if math.isnan(known_sum(tickets.total)):
        return Interval(), False
    return ratio_of(tickets.day, tickets.total, tickets.weight), False


def _by_survey(now: Ingredients, came: float) -> Deflection:
    alone = known_sum(now.of("resolved_without_ticket").total)
    if math.isnan(came):
        came = known_sum(now.of("conversation_tickets").total)
    answers = now.of("would_have_called")
    n = float(np.nansum(answers.n))
    if math.isnan(alone) or math.isnan(came) or not n:
        return Deflection(n=float(np.nansum(now.n)), said=NEEDS, why=UNKNOWN)
    total, squares = (np.array([np.nansum(one)]) for one in (answers.total, answers.squares))
    mean = Interval.of(mean_t(total, squares, np.array([n])))
    low, high = (float(np.clip(end, 0.0, 1.0)) for end in (mean.low, mean.high))
    share = Interval(mean.value, low, high)
    avoided = share.times(alone)
    rate = Interval(*(_rate(end, came) for end in (avoided.value, avoided.low, avoided.high)))
    return Deflection(avoided, rate, n, True, BY_SURVEY)


def _rate(avoided: float, came: float) -> float:
    return avoided / (avoided + came) if avoided + came > 0 else math.nan


def _product(one: Interval, other: Interval) -> Interval:
    """Of two ranges, one of them an assumption: from the least product of ends to the most."""
    ends = [a * b for a, b in product((one.low, one.high), (other.low, other.high))]
    known = not any(map(math.isnan, ends))
    low, high = (min(ends), max(ends)) if known else (math.nan, math.nan)
    return Interval(one.value * other.value, low, high)
