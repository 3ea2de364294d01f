"""What a better prompt saves: the newest version of it beside the plan's reference version, of the
same tool and model, both at today's prices. Shown only while accuracy is known to hold.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from meetlat_aggregator.kpi.composed.clustered import ratio_of
from meetlat_aggregator.kpi.composed.figure import (
    OFF,
    TOO_FEW,
    UNKNOWN,
    Context,
    Figure,
    Interval,
    Question,
)
from meetlat_aggregator.kpi.composed.ingredients import Ingredients
from meetlat_aggregator.kpi.plan_tables import FIRST_DAY
from meetlat_aggregator.kpi.remark import NOTHING, Remark, together
from meetlat_aggregator.kpi.statistics import (
    Range,
    difference,
    improvement,
    shares_within,
    weighted_sum,
    weighted_wilson,
)

LEAST_CHECKS = 20
# What is paid by the token, the call and the second.
PRICED = ("input", "output", "cache_read", "cache_write", "per_request", "per_second")


@dataclass(frozen=True, slots=True)
class Pair:
    """A model that was called with both versions: calls now, and the cost of a call of each."""

    calls: float
    now: Interval
    reference: Interval


def token_saving(asked: Question) -> Iterator[Figure]:
    """1 - cost of a call now / cost of a call with the reference version, models weighed by the
    calls of now.
    """
    if asked.of_baseline:
        return
    now = asked.now()
    until = asked.everything.within(FIRST_DAY, asked.period.last)
    pairs: list[Pair] = []
    told: list[Remark] = []
    worse: list[str] = []
    calls = 0.0
    for prompt in asked.use_case.reference_prompts:
        newest, of_tool = _newest(now, until, prompt.tool)
        calls += of_tool
        if newest in ("", prompt.prompt_version):
            continue
        found = list(_pairs(now, until, prompt.tool, newest, prompt.prompt_version, asked.context))
        if not found:
            continue
        why, status = _accuracy(until, prompt.tool, newest, prompt.prompt_version)
        told += [why] if why else []
        worse += [status] if status else []
        pairs += found
    if not calls:
        return
    if not pairs:
        said = Remark(
            "no call of the period can be compared with a call of the reference version",
            "geen aanroep van de periode is te vergelijken met een van de referentieversie",
        )
        yield Figure(Interval(), calls, said=said, verdict=UNKNOWN)
        return
    n = sum(pair.calls for pair in pairs)
    said = together(told)
    if worse:
        verdict = OFF if OFF in worse else TOO_FEW
        hidden = Remark(f"not shown: {said.en}", f"niet getoond: {said.nl}")
        yield Figure(Interval(), n, said=hidden, verdict=verdict)
        return
    if n < calls:
        left = f"{100 * (1 - n / calls):.0f} %"
        rest = Remark(
            f"{left} of the calls cannot be compared",
            f"{left} van de aanroepen is niet te vergelijken",
        )
        said = together([*told, rest])
    yield Figure(_saving(pairs), n, said=said)


def _saving(pairs: list[Pair]) -> Interval:
    begin = np.array([0])
    weights = shares_within(np.array([pair.calls for pair in pairs]), begin)
    now, reference = (
        weighted_sum(_ranges(getattr(pair, name) for pair in pairs), weights, begin)
        for name in ("now", "reference")
    )
    return Interval.of(improvement(now, reference, np.array([False])))


def _ranges(intervals: Iterable[Interval]) -> Range:
    rows = [(one.value, one.low, one.high) for one in intervals]
    return Range(*np.array(rows, dtype=float).T)


def _key(*names: str) -> str:
    return json.dumps(names, separators=(",", ":"), ensure_ascii=False)


def _newest(now: Ingredients, until: Ingredients, tool: str) -> tuple[str, float]:
    """The version of a tool's prompt that was first called last, of those called in the period; and
    the calls of all of them.
    """
    versions: dict[str, float] = {}
    for part in now.names("part"):
        told = json.loads(part)
        if told[0] == "per_request" and told[1] == tool:
            versions[told[4]] = versions.get(told[4], 0.0) + float(np.nansum(now.of(part).n))
    if not versions:
        return "", 0.0
    first: dict[str, int] = {}
    for part in until.names("part"):
        told = json.loads(part)
        if told[0] == "per_request" and told[1] == tool and told[4] in versions:
            day = int(until.of(part).day[0])
            first[told[4]] = min(day, first.get(told[4], day))
    return max(versions, key=lambda name: (first[name], name)), sum(versions.values())


def _pairs(
    now: Ingredients, until: Ingredients, tool: str, newest: str, reference: str, context: Context
) -> Iterator[Pair]:
    for part in now.names("part"):
        kind, *told = json.loads(part)
        if kind != "per_request" or (told[0], told[3]) != (tool, newest):
            continue
        provider, model = told[1:3]
        cost = _cost(now, tool, provider, model, newest, context)
        before = _cost(until, tool, provider, model, reference, context)
        if math.isfinite(cost.value) and before.value > 0:
            yield Pair(float(np.nansum(now.of(part).n)), cost, before)


def _cost(
    rows: Ingredients, tool: str, provider: str, model: str, version: str, context: Context
) -> Interval:
    """What a call cost at today's prices; NaN where a price or the calls are missing."""
    prices = context.prices.get((provider, model), {})
    days, money, calls = [], [], []
    for kind in PRICED:
        used = rows.of(_key(kind, tool, provider, model, version))
        if kind == "per_request":
            calls.append((used.day, used.n))
        if not np.nansum(used.total) > 0 or prices.get(kind) == 0:
            continue
        if kind not in prices:
            return Interval()
        days.append(used.day)
        money.append(used.total * prices[kind])
    day = np.concatenate([*days, *(one for one, _ in calls)])
    total = np.concatenate([*money, *(np.zeros(len(one)) for one, _ in calls)])
    n = np.concatenate([*(np.zeros(len(one)) for one in days), *(one for _, one in calls)])
    return ratio_of(day, total, n)


def _accuracy(until: Ingredients, tool: str, newest: str, reference: str) -> tuple[Remark, str]:
    """What to say of the accuracy of both versions, and the status when the saving is not shown."""
    shares, checks = [], []
    for version in (newest, reference):
        rows = until.of(_key("accuracy", tool, version))
        hits, weight, squares = (
            np.array([np.nansum(one)]) for one in (rows.total, rows.weight, rows.squares)
        )
        shares.append(weighted_wilson(hits, weight, squares))
        checks.append(float(np.nansum(rows.n)))
    if min(checks) < LEAST_CHECKS:
        which = newest if checks[0] < LEAST_CHECKS else reference
        lacks = Remark(
            f"whether {tool} is still as right is not known: "
            f"{which!r} has fewer than {LEAST_CHECKS} random checks",
            f"of {tool} nog even goed is, is niet bekend: "
            f"{which!r} heeft minder dan {LEAST_CHECKS} willekeurige controles",
        )
        return lacks, TOO_FEW
    now, before = (100 * float(share.value[0]) for share in shares)
    if not now < before:
        return NOTHING, ""
    words = Remark(
        f"{tool} is right in {now:.0f} % with {newest!r} and {before:.0f} % with {reference!r}",
        f"{tool} is juist in {now:.0f} % met {newest!r} en {before:.0f} % met {reference!r}",
    )
    if difference(*shares).high[0] < 0:
        return words, OFF
    return Remark(f"{words.en}, which may be chance", f"{words.nl}, wat toeval kan zijn"), ""
