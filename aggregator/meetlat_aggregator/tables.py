"""The live tables that batches are folded into: cells add up, registers keep the latest."""

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
    searched for a key's other events, when one of them is withdrawn. `moment` is the time by whose
    day or week a row is published, when it is; a column of that name keeps it where it is not one.
    """

    name: str
    source: str
    key: tuple[str, ...]
    feeds: tuple[str, ...]
    needles: tuple[str, ...] = ()
    merge: dict[str, str] = field(default_factory=dict)
    moment: str = ""


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
        moment="coalesce(finished.v, last_time)",
    ),
    State(
        "conversations",
        "conversation",
        ("session",),
        feeds=("interaction", "escalation", "resolution"),
        needles=("session", "case"),
        merge={"first_time": "least", "turns": "+", "escalations": "+", "reopened": "+"},
        moment="first_time",
    ),
    State(
        "uses",
        "use",
        ("use_case", "team", "user", "use", "feature"),
        feeds=("interaction", "usage"),
        needles=("user",),
        merge={"first_time": "least", "events": "+"},
        moment="first_time",
    ),
    State("last_probes", "probe", ("tool", "location"), feeds=("probe",), needles=("tool",)),
    State(
        "sender_totals",
        "report",
        ("hour", "source", "started", "account", "reason"),
        feeds=("sdk_report", "collector_report"),
    ),
)


def merge_cell(cell: Cell, columns: Iterable[str], within: str) -> str:
    """The MERGE of `delta` into a cell table. `within` is a literal range of hours that lets zone
    maps prune.
    """
    columns = list(columns)
    matches = " AND ".join(f't."{name}" = d."{name}"' for name in cell.key)
    updates = ", ".join(
        f'"{name}" = t."{name}" + d."{name}"' for name in columns if name not in cell.key
    )
    names = ", ".join(f'"{name}"' for name in columns)
    values = ", ".join(f'd."{name}"' for name in columns)
    return (
        f"MERGE INTO {cell.name} AS t USING delta AS d ON {within} AND {matches} "
        f"WHEN MATCHED THEN UPDATE SET {updates} "
        f"WHEN NOT MATCHED THEN INSERT ({names}) VALUES ({values})"
    )


def merge_rows(state: State, columns: Iterable[str]) -> tuple[str, ...]:
    """Statements that merge `delta` into a row-level table: find the rows that are there already
    (`met`), put both together (`merged`), and let those take the place of the former.

    Not a MERGE: to update structs in place, scattered over a long table, takes ten times as long;
    and so the rows in use stay together at its end.
    """
    columns = list(columns)
    same = " AND ".join(f't."{name}" = d."{name}"' for name in state.key)
    names = ", ".join(f'"{name}"' for name in columns)
    values = ", ".join(
        f'd."{name}"'
        if name in state.key or name == "key_hash"
        else f'(d."{name}" + coalesce(t."{name}", 0)) AS "{name}"'
        if state.merge.get(name) == "+"
        else f'{state.merge.get(name, "greatest")}(d."{name}", t."{name}") AS "{name}"'
        for name in columns
        if name != "moment"
    )
    moment = f", {state.moment} AS moment" if "moment" in columns else ""
    # First by the hash alone: to read the other columns of millions of rows takes seconds.
    places = (
        "CREATE OR REPLACE TEMP TABLE places AS SELECT DISTINCT t.rowid AS place "
        f"FROM {state.name} AS t JOIN delta AS d ON t.key_hash = d.key_hash"
    )
    met = (
        "CREATE OR REPLACE TEMP TABLE met AS SELECT t.rowid AS place, t.* "
        f"FROM places AS p JOIN {state.name} AS t ON t.rowid = p.place "
        f"WHERE EXISTS (SELECT 1 FROM delta AS d WHERE t.key_hash = d.key_hash AND {same})"
    )
    merged = (
        f"CREATE OR REPLACE TEMP TABLE merged AS SELECT *{moment} FROM (SELECT {values} "
        f"FROM delta AS d LEFT JOIN met AS t ON t.key_hash = d.key_hash AND {same})"
    )
    delete = f"DELETE FROM {state.name} WHERE rowid IN (SELECT place FROM met)"
    insert = f"INSERT INTO {state.name} ({names}) SELECT {names} FROM merged"
    return places, met, merged, delete, insert
