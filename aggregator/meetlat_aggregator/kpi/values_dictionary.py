"""The published tables that the engine makes, and what their columns mean."""

from __future__ import annotations

from meetlat_aggregator.table import Table

_KEY = {
    "kpi": "Id of the KPI",
    "day": "Day in the company's time zone; of what is counted by week, its Monday",
    "segment": "Class of tasks; '' for none, or for all of them together",
    "part": "Part of the KPI that its definition names; '' is the KPI itself",
    "assisted": "Was AI used: true, false or '' where that is unknown or does not matter",
}

VALUE_TABLES = (
    Table(
        "kpi_values",
        "The values of the KPIs, with range, baseline, target and status",
        columns={
            **_KEY,
            "period": "hour, day, week (ISO), month, quarter, year, rolling_28d or since_go_live",
            "start": "Start of the period: of an hour in UTC, else midnight of its first day, "
            "in the company's time zone",
            "team": "Team; '' for all; '(small)' when it is below the privacy limit in that week",
            "value": "The value, in the unit; NULL where it is unknown, or a share of too few",
            "value_date": "The value of a KPI that is a date",
            "low": "Lower end of its 95 % range; NULL where none is known",
            "high": "Upper end of its 95 % range; NULL where none is known",
            "n": "How many observations it rests on",
            "unit": "share, s, min, h, days, money, tokens, count, people, score, % or date",
            "currency": "ISO 4217 code of the company's money; '' where it is not money",
            "baseline": "The same before AI, of the segments compared, weighed by the current mix; "
            "as it was where nothing is measured yet",
            "baseline_n": "How many observations the baseline rests on",
            "target_low": "Lower end of the target in the unit; of a relative one, by the baseline",
            "target_high": "Upper end of the target in the unit",
            "improvement": "By which share it is better than the baseline, less what the control "
            "team changed; NULL under 20 observations a side",
            "improvement_low": "Lower end of the improvement's 95 % range",
            "improvement_high": "Upper end of the improvement's 95 % range",
            "basis": "measured; estimated where the baseline was written down by hand",
            "phase": "Phase at the period's end: baseline, settling, early, review or monthly; '' "
            "without a go-live",
            "status": "The first that applies: suppressed, unknown, stale, too few, provisional, "
            "no baseline, on target, undecided (the range holds the target), off target",
            "closed": "Whether the period is closed: later changes are restatements",
            "as_of": "Up to which append time it was made (UTC)",
            "counted": "The number behind a share: 17 of n; of durations, how many have ended",
            "compared_value": "The value of the segments that have a baseline, weighed by the mix",
            "compared_share": "Share of n in segments that have a baseline; the rest is left out",
            "control_change": "Improvement of the control team, which was subtracted",
            "remark": "What a reader has to know beside it; '' for nothing",
            "remark_nl": "The same in Dutch",
        },
    ),
    Table(
        "baselines",
        "What the values are compared with",
        columns={
            **_KEY,
            "team": "Team; '' for all",
            "cut": "Of what it is: total, team, segment or both",
            "value": "The value before AI, in the KPI's unit",
            "low": "Lower end of its 95 % range",
            "high": "Upper end of its 95 % range",
            "n": "How many observations it rests on",
            "source": "measured, or where the plan says that it was written down",
            "since": "First day of the window; NULL when it was written down",
            "until": "Last day of the window; NULL when it was written down",
        },
    ),
    Table(
        "kpi_components",
        "What KPIs are made of, per day: parts that can be added up",
        columns={
            **_KEY,
            "n": "Observations",
            "total": "Sum of them, in the KPI's unit; of a share, how many are hits",
            "weight": "Sum of their weights; NULL where all weigh the same",
            "squares": "Sum of their squares, or of their weights' squares",
        },
    ),
    Table(
        "kpi_buckets",
        "What quantiles of waits are made of, per day; buckets as in duration_histogram",
        columns={**_KEY, "count": "Number of calls in the bucket"},
    ),
    Table(
        "kpi_months",
        "The parts of whole calendar months, which quarters, years and since_go_live are made of",
        columns={
            **_KEY,
            "month": "First day of the month",
            "cut": "Of what it is: total, team, segment or both",
            "days": "Days that have parts",
            "n": "Observations",
            "total": "Sum of them",
            "weight": "Sum of their weights",
            "squares": "Sum of their squares, or of their weights' squares",
            "total_total": "Sum over days of the day's total squared",
            "total_n": "Sum over days of the day's total times its n",
            "n_n": "Sum over days of the day's n squared",
        },
    ),
    Table(
        "kpi_month_buckets",
        "The buckets of whole calendar months",
        columns={
            **_KEY,
            "month": "First day of the month",
            "count": "Number of calls in the bucket",
        },
    ),
    Table(
        "kpi_pending",
        "KPIs that follow the tables with some delay: what of them is still to be made",
        columns={"kpi": "Id of the KPI", "day": "Day of which the tables say more than the KPI"},
    ),
)
