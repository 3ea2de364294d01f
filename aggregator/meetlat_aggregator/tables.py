"""The live tables that batches are folded into: cells add up, rows keep the latest values."""

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
    """A row-level table: one row per `key`, made from every event that names it.

    Columns in `merge` are put together by their operator. Each of `fields` is a register: it keeps
    the value that the event with the greatest (time, source, id) said; a column in `along` goes
    with the field that it names. `feeds` are the event types it is made from; `needles` the data
    fields by which the archive is searched for a key's other events, when one is withdrawn.
    `moment` is the time by whose day or week a row is published, when it is: the first column that
    is not NULL; where those are two, the table has a column `moment`. `cohorts` are the other
    times by which a KPI may place a row: their hours are touched as `NAME.cohorts`.
    """

    name: str
    source: str
    key: tuple[str, ...]
    feeds: tuple[str, ...]
    needles: tuple[str, ...] = ()
    merge: dict[str, str] = field(default_factory=dict)
    fields: tuple[str, ...] = ()
    along: dict[str, str] = field(default_factory=dict)
    moment: tuple[str, ...] = ()
    cohorts: tuple[str, ...] = ()


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
        fields=(
            "tool", "feature", "team", "segment", "assisted", "automated", "requested", "started",
            "first_draft", "finished", "decided", "handling", "rework", "rework_in_handling",
            "revisions", "errors", "error_kinds", "quality", "takeover_share", "template_reused",
            "outcome", "value", "user",
        ),
        along={"currency": "value"},
        moment=("finished", "last_time"),
        cohorts=("requested", "started", "first_draft", "decided"),
    ),
    State(
        "conversations",
        "conversation",
        ("session",),
        feeds=("interaction", "escalation", "resolution"),
        needles=("session", "case"),
        merge={"first_time": "least", "turns": "+", "escalations": "+", "reopened": "+"},
        fields=("use_case", "tool", "feature", "team", "segment", "channel", "ticket", "outcome"),
        along={"by": "outcome"},
        moment=("first_time",),
    ),
    State(
        "uses",
        "use",
        ("use_case", "team", "user", "use", "feature"),
        feeds=("interaction", "usage"),
        needles=("user",),
        merge={"first_time": "least", "events": "+"},
        moment=("first_time",),
    ),
    State(
        "last_probes",
        "probe",
        ("tool", "location"),
        feeds=("probe",),
        needles=("tool",),
        fields=("success",),
        along={"duration": "success"},
    ),
    State(
        "sender_totals",
        "report",
        ("hour", "source", "started", "account", "reason"),
        feeds=("sdk_report", "collector_report"),
        merge={"total": "greatest"},
    ),
)  # fmt: skip


def merge_cell(cell: Cell, query: str, columns: Iterable[str], within: str) -> str:
    """The MERGE of what a query gives into a cell table. `within` is a literal range of hours that
    lets zone maps prune.
    """
    columns = list(columns)
    matches = " AND ".join(f't."{name}" = d."{name}"' for name in cell.key)
    updates = ", ".join(
        f'"{name}" = t."{name}" + d."{name}"' for name in columns if name not in cell.key
    )
    names = ", ".join(f'"{name}"' for name in columns)
    values = ", ".join(f'd."{name}"' for name in columns)
    return (
        f"MERGE INTO {cell.name} AS t USING ({query}) AS d ON {within} AND {matches} "
        f"WHEN MATCHED THEN UPDATE SET {updates} "
        f"WHEN NOT MATCHED THEN INSERT ({names}) VALUES ({values})"
    )
