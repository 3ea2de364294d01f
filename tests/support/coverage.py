"""Measures how often the ranges of KPI values hold the truth, where the truth is known.

`python -m support.coverage --write` (with PYTHONPATH=tests) rewrites the table in
docs/statistics.md; a test holds the two together.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import exp, log
from pathlib import Path
from zlib import crc32

import numpy as np
from scipy import special

from meetlat_aggregator.kpi import statistics as st
from meetlat_aggregator.kpi.statistics import Floats, Range
from meetlat_aggregator.waits import buckets_of

PAGE = Path(__file__).parents[2] / "docs" / "statistics.md"
BEGIN, END = "<!-- coverage: begin -->\n", "<!-- coverage: end -->\n"
SEED = 20260101
REPEATS = 10_000
GOOD = (0.93, 0.97)

Random = np.random.Generator
Found = tuple[Range, Floats | float]  # intervals, and what they should hold


@dataclass(frozen=True)
class Case:
    """One line of the table: what is drawn, and between which bounds the coverage has to be."""

    range_: str
    of: str
    draw: Callable[[Random], Found]
    bounds: tuple[float, float] = GOOD

    @property
    def name(self) -> str:
        return f"{self.range_}: {self.of}"

    def measure(self) -> Measured:
        """The share of intervals that hold the truth; one that is missing holds nothing."""
        found, truth = self.draw(np.random.default_rng([SEED, crc32(self.name.encode())]))
        held = (found.low <= truth) & (truth <= found.high)
        return Measured(self, float(held.mean()), len(held))


@dataclass(frozen=True)
class Measured:
    """What a case gave."""

    case: Case
    share: float
    intervals: int


# --- shares


def wilson(n: int, share: float) -> Callable[[Random], Found]:
    return lambda random: (
        st.wilson(random.binomial(n, share, REPEATS).astype(float), np.full(REPEATS, float(n))),
        share,
    )


def wilson_of_many(n: int) -> Callable[[Random], Found]:
    def draw(random: Random) -> Found:
        shares = np.repeat(np.linspace(0.02, 0.98, 97), REPEATS // 10)
        return st.wilson(random.binomial(n, shares).astype(float), np.full(len(shares), n)), shares

    return draw


def weighted(random: Random) -> Found:
    # 150 reviews each of two lists, of which one in one and one in five was drawn.
    of_all, of_fifth = random.binomial(150, 0.9, REPEATS), random.binomial(150, 0.8, REPEATS)
    ones = np.ones(REPEATS)
    found = st.weighted_wilson(of_all + 5.0 * of_fifth, 900 * ones, (150 + 150 * 25) * ones)
    return found, (150 * 0.9 + 750 * 0.8) / 900


def share_by_day(
    share: float, days: int, apart: float, *, naive: bool = False
) -> Callable[[Random], Found]:
    """50 calls a day, whose share differs from day to day (beta, standard deviation `apart`)."""

    def draw(random: Random) -> Found:
        n = random.poisson(50, (REPEATS // 4, days)).astype(float)
        size = share * (1 - share) / apart**2 - 1 if apart else 0.0
        of_day = random.beta(share * size, (1 - share) * size, n.shape) if apart else share
        hits = random.binomial(n.astype(int), of_day).astype(float)
        starts = np.arange(0, n.size, days)
        effect = 1.0 if naive else st.design_effect(hits.ravel(), n.ravel(), starts)
        return st.wilson(hits.sum(axis=1), n.sum(axis=1), effect), share

    return draw


# --- means


def sums(values: Floats) -> tuple[Floats, Floats, Floats]:
    n = np.full(len(values), float(values.shape[1]))
    return values.sum(axis=1), (values**2).sum(axis=1), n


def mean_of_normal(n: int) -> Callable[[Random], Found]:
    return lambda random: (st.mean_t(*sums(random.normal(3, 1, (REPEATS, n)))), 3.0)


def mean_of_skewed(n: int, sigma: float) -> Callable[[Random], Found]:
    repeats = REPEATS if n < 1000 else REPEATS // 5
    return lambda random: (
        st.mean_t(*sums(random.lognormal(0, sigma, (repeats, n)))),
        exp(sigma**2 / 2),
    )


def ratio_of_clustered(days: int, *, naive: bool) -> Callable[[Random], Found]:
    """40 calls a day; each day all of them are slower or quicker (lognormal, 0.3)."""

    def draw(random: Random) -> Found:
        repeats = 2000
        counts = random.poisson(40, repeats * days)
        day = np.repeat(np.arange(len(counts)), counts)
        calls = random.lognormal(0, 0.6, len(day)) * random.lognormal(0, 0.3, len(counts))[day]
        totals, n = np.bincount(day, calls, len(counts)), counts.astype(float)
        truth = exp(0.6**2 / 2 + 0.3**2 / 2)
        if not naive:
            return st.ratio_by_day(totals, n, np.arange(0, len(counts), days)), truth
        squares = np.bincount(day, calls**2, len(counts))
        each = [column.reshape(repeats, days).sum(axis=1) for column in (totals, squares, n)]
        return st.mean_t(*each), truth

    return draw


def by_case(cases: int) -> Callable[[Random], Found]:
    """1 to 10 calls a case; a case is quick or slow as a whole (lognormal, 0.5)."""

    def draw(random: Random) -> Found:
        repeats = 1000
        calls = random.integers(1, 11, repeats * cases).astype(float)
        waits = (
            calls * random.lognormal(0, 0.5, len(calls)) * random.gamma(calls * 4, 1 / calls / 4)
        )
        found = st.bootstrap_by_case(
            np.stack([waits, calls], axis=1),
            np.arange(0, len(calls), cases),
            lambda found: found[..., 0] / found[..., 1],
            draws=500,
        )
        return found, exp(0.5**2 / 2)

    return draw


# --- quantiles


def rows_sorted(values: Floats) -> tuple[Floats, np.ndarray]:
    return np.sort(values, axis=1).ravel(), np.arange(0, values.size, values.shape[1])


def quantile(n: int, q: float) -> Callable[[Random], Found]:
    def draw(random: Random) -> Found:
        values, starts = rows_sorted(random.lognormal(0, 1, (REPEATS if n < 500 else 2000, n)))
        return st.quantile_of_sorted(values, starts, q), exp(special.ndtri(q))

    return draw


def quantile_of_buckets(n: int, q: float) -> Callable[[Random], Found]:
    """Waits of about two seconds (lognormal, 0.7) in their log buckets."""

    def draw(random: Random) -> Found:
        repeats = 2000
        edges = (101 / 99) ** np.arange(401, 1000.0)
        assert buckets_of(np.floor(edges[:1]).astype(np.int64)) == [401]
        below = special.ndtr((np.log(edges) - log(2e6)) / 0.7)
        chances = np.diff(below, prepend=0.0, append=1.0)
        counts = random.multinomial(n, chances, repeats)
        buckets = np.tile(np.arange(401, 401 + len(chances)), repeats)
        starts = np.arange(0, counts.size, counts.shape[1])
        found = st.quantile_of_histogram(buckets, counts.ravel(), starts, q)
        return found, 2e6 * exp(0.7 * special.ndtri(q))

    return draw


def unended(random: Random, repeats: int, n: int, open_: float) -> Range:
    """Exponential times of mean 1; how long each has been watched is exponential too."""
    times = random.exponential(1, (repeats, n))
    watched = random.exponential((1 - open_) / open_, times.shape) if open_ else times + 1
    seen = np.minimum(times, watched)
    order = np.argsort(seen, axis=1)
    values, ended = (np.take_along_axis(x, order, 1).ravel() for x in (seen, times <= watched))
    return st.kaplan_meier(values, ended, np.arange(0, values.size, n))


def median_of_unended(n: int, open_: float) -> Callable[[Random], Found]:
    return lambda random: (unended(random, REPEATS // 2, n, open_), log(2))


# --- comparisons


def newcombe(n: int, m: int) -> Callable[[Random], Found]:
    def draw(random: Random) -> Found:
        a, b = random.binomial(n, 0.2, REPEATS), random.binomial(m, 0.1, REPEATS)
        found = st.difference(
            st.wilson(a.astype(float), np.full(REPEATS, n)),
            st.wilson(b.astype(float), np.full(REPEATS, m)),
        )
        return found, 0.1

    return draw


def better(now: Range, base: Range, *, higher: bool = False) -> Range:
    return st.improvement(now, base, np.full(now.value.shape, higher))


def improved_share(
    now: tuple[float, int], base: tuple[float, int], *, higher: bool
) -> Callable[[Random], Found]:
    def draw(random: Random) -> Found:
        a, b = (
            st.wilson(random.binomial(n, p, REPEATS).astype(float), np.full(REPEATS, n))
            for p, n in (now, base)
        )
        truth = (now[0] - base[0]) / base[0]
        return better(a, b, higher=higher), truth if higher else -truth

    return draw


def improved_mean(n: int) -> Callable[[Random], Found]:
    def draw(random: Random) -> Found:
        now, base = (random.normal(mean, 0.5, (REPEATS, n)) for mean in (2, 3))
        return better(st.mean_t(*sums(now)), st.mean_t(*sums(base))), 1 / 3

    return draw


def improved_skewed_mean(then: int, n: int) -> Callable[[Random], Found]:
    def draw(random: Random) -> Found:
        now, base = (random.lognormal(log(x), 1, (REPEATS // 2, k)) for x, k in ((2, n), (3, then)))
        return better(st.mean_t(*sums(now)), st.mean_t(*sums(base))), 1 / 3

    return draw


def improved_median(then: int, n: int) -> Callable[[Random], Found]:
    def draw(random: Random) -> Found:
        now, base = (random.lognormal(log(x), 1, (REPEATS // 2, k)) for x, k in ((1, n), (3, then)))
        a, b = (st.quantile_of_sorted(*rows_sorted(x), 0.5) for x in (now, base))
        return better(a, b), 2 / 3

    return draw


def improved_unended(random: Random) -> Found:
    now, base = (unended(random, REPEATS // 2, n, 0.3) for n in (100, 50))
    three = Range(*(3 * x for x in (base.value, base.low, base.high)))
    return better(now, three), 2 / 3


def reweighted(kind: str) -> Callable[[Random], Found]:
    """Standard 2 h to 1 h and complex 10 h to 9 h, 0.8 and 0.2 of the mix now, 0.4 and 0.6 then."""

    def draw(random: Random) -> Found:
        repeats, sigma = REPEATS // 2, 0.5
        sides: list[Range] = []
        for middles, sizes in (((1, 9), (80, 20)), ((2, 10), (40, 60))):
            parts = []
            for x, n in zip(middles, sizes, strict=True):
                values = random.lognormal(log(x), sigma, (repeats, n))
                parts.append(
                    st.mean_t(*sums(values))
                    if kind == "means"
                    else st.quantile_of_sorted(*rows_sorted(values), 0.5)
                )
            both = Range(
                *(
                    np.stack([getattr(part, name) for part in parts], axis=1).ravel()
                    for name in ("value", "low", "high")
                )
            )
            weights = np.tile([0.8, 0.2], repeats)
            sides.append(st.weighted_sum(both, weights, np.arange(0, 2 * repeats, 2)))
        return better(*sides), 1 - (0.8 * 1 + 0.2 * 9) / (0.8 * 2 + 0.2 * 10)

    return draw


CASES = [
    Case("Wilson", "share 0.02 to 0.98, n = 20", wilson_of_many(20)),
    Case("Wilson", "share 0.02 to 0.98, n = 100", wilson_of_many(100)),
    Case("Wilson", "share 0.02 to 0.98, n = 1,000", wilson_of_many(1000)),
    Case("Wilson", "share 0.95, n = 20", wilson(20, 0.95), (0.91, 0.97)),
    Case("Wilson", "share 0.995, n = 598", wilson(598, 0.995), (0.91, 0.99)),
    Case("Wilson, weighted", "share 0.82, 300 reviews of weight 1 or 5", weighted),
    Case(
        "Wilson",
        "0.8 of 50 alike calls on 28 days",
        share_by_day(0.8, 28, 0.1, naive=True),
        (0.5, 0.70),
    ),
    Case("Wilson by day", "the same, 8 days", share_by_day(0.8, 8, 0.1)),
    Case("Wilson by day", "the same, 28 days", share_by_day(0.8, 28, 0.1)),
    Case("Wilson by day", "the same, 90 days", share_by_day(0.8, 90, 0.1)),
    Case(
        "Wilson by day",
        "0.8 of 50 independent calls, 8 days",
        share_by_day(0.8, 8, 0),
        (0.95, 0.99),
    ),
    Case(
        "Wilson by day",
        "0.8 of 50 independent calls, 28 days",
        share_by_day(0.8, 28, 0),
        (0.94, 0.98),
    ),
    Case(
        "Wilson by day",
        "0.01 of 50 independent calls, 28 days",
        share_by_day(0.01, 28, 0),
        (0.94, 0.98),
    ),
    Case("t", "normal, n = 5", mean_of_normal(5), (0.94, 0.96)),
    Case("t", "normal, n = 20", mean_of_normal(20), (0.94, 0.96)),
    Case("t", "lognormal σ = 0.5, n = 20", mean_of_skewed(20, 0.5), (0.91, 0.95)),
    Case("t", "lognormal σ = 1, n = 20", mean_of_skewed(20, 1), (0.84, 0.90)),
    Case("t", "lognormal σ = 1, n = 100", mean_of_skewed(100, 1), (0.89, 0.94)),
    Case("t", "lognormal σ = 1, n = 1,000", mean_of_skewed(1000, 1), (0.92, 0.96)),
    Case("t", "40 alike calls on 28 days", ratio_of_clustered(28, naive=True), (0.4, 0.6)),
    Case("t by day", "the same, 7 days", ratio_of_clustered(7, naive=False), (0.92, 0.96)),
    Case("t by day", "the same, 28 days", ratio_of_clustered(28, naive=False)),
    Case("t by day", "the same, 90 days", ratio_of_clustered(90, naive=False)),
    Case("bootstrap by case", "20 cases of 1 to 10 calls", by_case(20), (0.85, 0.93)),
    Case("bootstrap by case", "100 cases of 1 to 10 calls", by_case(100), (0.91, 0.96)),
    Case("order statistics", "median, n = 6", quantile(6, 0.5), (0.95, 0.98)),
    Case("order statistics", "median, n = 20", quantile(20, 0.5), (0.94, 0.975)),
    Case("order statistics", "median, n = 100", quantile(100, 0.5), (0.94, 0.975)),
    Case("order statistics", "p95, n = 72", quantile(72, 0.95), (0.95, 0.98)),
    Case("order statistics", "p95, n = 200", quantile(200, 0.95), (0.94, 0.98)),
    Case("order statistics", "p95, n = 1,000", quantile(1000, 0.95), (0.93, 0.98)),
    Case("log buckets", "p95, n = 200", quantile_of_buckets(200, 0.95), (0.94, 0.99)),
    Case("log buckets", "median, n = 1,000", quantile_of_buckets(1000, 0.5), (0.94, 0.99)),
    Case("log buckets", "median, n = 1,000,000", quantile_of_buckets(10**6, 0.5), (0.99, 1)),
    Case("Brookmeyer–Crowley", "median, none open, n = 20", median_of_unended(20, 0), (0.94, 0.98)),
    Case("Brookmeyer–Crowley", "median, 30 % open, n = 20", median_of_unended(20, 0.3)),
    Case("Brookmeyer–Crowley", "median, 30 % open, n = 200", median_of_unended(200, 0.3)),
    Case("Brookmeyer–Crowley", "median, 60 % open, n = 20", median_of_unended(20, 0.6)),
    Case("Brookmeyer–Crowley", "median, 60 % open, n = 200", median_of_unended(200, 0.6)),
    Case("difference", "shares 0.2 and 0.1, n = 100 and 100", newcombe(100, 100)),
    Case("difference", "shares 0.2 and 0.1, n = 30 and 300", newcombe(30, 300)),
    Case(
        "improvement",
        "share 0.2 to 0.1, n = 100 then and 200 now",
        improved_share((0.1, 200), (0.2, 100), higher=False),
    ),
    Case(
        "improvement",
        "share 0.6 to 0.75, n = 50 then and 80 now",
        improved_share((0.75, 80), (0.6, 50), higher=True),
    ),
    Case(
        "improvement",
        "share 0.6 to 0.75, n = 20 and 20",
        improved_share((0.75, 20), (0.6, 20), higher=True),
    ),
    Case("improvement", "means, normal, n = 20 and 20", improved_mean(20)),
    Case("improvement", "means, lognormal σ = 1, n = 50 and 50", improved_skewed_mean(50, 50)),
    Case(
        "improvement",
        "means, lognormal σ = 1, n = 20 then and 200 now",
        improved_skewed_mean(20, 200),
        (0.85, 0.92),
    ),
    Case(
        "improvement",
        "medians, lognormal σ = 1, n = 20 and 20",
        improved_median(20, 20),
        (0.95, 0.99),
    ),
    Case(
        "improvement",
        "medians, lognormal σ = 1, n = 50 then and 200 now",
        improved_median(50, 200),
        (0.95, 0.985),
    ),
    Case(
        "improvement",
        "medians, 30 % open, n = 50 then and 100 now",
        improved_unended,
        (0.94, 0.985),
    ),
    Case("improvement, re-weighted", "means of two segments", reweighted("means")),
    Case(
        "improvement, re-weighted",
        "medians of two segments",
        reweighted("medians"),
        (0.95, 0.985),
    ),
]


def table(measured: Iterable[Measured]) -> str:
    """The table of docs/statistics.md."""
    text = "| range | of | holds the truth | of so many | the test allows |\n"
    text += "| --- | --- | --- | --- | --- |\n"
    for one in measured:
        low, high = one.case.bounds
        text += f"| {one.case.range_} | {one.case.of} | {one.share:.3f} | {one.intervals:,} "
        text += f"| {low:g}–{high:g} |\n"
    return text


def write() -> None:
    """Put the table on its page."""
    page = PAGE.read_text()
    before, rest = page.split(BEGIN)
    PAGE.write_text(
        before + BEGIN + table(one.measure() for one in CASES) + END + rest.split(END)[1]
    )


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        write()
    else:
        sys.stdout.write(table(one.measure() for one in CASES))
