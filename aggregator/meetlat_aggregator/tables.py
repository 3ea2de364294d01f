"""The live tables that a batch is merged into, and how: cells add up, registers keep the latest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Cell:
    """An additive table. `key` are its dimensions, `hour` first; all other columns are summed.

    `source` is the event type (short name) that its query in `sql/cells` reads; `query` the
    query's name where it is not the table's.
    """

    name: str
    source: str
    key: tuple[str, ...]
    query: str = ""


@dataclass(frozen=True, slots=True)
class State:
    """A row-level table. Columns in `merge` are merged by their operator, all others by greatest.

    `feeds` are the event types it is made from; `needles` the data fields by which the archive is
    searched for a key's other events, when one of them is withdrawn.
    """

    name: str
    source: str
    key: tuple[str, ...]
    feeds: tuple[str, ...]
    needles: tuple[str, ...] = ()
    merge: dict[str, str] = field(default_factory=dict)


_WHERE = ("use_case", "tool", "feature", "team", "segment")

CELLS = (
    Cell(
        "interactions_hourly",
        "interaction",
        (
            "hour", *_WHERE, "provider", "model", "operation", "prompt_version", "status",
            "error_type", "currency",
        ),
    ),
    Cell(
        "duration_histogram",
        "interaction",
        ("hour", *_WHERE, "model", "operation", "prompt_version", "status", "measure", "bucket"),
    ),
    Cell("escalations_hourly", "escalation", ("hour", *_WHERE, "reason", "to")),
    Cell("usage_hourly", "usage", ("hour", *_WHERE, "action", "template")),
    Cell(
        "feedback_hourly",
        "feedback",
        ("hour", *_WHERE, "kind", "by", "assisted", "question", "scale_min", "scale_max"),
    ),
    Cell(
        "reviews_hourly",
        "review",
        ("hour", *_WHERE, "prompt_version", "sampled", "sampling_rate", "stratum"),
    ),
    Cell(
        "probes_hourly",
        "probe",
        ("hour", "use_case", "tool", "check", "location", "maintenance", "error_type"),
    ),
    Cell(
        "measurements_hourly",
        "measurement",
        ("hour", "use_case", "tool", "team", "segment", "name", "unit", "period"),
    ),
    Cell(
        "selection_counts_hourly",
        "selection_counts",
        (
            "hour", "use_case", "tool", "team", "segment", "dimension", "stage", "assisted",
            "period", "group",
        ),
    ),
    Cell("support_hourly", "support_request", ("hour", *_WHERE, "topic")),
)  # fmt: skip

HEALTH = Cell("health_hourly", "envelope", ("hour", "source"))
UNPRICED = Cell("health_hourly", "interaction", ("hour", "source"), "unpriced_hourly")

STATES = (
    State(
        "tasks",
        "task",
        ("use_case", "process", "step", "case"),
        feeds=("task",),
        needles=("case",),
        merge={"first_time": "least", "events": "+"},
    ),
    State(
        "conversations",
        "conversation",
        ("session",),
        feeds=("interaction", "escalation", "resolution"),
        needles=("session", "case"),
        merge={"first_time": "least", "turns": "+", "escalations": "+", "reopened": "+"},
    ),
    State(
        "uses",
        "use",
        ("use_case", "team", "user", "use", "feature"),
        feeds=("interaction", "usage"),
        needles=("user",),
        merge={"first_time": "least", "events": "+"},
    ),
    State("last_probes", "probe", ("tool", "location"), feeds=("probe",), needles=("tool",)),
    State(
        "sender_totals",
        "report",
        ("hour", "source", "started", "account", "reason"),
        feeds=("sdk_report", "collector_report"),
    ),
)


def merge_sql(
    table: str, key: Iterable[str], columns: Iterable[str], merge: dict[str, str], within: str = ""
) -> str:
    """The MERGE of `delta` into `table`: `merge` names each column's operator, else greatest.

    `within` is a literal range that lets zone maps prune.
    """
    key = list(key)
    columns = list(columns)
    matches = " AND ".join([*([within] if within else []), *(f't."{k}" = d."{k}"' for k in key)])
    updates = ", ".join(
        f'"{name}" = t."{name}" + d."{name}"'
        if merge.get(name) == "+"
        else f'"{name}" = {merge.get(name, "greatest")}(t."{name}", d."{name}")'
        for name in columns
        if name not in key
    )
    names = ", ".join(f'"{name}"' for name in columns)
    values = ", ".join(f'd."{name}"' for name in columns)
    return (
        f"MERGE INTO {table} AS t USING delta AS d ON {matches} "
        f"WHEN MATCHED THEN UPDATE SET {updates} "
        f"WHEN NOT MATCHED THEN INSERT ({names}) VALUES ({values})"
    )
