"""Ranges of KPI values, for many rows at once; docs/statistics.md says what each is.

Everything takes and gives float64 arrays of one length. NaN is "not known": what cannot be told
from the data (no observation, one observation, nothing to divide by) comes out as NaN, never as an
error or a warning. Infinity is "known to have no end": the data go no further.
"""

from meetlat_aggregator.kpi.statistics.base import Floats, Groups, Range, known_exactly
from meetlat_aggregator.kpi.statistics.bootstrap import bootstrap_by_case
from meetlat_aggregator.kpi.statistics.combine import (
    difference,
    improvement,
    ratio,
    shares_within,
    weighted_sum,
)
from meetlat_aggregator.kpi.statistics.judge import (
    OFF,
    ON,
    UNDECIDED,
    UNKNOWN,
    benjamini_hochberg,
    p_value,
    target_status,
)
from meetlat_aggregator.kpi.statistics.means import mean_t, ratio_by_day
from meetlat_aggregator.kpi.statistics.quantiles import (
    microseconds_of_bucket,
    quantile_of_histogram,
    quantile_of_sorted,
    quantile_ranks,
)
from meetlat_aggregator.kpi.statistics.shares import design_effect, weighted_wilson, wilson
from meetlat_aggregator.kpi.statistics.survival import kaplan_meier

__all__ = [
    "OFF",
    "ON",
    "UNDECIDED",
    "UNKNOWN",
    "Floats",
    "Groups",
    "Range",
    "benjamini_hochberg",
    "bootstrap_by_case",
    "design_effect",
    "difference",
    "improvement",
    "kaplan_meier",
    "known_exactly",
    "mean_t",
    "microseconds_of_bucket",
    "p_value",
    "quantile_of_histogram",
    "quantile_of_sorted",
    "quantile_ranks",
    "ratio",
    "ratio_by_day",
    "shares_within",
    "target_status",
    "weighted_sum",
    "weighted_wilson",
    "wilson",
]
