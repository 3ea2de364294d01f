"""Composed KPIs against numbers computed by hand, from filled-in tables."""

from __future__ import annotations

import math
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from scipy import stats
from support.composing import BEFORE, MARCH, figure, figures
from support.judging import BASELINE
from support.kpi_inputs import Inputs
from support.kpi_rows import feedback, measure, tasks_daily

from meetlat_aggregator.kpi.composed.clustered import ratio_of
from meetlat_aggregator.kpi.composed.figure import Interval
from meetlat_aggregator.kpi.composed.innovation import poisson

NOW = MARCH[0]


def spread(inputs: Inputs, name: str, total: int, first: date, days: int = 20, **more: Any) -> None:
    """A measurement a day, a little more and less by turns, that adds up to `total`."""
    for i in range(days):
        wave = (-1) ** i if total > days else 0
        day = {"day": first + timedelta(days=i), **more}
        measure(inputs, name, total / days + wave, **day)


def conversations(inputs: Inputs, day: date = NOW, **said: Any) -> None:
    inputs.add("conversations_daily", {"conversations": 100, **said}, day=day)


def ends(interval: Interval) -> tuple[float, float, float]:
    return interval.value, interval.low, interval.high


# --- deflection_rate and deflection_saving


def shop(resolved: int = 80, tickets: int = 150, before: int = 100) -> Inputs:
    """Before: 100 tickets of 200 orders. Now: 150 of 400, where 200 would have come."""
    inputs = Inputs()
    for name, total in (("tickets", before), ("orders", 200)):
        spread(inputs, name, total, BEFORE)
    for name, total in (("tickets", tickets), ("orders", 400)):
        spread(inputs, name, total, NOW)
    conversations(inputs, resolved_by_bot=resolved)
    return inputs


def test_tickets_avoided_are_what_as_many_orders_would_have_brought_less_those_that_came() -> None:
    found = figures("deflection_rate", shop())
    assert found["", ""].interval.value == pytest.approx(50 / 200)
    assert found["avoided", ""].interval.value == pytest.approx(50)
    assert (found["", ""].n, found["", ""].estimated, found["", ""].verdict) == (400, False, None)
    # It is the improvement of tickets per order.
    assert found["", ""].interval.value == pytest.approx((100 / 200 - 150 / 400) / (100 / 200))
    value, low, high = ends(found["", ""].interval)
    assert low < value < high


def test_no_more_is_avoided_than_the_bot_resolved() -> None:
    found = figures("deflection_rate", shop(resolved=10))
    assert ends(found["avoided", ""].interval)[::2] == (10, 10)
    assert found["", ""].interval.value == pytest.approx(10 / 160)
    assert "no more is counted" in found["", ""].said.en


def test_more_tickets_per_order_than_before_is_below_zero() -> None:
    found = figures("deflection_rate", shop(tickets=250))
    assert found["avoided", ""].interval.value == pytest.approx(-50)
    assert found["", ""].interval.value == pytest.approx(-50 / 200)


def test_no_ticket_at_all_is_everything_avoided() -> None:
    found = figure("deflection_rate", shop(tickets=0, resolved=999))
    assert found.interval.value == pytest.approx(1)


def test_without_tickets_and_orders_of_before_there_is_no_baseline() -> None:
    inputs = Inputs()
    for name in ("tickets", "orders"):
        spread(inputs, name, 300, NOW)
    conversations(inputs, resolved_by_bot=80)
    found = figure("deflection_rate", inputs)
    assert math.isnan(found.interval.value)
    assert found.verdict == "no baseline"
    assert "before go-live" in found.said.en
    assert figure("deflection_rate", shop(before=0)).verdict == "no baseline"


@pytest.mark.parametrize("lacks", ["tickets", "the bot"])
def test_what_nobody_reports_is_unknown_and_not_avoided(lacks: str) -> None:
    inputs = Inputs()
    spread(inputs, "orders", 400, NOW)
    if lacks != "tickets":
        spread(inputs, "tickets", 1, NOW)
    else:
        conversations(inputs, resolved_by_bot=80)
    found = figure("deflection_rate", inputs)
    assert (math.isnan(found.interval.value), found.verdict) == (True, "unknown")
    assert figures("deflection_rate", Inputs()) == {}


def test_a_baseline_of_tickets_per_order_by_hand_makes_an_estimate() -> None:
    by_hand = {
        "kpi": "deflection_rate", "part": "tickets_per_order", "value": 0.6, "low": 0.5,
        "high": 0.7, "n": 900, "source": "help desk, 2025",
    }  # fmt: skip
    found = figures("deflection_rate", shop(resolved=500), baselines=[by_hand])
    assert found["avoided", ""].interval.value == pytest.approx(0.6 * 400 - 150)
    assert found["", ""].estimated


def survey(answers: list[float], **said: int) -> Inputs:
    inputs = Inputs()
    conversations(inputs, **said)
    if answers:
        feedback(inputs, "survey", answers, scale=(1, 5), question="would_have_called", day=NOW)
    return inputs


def test_without_orders_those_count_who_say_that_they_would_have_called() -> None:
    answers = [5, 5, 1, 3, 5, 1] * 5
    said = {
        "resolved_by_bot": 90,
        "resolved_without_ticket": 80,
        "tickets": 20,
        "tickets_count": 99,
    }
    found = figures("deflection_rate", survey(answers, **said))
    shares = [(score - 1) / 4 for score in answers]
    avoided = 80 * np.mean(shares)
    half = stats.t.ppf(0.975, 29) * np.std(shares, ddof=1) / math.sqrt(30) * 80
    assert ends(found["avoided", ""].interval) == pytest.approx(
        (avoided, avoided - half, avoided + half)
    )
    assert found["", ""].interval.value == pytest.approx(avoided / (avoided + 20))
    assert (found["", ""].estimated, found["", ""].n) == (True, 30)


def test_without_orders_and_without_answers_it_is_unknown() -> None:
    assert figure("deflection_rate", survey([], resolved_by_bot=9)).verdict == "unknown"
    # No conversation says whether there was a ticket, and nobody counts them.
    found = figure("deflection_rate", survey([5] * 30, resolved_without_ticket=9))
    assert found.verdict == "unknown"


def test_a_saving_is_avoided_tickets_at_the_plan_s_cost_on_the_day() -> None:
    costs = [{"from": date(2026, 1, 1), "amount": 10}, {"from": date(2026, 2, 1), "amount": 20},
             {"from": date(2026, 9, 1), "amount": 99}]  # fmt: skip
    found = figure("deflection_saving", shop(), ticket_costs=costs)
    avoided = figure("deflection_rate", shop(), "avoided").interval
    assert ends(found.interval) == pytest.approx(tuple(20 * end for end in ends(avoided)))
    assert not found.estimated


def test_without_a_cost_in_the_plan_a_ticket_costs_15_to_30_euro_and_it_is_an_estimate() -> None:
    found = figure("deflection_saving", shop(), euro=1.1)
    avoided = figure("deflection_rate", shop(), "avoided").interval
    assert found.interval.value == pytest.approx(50 * 22.5 * 1.1)
    assert found.interval.high == pytest.approx(avoided.high * 33)
    assert found.interval.low == pytest.approx(avoided.low * (16.5 if avoided.low > 0 else 33))
    assert found.estimated


def test_more_tickets_than_before_are_a_loss_with_its_ends_in_order() -> None:
    found = figure("deflection_saving", shop(tickets=250)).interval
    assert found.value == pytest.approx(-50 * 22.5)
    assert found.low < found.value < found.high


def test_without_a_rate_for_the_euro_the_saving_is_unknown() -> None:
    found = figure("deflection_saving", shop(), euro=math.nan)
    assert (math.isnan(found.interval.value), found.verdict) == (True, "unknown")
    assert "ticket_costs" in found.said.en


# --- ratios between days


def test_a_ratio_between_days_is_the_linearised_one_and_weeks_where_one_side_is_told_weekly() -> (
    None
):
    random = np.random.default_rng(2)
    day = np.arange(20500, 20500 + 28)
    total, amount = random.poisson(9, 28).astype(float), random.poisson(20, 28).astype(float) + 1
    found = ratio_of(day, total, amount)
    ratio = total.sum() / amount.sum()
    rest = ((total - ratio * amount) ** 2).sum() * 28 / 27
    half = stats.t.ppf(0.975, 27) * math.sqrt(rest) / amount.sum()
    assert ends(found) == pytest.approx((ratio, ratio - half, ratio + half))
    mondays = day[(day + 3) % 7 == 0]
    weekly = np.concatenate([total, np.zeros(len(mondays))])
    told = np.concatenate([np.zeros(28), np.full(len(mondays), 100.0)])
    by_week = ratio_of(np.concatenate([day, mondays]), weekly, told)
    assert by_week.value == pytest.approx(total.sum() / told.sum())
    assert by_week.high - by_week.low < by_week.value  # days would give a range of both signs
    assert math.isnan(ratio_of(day, total, np.zeros(28)).value)


# --- agent_productivity


def desk(inputs: Inputs, day: date, counts: dict[str, tuple[int, float]], **more: Any) -> None:
    """Cases per segment, each with its hours of handling."""
    for segment, (count, hours) in counts.items():
        said = [{"handling": 3600 * hours}] * count
        tasks_daily(inputs, said, segment=segment, day=day, automated="false", **more)


BUSY = {"easy": (100, 0.25), "hard": (50, 1.0)}


def support(now: dict[str, tuple[int, float]], hours: float, hours_before: float = 100) -> Inputs:
    inputs = Inputs()
    for day, counts, worked in ((BEFORE, BUSY, hours_before), (NOW, now, hours)):
        desk(inputs, day, counts)
        measure(inputs, "agent_hours", worked, day=day)
    return inputs


def test_productivity_by_hand() -> None:
    inputs = support({"easy": (80, 0.2), "hard": (30, 0.9)}, 40)
    found = figure("agent_productivity", inputs)
    assert found.interval.value == pytest.approx((80 * 0.25 + 30 * 1) / 40)
    assert (found.n, found.said.en, found.verdict) == (110, "", None)
    before = figure("agent_productivity", inputs, of_baseline=True)
    assert before.interval.value == pytest.approx(75 / 100)


def test_a_bot_that_takes_the_easy_cases_does_not_make_people_look_slower() -> None:
    inputs = support({"hard": (75, 1.0)}, 100)
    tasks_daily(inputs, [{"handling": 0}] * 500, segment="easy", day=NOW, automated="true")
    tasks_daily(inputs, [{"handling": 9e4}] * 9, segment="easy", day=NOW, step="calculation")
    tasks_daily(inputs, [{"handling": 9e4}] * 9, segment="easy", day=NOW, state="open")
    assert figure("agent_productivity", inputs).interval.value == pytest.approx(0.75)


def test_a_segment_without_a_baseline_is_left_out_with_its_hours_and_its_share_told() -> None:
    inputs = support({"hard": (30, 0.9), "new": (10, 0.9)}, 48)
    found = figure("agent_productivity", inputs)
    assert found.interval.value == pytest.approx(30 * 1 / (48 * 27 / 36))
    assert (found.n, found.said.en) == (30, "25 % has no baseline and is left out")


def test_where_handling_is_not_known_cases_share_the_hours_alike() -> None:
    inputs = support({"new": (10, 0.9)}, 48)
    tasks_daily(inputs, [{}] * 30, segment="hard", day=NOW)
    found = figure("agent_productivity", inputs)
    assert found.interval.value == pytest.approx(30 * 1 / 36)


def test_productivity_is_per_team_too_and_the_control_team_is_in_no_total() -> None:
    inputs = Inputs()
    for team, closed in (("north", 60), ("south", 10)):
        for day, count in ((BEFORE, 40), (NOW, closed)):
            desk(inputs, day, {"": (count, 0.5)}, team=team)
            measure(inputs, "agent_hours", 20, day=day, team=team)
    found = figures("agent_productivity", inputs, control="south", control_team="south")
    assert found["", "north"].interval.value == pytest.approx(60 * 0.5 / 20)
    assert found["", "south"].interval.value == pytest.approx(10 * 0.5 / 20)
    assert found["", ""].interval.value == pytest.approx(60 * 0.5 / 20)


def test_productivity_without_hours_or_baseline_says_what_is_missing() -> None:
    inputs = Inputs()
    desk(inputs, NOW, BUSY)
    assert figure("agent_productivity", inputs).verdict == "unknown"
    measure(inputs, "agent_hours", 40, day=NOW)
    assert figure("agent_productivity", inputs).verdict == "no baseline"
    measure(inputs, "agent_hours", -40, day=NOW)
    assert figure("agent_productivity", inputs).verdict == "unknown"
    assert figures("agent_productivity", Inputs()) == {}


def test_handling_before_may_be_written_down() -> None:
    inputs = Inputs()
    desk(inputs, NOW, {"easy": (40, 0.2), "hard": (20, 1.0)})
    measure(inputs, "agent_hours", 50, day=NOW)
    by_hand = [
        {"kpi": "task_time", "segment": segment, "value": minutes, "low": minutes - 1,
         "high": minutes + 1, "n": 50, "source": "timed"}
        for segment, minutes in (("easy", 15), ("", 60))
    ]  # fmt: skip
    found = figure("agent_productivity", inputs, baselines=by_hand)
    assert found.interval.value == pytest.approx((40 * 0.25 + 20 * 1) / 50)
    assert found.estimated


# --- innovation, and hours freed


def makers(handling: dict[str, list[float]], ideas: float | None = 12) -> Inputs:
    """Before: an hour a standard task, four a complex one, each a little more or less."""
    inputs = Inputs()
    wave = [0.9, 1.0, 1.1] * 10
    before = {"standard": [1 * w for w in wave], "complex": [4 * w for w in wave]}
    for day, told in ((BEFORE, before), (NOW, handling)):
        for segment, hours in told.items():
            tasks_daily(inputs, [{"handling": 3600 * h} for h in hours], segment=segment, day=day)
    if ideas is not None:
        measure(inputs, "ideas", ideas, day=NOW)
    return inputs


QUICK = {"standard": [0.4, 0.5, 0.6] * 20, "complex": [3.4, 3.6, 3.8] * 10}
TEAMS = [
    {"name": "sales", "people": [
        {"from": date(2025, 1, 1), "count": 40}, {"from": date(2026, 3, 15), "count": 50},
        {"from": date(2026, 12, 1), "count": 90},
    ]},
    {"name": "other", "people": [{"from": date(2025, 1, 1), "count": 400}]},
]  # fmt: skip


def test_ideas_are_counted_per_100_hours_freed() -> None:
    found = figure("innovation", makers(QUICK))
    freed = 60 * (1 - 0.5) + 30 * (4 - 3.6)
    assert found.interval.value == pytest.approx(12 / freed * 100)
    low, high = stats.chi2.ppf(0.025, 24) / 2, stats.chi2.ppf(0.975, 26) / 2
    # The hours are not sure either.
    assert found.interval.low < low / freed * 100 < found.interval.value
    assert found.interval.value < high / freed * 100 < found.interval.high
    assert found.said.en == "per 100 hours freed"


def test_an_automated_task_that_says_no_handling_took_none() -> None:
    inputs = makers({"standard": [0.9, 1.1] * 15})
    tasks_daily(inputs, [{}] * 70, segment="standard", day=NOW, automated="true")
    found = figure("innovation", inputs)
    assert found.interval.value == pytest.approx(12 / (100 * (1 - 0.3)) * 100)


def test_a_task_whose_handling_is_not_known_counts_as_the_others_of_its_segment() -> None:
    inputs = makers({"standard": [0.4, 0.6] * 15})
    tasks_daily(inputs, [{}] * 70, segment="standard", day=NOW, automated="false")
    assert figure("innovation", inputs).interval.value == pytest.approx(12 / 50 * 100)


SLOW = {
    "no freed hours": {"standard": [0.5, 1.0, 1.5] * 20},
    "work takes longer": {"standard": [2.0, 2.2] * 20},
    "one task": {"standard": [0.1]},
    "no baseline": {"tender": [0.1, 0.2] * 20},
    "no tasks": {},
}


@pytest.mark.parametrize("told", SLOW.values(), ids=SLOW)
def test_while_hours_freed_are_not_clear_ideas_are_counted_per_100_employees(
    told: dict[str, list[float]],
) -> None:
    found = figures("innovation", makers(told), people=TEAMS)
    assert found["", ""].interval.value == pytest.approx(12 / 450 * 100)
    assert "per 100 employees" in found["", ""].said.en
    assert found["per_100_employees", ""].interval == found["", ""].interval


def test_before_go_live_no_hour_is_freed_by_ai() -> None:
    found = figure("innovation", makers(QUICK), people=TEAMS, go_live=date(2026, 6, 1))
    assert "per 100 employees" in found.said.en


def test_employees_are_those_of_the_use_case_s_teams_on_the_period_s_last_day() -> None:
    found = figure("innovation", makers({}), people=TEAMS, teams=["sales"])
    assert found.interval.value == pytest.approx(12 / 50 * 100)


def test_no_idea_is_zero_and_nobody_who_counts_them_is_nothing() -> None:
    found = figure("innovation", makers(QUICK, ideas=0)).interval
    assert (found.value, found.low) == (0, 0)
    assert found.high > 0
    assert figures("innovation", makers(QUICK, ideas=None)) == {}


def test_without_head_counts_too_it_is_unknown() -> None:
    found = figures("innovation", makers({}))
    assert found["", ""].verdict == "unknown"
    assert ("per_100_employees", "") not in found


@pytest.mark.parametrize("count", [0, 1, 7, 240])
def test_the_range_of_a_count_is_garwood_s(count: int) -> None:
    low = stats.chi2.ppf(0.025, 2 * count) / 2 if count else 0.0
    assert ends(poisson(count)) == pytest.approx(
        (count, low, stats.chi2.ppf(0.975, 2 * count + 2) / 2)
    )


# --- token_saving


PRICES = {
    ("own", "m"): {
        "input": 2e-6,
        "output": 8e-6,
        "cache_read": 0.0,
        "cache_write": 0.0,
        "per_request": 0.0,
        "per_second": 0.0,
    }
}
REFERENCE = [{"tool": "writer", "prompt_version": "v1"}]


def called(inputs: Inputs, version: str, day: date, tokens: tuple[int, int], calls: int = 30,
           **more: Any) -> None:  # fmt: skip
    """Calls of one day, each with so many tokens in and out."""
    said = {"tool": "writer", "provider": "own", "model": "m", **more}
    hour = f"{day} 12:00:00"
    inputs.add(
        "interactions_hourly",
        {"hour": hour, "prompt_version": version, "requests": calls, "usage_requests": calls,
         "input_tokens": calls * tokens[0], "output_tokens": calls * tokens[1], **said},
    )  # fmt: skip


def checked(inputs: Inputs, version: str, right: int, of: int, day: date = BEFORE) -> None:
    inputs.add(
        "reviews_daily",
        {"tool": "writer", "prompt_version": version, "sampled": "true", "sampling_rate": 1,
         "correct": right, "correct_count": of, "reviews": of, "day": day},
    )  # fmt: skip


def prompts(right: tuple[int, int] = (90, 90), of: tuple[int, int] = (100, 100)) -> Inputs:
    inputs = Inputs()
    inputs.add("plan_reference_prompts", {"use_case": "quotes"}, tool="writer", prompt_version="v1")
    for i in range(6):
        called(inputs, "v1", BEFORE + timedelta(days=i), (3000 + 10 * i, 500))
        called(inputs, "v2", NOW + timedelta(days=i), (1500 + 10 * i, 400))
    checked(inputs, "v1", right[0], of[0])
    checked(inputs, "v2", right[1], of[1], NOW)
    return inputs


def saving(inputs: Inputs, prices: Any = PRICES) -> Any:
    return figure("token_saving", inputs, prices=prices, reference_prompts=REFERENCE)


def test_a_saving_is_one_less_the_cost_of_a_call_by_that_of_the_reference() -> None:
    found = saving(prompts())
    now = 1525 * 2e-6 + 400 * 8e-6
    reference = 3025 * 2e-6 + 500 * 8e-6
    assert found.interval.value == pytest.approx(1 - now / reference)
    assert found.interval.low < found.interval.value < found.interval.high
    assert (found.n, found.said.en, found.verdict) == (180, "", None)


def test_the_newest_version_is_the_one_that_was_first_called_last() -> None:
    inputs = prompts()
    called(inputs, "v9", NOW + timedelta(days=9), (10, 10))
    called(inputs, "v9", date(2026, 1, 20), (10, 10))
    assert saving(inputs).interval.value == pytest.approx(saving(prompts()).interval.value)
    assert "of the calls cannot be compared" in saving(inputs).said.en


def test_another_model_and_cancelled_calls_are_no_better_prompt() -> None:
    inputs = prompts()
    called(inputs, "v2", NOW, (1, 1), model="small")
    called(inputs, "v2", NOW, (9000, 1), status="cancelled")
    prices = {**PRICES, ("own", "small"): PRICES["own", "m"]}
    found = saving(inputs, prices)
    assert found.interval.value == pytest.approx(saving(prompts()).interval.value)
    assert "14 % of the calls cannot be compared" in found.said.en


def test_models_are_weighed_by_the_calls_of_now() -> None:
    inputs = prompts()
    for i in range(2):
        called(inputs, "v1", BEFORE + timedelta(days=i), (1000, 100), 10, model="small")
        called(inputs, "v2", NOW + timedelta(days=i), (900, 100), 30, model="small")
    found = saving(inputs, {**PRICES, ("own", "small"): PRICES["own", "m"]})
    now = 180 * (1525 * 2e-6 + 400 * 8e-6) + 60 * (900 * 2e-6 + 100 * 8e-6)
    reference = 180 * (3025 * 2e-6 + 500 * 8e-6) + 60 * (1000 * 2e-6 + 100 * 8e-6)
    assert found.interval.value == pytest.approx(1 - now / reference)


def test_a_saving_that_cost_accuracy_is_not_shown_and_says_so() -> None:
    found = saving(prompts(right=(95, 70)))
    assert (math.isnan(found.interval.value), found.verdict) == (True, "off target")
    assert "not shown" in found.said.en and "70 %" in found.said.en and "95 %" in found.said.en


def test_a_little_less_accurate_by_chance_is_shown_with_a_remark() -> None:
    found = saving(prompts(right=(90, 88)))
    assert found.interval.value > 0.3
    assert "may be chance" in found.said.en


@pytest.mark.parametrize("of", [(100, 19), (19, 100), (100, 0)])
def test_without_twenty_checks_of_each_version_the_saving_is_not_shown(of: tuple[int, int]) -> None:
    found = saving(prompts(right=(of[0], of[1]), of=of))
    assert (math.isnan(found.interval.value), found.verdict) == (True, "too few")
    assert "fewer than 20 random checks" in found.said.en


def test_without_a_price_or_another_version_nothing_can_be_compared() -> None:
    assert saving(prompts(), {}).verdict == "unknown"
    assert saving(prompts(), {("own", "m"): {"input": 1.0}}).verdict == "unknown"
    only_old = Inputs()
    only_old.add("plan_reference_prompts", tool="writer", prompt_version="v1")
    called(only_old, "v1", NOW, (10, 10))
    assert saving(only_old).verdict == "unknown"
    assert figures("token_saving", Inputs(), reference_prompts=REFERENCE) == {}


def test_a_saving_without_any_cost_to_save_on_is_unknown() -> None:
    free = {("own", "m"): dict.fromkeys(PRICES["own", "m"], 0.0)}
    assert saving(prompts(), free).verdict == "unknown"


def test_the_window_of_before_is_where_this_file_puts_it() -> None:
    assert BASELINE["from"] <= BEFORE <= BASELINE["until"]
