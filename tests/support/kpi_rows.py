"""Published rows from single observations: a test says what happened, and computes it anew.

The sums are made here in plain Python, with the units and counts that docs/tables.md gives.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from support.kpi_inputs import Inputs, Row, select


def tasks_daily(inputs: Inputs, tasks: Iterable[Row], **dimensions: Any) -> None:
    """One row of `tasks_daily` that adds up tasks; handling in seconds, absent fields unknown."""
    told = list(tasks)
    row: Row = {"tasks": len(told)}
    for column, name, scale in (
        ("handling", "handling", 1_000_000),
        ("revisions", "revisions", 1),
        ("errors", "errors", 1),
        ("quality", "quality", 1),
        ("takeover", "takeover", 1),
    ):
        values = [task[name] * scale for task in told if task.get(name) is not None]
        row[f"{column}_sum"] = sum(values)
        row[f"{column}_count"] = len(values)
        row[f"{column}_squares"] = sum(value * value for value in values)
    row["at_most_2_revisions"] = sum(task.get("revisions", 9) <= 2 for task in told)
    row["with_errors"] = sum(task.get("errors", 0) > 0 for task in told)
    row["quality_at_least_7"] = sum(task.get("quality", 0) >= 7 for task in told)
    reused = [task["reused"] for task in told if task.get("reused") is not None]
    row["template_reused"], row["template_reused_count"] = sum(reused), len(reused)
    inputs.add("tasks_daily", row, **dimensions)


def feedback(
    inputs: Inputs,
    kind: str,
    scores: Sequence[float],
    scale: tuple[int, int] = (1, 10),
    **dimensions: Any,
) -> None:
    """One row of `feedback_daily` that adds up scores on one scale."""
    low, high = scale
    inputs.add(
        "feedback_daily",
        {
            "kind": kind,
            "scale_min": low if scores else 0,
            "scale_max": high if scores else 0,
            "events": len(scores),
            "scores": len(scores),
            "positives": sum(3 * (score - low) >= 2 * (high - low) for score in scores),
            "score_sum": sum(scores),
            "score_squares": sum(score * score for score in scores),
        },
        **dimensions,
    )


def measure(inputs: Inputs, name: str, *values: float, **dimensions: Any) -> None:
    """One row of `measurements_daily` that adds up measurements."""
    inputs.add(
        "measurements_daily",
        {
            "name": name,
            "count": len(values),
            "value_sum": sum(values),
            "value_squares": sum(value * value for value in values),
        },
        **dimensions,
    )


def mean_and_deviation(rows: Iterable[Row], part: str = "") -> tuple[float, float, int]:
    """Mean, standard deviation of the sample, and n, of a KPI of shape `mean`."""
    of_part = select(rows, part)
    total, squares, n = (sum(row[name] for row in of_part) for name in ("total", "squares", "n"))
    return total / n, math.sqrt(max(squares - total * total / n, 0) / (n - 1)), int(n)


def parts_of(rows: Iterable[Row]) -> set[str]:
    """The names of the parts that are there; '' is the KPI itself."""
    return {row.get("part", "") for row in rows}
