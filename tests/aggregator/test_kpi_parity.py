"""Selection parity: counts per group, who may be shown, and ranges that keep their promise."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

import numpy as np
import pytest
from scipy.stats.contingency import relative_risk
from support.composing import figures
from support.kpi_inputs import Inputs, select
from support.kpi_rows import parts_of

from meetlat_aggregator.kpi.composed.parity import Counts, parity, rate_ratio

TUESDAY = date(2026, 3, 3)


def counted(inputs: Inputs, stage: str, counts: dict[str, int], **said: Any) -> None:
    for group, count in counts.items():
        told = {"dimension": "gender", "stage": stage, "group": group, "count": count}
        inputs.add("selection_counts", told | said)


def test_the_parts_hold_applied_and_selected_per_group_added_over_days() -> None:
    inputs = Inputs()
    counted(inputs, "applied", {"f": 40, "m": 60}, assisted="true")
    counted(inputs, "applied", {"m": 20}, assisted="true", day=TUESDAY)
    counted(inputs, "selected", {"f": 8, "m": 22}, assisted="true")
    counted(inputs, "applied", {"f": 99}, assisted="false")
    counted(inputs, "interviewed", {"f": 7, "x": 1}, assisted="true")
    counted(inputs, "applied", {"50+": 3}, dimension="age/band", assisted="true")
    rows = inputs.parts("selection_parity")
    assert parts_of(rows) == {'["gender","f"]', '["gender","m"]', '["age/band","50+"]'}

    def sums(group: str) -> tuple[int, int]:
        own = select(rows, f'["gender","{group}"]', assisted="true")
        return sum(row["n"] for row in own), sum(row["total"] for row in own)

    assert (sums("f"), sums("m")) == ((40, 8), (80, 22))


def test_difference_and_ratio_by_hand() -> None:
    found = parity([{"f": Counts(40, 8), "m": Counts(80, 24)}])
    # 8 of 32 selected, 40 of 120 applicants; 20 % of them against 30 % of the others.
    assert found["f"].difference == pytest.approx(1 / 4 - 1 / 3)
    assert found["f"].ratio == pytest.approx(0.2 / 0.3)
    assert found["m"].difference == pytest.approx(3 / 4 - 2 / 3)
    assert found["m"].ratio == pytest.approx(0.3 / 0.2)
    assert (found["f"].n, found["m"].n) == (40, 80)


def test_the_ratio_of_one_stratum_has_katzs_interval_as_scipy_makes_it() -> None:
    ratio = rate_ratio([(Counts(40, 8), Counts(80, 24))])
    reference = relative_risk(8, 40, 24, 80)
    interval = reference.confidence_interval(0.95)
    expected = (reference.relative_risk, interval.low, interval.high)
    assert ratio == pytest.approx(expected)


def test_the_difference_is_zero_at_the_end_of_its_interval_just_when_the_ratio_is_one() -> None:
    for selected in range(5, 35):
        found = parity([{"f": Counts(40, selected), "m": Counts(80, 24)}])["f"]
        assert (found.low > 0) == (found.ratio_low > 1)
        assert (found.high < 0) == (found.ratio_high < 1)
        assert found.low <= found.difference <= found.high


def test_vacancies_are_compared_within_so_that_choosing_harder_ones_is_no_bias() -> None:
    # Equal rates in each vacancy; women apply where few are selected. Pooled, it looks like bias.
    hard = {"f": Counts(200, 20), "m": Counts(50, 5)}
    easy = {"f": Counts(50, 25), "m": Counts(200, 100)}
    found = parity([hard, easy])["f"]
    assert found.ratio == pytest.approx(1)
    assert not found.adverse
    assert parity([{"f": hard["f"] + easy["f"], "m": hard["m"] + easy["m"]}])["f"].adverse


@pytest.mark.parametrize(
    ("applied", "selected", "shown"),
    [
        (30, 5, True),
        (29, 5, False),
        (30, 4, False),
        (30, 25, True),
        (30, 26, False),
        (40, 41, False),
    ],
)
def test_small_groups_are_hidden(applied: int, selected: int, shown: bool) -> None:
    groups = {"a": Counts(applied, selected), "b": Counts(300, 90), "c": Counts(300, 90)}
    assert ("a" in parity([groups])) == shown


def test_a_hidden_group_cannot_be_worked_out_from_the_others() -> None:
    big = Counts(300, 90)
    assert parity([{"a": Counts(9, 1), "b": big}]) == {}
    assert parity([{"a": Counts(9, 1), "b": big, "c": Counts(200, 60)}]).keys() == {"b"}
    two_hidden = {"a": Counts(20, 4), "b": big, "c": Counts(25, 4), "d": big}
    assert parity([two_hidden]).keys() == {"b", "d"}
    # Shown, b would tell of a and c together, who are too few.
    assert parity([{"a": Counts(3, 1), "b": big, "c": Counts(4, 1)}]) == {}


def test_where_no_group_may_be_shown_it_is_suppressed_without_a_number() -> None:
    inputs = Inputs()
    counted(inputs, "applied", {"f": 12, "m": 20}, assisted="true")
    counted(inputs, "selected", {"f": 4, "m": 9}, assisted="true")
    (found,) = figures("selection_parity", inputs).values()
    assert (found.verdict, math.isnan(found.n), math.isnan(found.interval.value)) == (
        "suppressed", True, True,
    )  # fmt: skip
    assert figures("selection_parity", Inputs()) == {}


def test_a_group_alone_in_its_vacancies_has_a_difference_and_no_ratio() -> None:
    inputs = Inputs()
    for vacancy, group, selected in (("clerk", "f", 10), ("driver", "m", 30)):
        counted(inputs, "applied", {group: 60}, assisted="true", segment=vacancy)
        counted(inputs, "selected", {group: selected}, assisted="true", segment=vacancy)
    found = figures("selection_parity", inputs)
    assert found["gender/f", ""].interval.value == pytest.approx(10 / 40 - 1 / 2)
    assert found["gender/f/ratio", ""].verdict == "too few"
    assert math.isnan(found["gender/f/ratio", ""].interval.value)


def test_nothing_to_compare_is_nothing_and_never_an_error() -> None:
    assert parity([]) == parity([{}]) == parity([{"a": Counts(0, 0)}]) == {}
    assert parity([{"a": Counts(500, 100)}]) == {}
    alone = parity([{"a": Counts(100, 20)}, {"b": Counts(100, 30)}])
    assert math.isnan(alone["a"].ratio)
    assert not alone["a"].adverse
    nobody = Counts(0, 0)
    assert rate_ratio([(nobody, nobody), (Counts(9, 3), Counts(9, 3))])[0] == pytest.approx(1)
    for own, others in ((0, 4), (4, 0), (0, 0)):
        assert all(map(math.isnan, rate_ratio([(Counts(9, own), Counts(9, others))])))


def test_adverse_only_when_the_whole_interval_is_below_four_fifths() -> None:
    few = parity([{"f": Counts(40, 8), "m": Counts(80, 24)}])["f"]
    many = parity([{"f": Counts(4000, 800), "m": Counts(8000, 2400)}])["f"]
    assert few.ratio == pytest.approx(many.ratio)
    assert (few.adverse, many.adverse) == (False, True)


@pytest.mark.parametrize("rates", [(0.3, 0.3), (0.15, 0.3)])
def test_the_intervals_hold_the_truth_as_often_as_they_say(rates: tuple[float, float]) -> None:
    random = np.random.default_rng(7)
    own, others = 80, 160
    truth = own * rates[0] / (own * rates[0] + others * rates[1]) - own / (own + others)
    draws = 4000
    held = ratios = shown = 0
    for mine, theirs in zip(
        random.binomial(own, rates[0], draws), random.binomial(others, rates[1], draws), strict=True
    ):
        groups = {"a": Counts(own, int(mine)), "b": Counts(others, int(theirs))}
        found = parity([groups]).get("a")
        if found is None:
            continue
        shown += 1
        held += found.low <= truth <= found.high
        ratios += found.ratio_low <= rates[0] / rates[1] <= found.ratio_high
    assert shown > 0.97 * draws
    assert held / shown == pytest.approx(0.95, abs=0.015)
    assert ratios / shown == pytest.approx(0.95, abs=0.015)


def test_the_stratified_interval_holds_the_truth_as_often_as_it_says() -> None:
    random = np.random.default_rng(11)
    strata, ratio = ((60, 90, 0.2), (40, 30, 0.5), (50, 120, 0.35)), 0.7
    held = 0
    draws = 4000
    for _ in range(draws):
        drawn = [
            (
                Counts(own, int(random.binomial(own, ratio * rate))),
                Counts(others, int(random.binomial(others, rate))),
            )
            for own, others, rate in strata
        ]
        _, low, high = rate_ratio(drawn)
        held += low <= ratio <= high
    assert held / draws == pytest.approx(0.95, abs=0.015)


def test_a_fair_selection_is_called_adverse_in_less_than_one_of_twenty() -> None:
    """Any of four groups, over three vacancies, all selected at one rate per vacancy."""
    random = np.random.default_rng(3)
    sizes, rates, draws = (200, 90, 60, 40), (0.15, 0.3, 0.5), 3000
    called = 0
    for _ in range(draws):
        vacancies = [
            {str(i): Counts(size, int(random.binomial(size, rate))) for i, size in enumerate(sizes)}
            for rate in rates
        ]
        called += any(one.adverse for one in parity(vacancies).values())
    assert called / draws < 0.05


def test_an_unfair_selection_is_called_adverse_when_there_are_enough() -> None:
    random = np.random.default_rng(4)
    called = sum(
        parity(
            [{"f": Counts(800, int(random.binomial(800, 0.15))),
              "m": Counts(800, int(random.binomial(800, 0.3)))}]
        )["f"].adverse
        for _ in range(300)
    )  # fmt: skip
    assert called > 285
