"""A database of an earlier version becomes what today's program would have made of its events."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
from support.aggregating import HOUR, MINUTE, NOON, Bench, event, person

from meetlat_aggregator.database import migrations, open_database

TOLD = [
    event("task", id="t1", case="c", time=NOON, handling=10, value="2.5", currency="EUR",
          error_kinds={"typo": 2}),
    event("task", id="t2", case="c", time=NOON + MINUTE, handling=20, finished=NOON),
    event(id="c1", session="s", time=NOON, team="sales", use_case="u"),
    event("resolution", id="c2", session="s", time=NOON + MINUTE, outcome="resolved", by="bot"),
    event(id="u1", session="s2", time=NOON, user=person(1), team="sales"),
    event("probe", id="p1", time=NOON, success=True, duration=0.25),
]  # fmt: skip
STATES = ("tasks", "conversations", "uses", "last_probes")


def database_of_version(path: Path, version: int) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect(str(path))
    con.execute("SET TimeZone = 'UTC'")
    con.execute("CREATE TABLE migrations (version INTEGER, name VARCHAR, applied_at TIMESTAMP)")
    for number, name, text in migrations():
        if number <= version:
            con.execute(text)
            con.execute("INSERT INTO migrations VALUES (?, ?, now()::TIMESTAMP)", [number, name])
    return con


def insert(con: duckdb.DuckDBPyConnection, table: str, key: list[str], row: dict[str, Any]) -> None:
    """A row as version 2 kept it: each value a register {t, s, i, v}."""
    columns = ", ".join(f'"{name}"' for name in row)
    values = ", ".join(str(value) for value in row.values())
    names = ", ".join(f'"{name}"' for name in key)
    con.execute(f"INSERT INTO {table} ({columns}) VALUES ({values})")
    con.execute(
        f"UPDATE {table} SET key_hash = md5_number_lower(concat_ws(chr(0), {names})) "
        "WHERE key_hash IS NULL"
    )


def register(minutes: int, id_: str, value: str) -> str:
    moment = HOUR + minutes * MINUTE
    return f"{{'t': TIMESTAMP '{moment}', 's': '/shop/bot', 'i': '{id_}', 'v': {value}}}"


def rows(con: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    found = con.execute(f"SELECT * FROM {table}")
    names = [column[0] for column in found.description or ()]
    return sorted(
        repr(sorted(zip(names, row, strict=True), key=lambda item: item[0]))
        for row in found.fetchall()
    )


def test_registers_become_plain_values_with_the_stamps_of_the_older_ones(tmp_path: Path) -> None:
    expected = Bench(tmp_path / "expected")
    expected.feed(*TOLD)
    noon = f"TIMESTAMP '{HOUR}'"
    later = f"TIMESTAMP '{HOUR + MINUTE}'"
    con = database_of_version(tmp_path / "old.duckdb", 2)
    task = {"use_case": "'quotes'", "process": "'quote'", "step": "''"}
    shown = expected.rows("SELECT use_case, process, step, tool FROM tasks WHERE \"case\" = 'c'")
    use_case, process, step, tool = shown[0]
    task = {"use_case": f"'{use_case}'", "process": f"'{process}'", "step": f"'{step}'"}
    said = {"tool": register(1, "t2", f"'{tool}'")} if tool else {}
    key = ["use_case", "process", "step", "case"]
    insert(con, "tasks", key, {
        **task, "case": "'c'", "first_time": noon, "last_time": later, "events": 2, **said,
        "handling": register(1, "t2", "20000000"), "finished": register(1, "t2", noon),
        "value": register(0, "t1", "{'amount': 2.5, 'currency': 'EUR'}"),
        "error_kinds": register(0, "t1", "MAP {'typo': 2::BIGINT}"), "moment": noon,
    })  # fmt: skip
    (talk,) = expected.rows("SELECT tool FROM conversations WHERE session = 's'")
    insert(con, "conversations", ["session"], {
        "session": "'s'", "first_time": noon, "last_time": later, "turns": 1, "escalations": 0,
        "reopened": 0, "use_case": register(0, "c1", "'u'"), "team": register(0, "c1", "'sales'"),
        "tool": register(0, "c1", f"'{talk[0]}'"),
        "outcome": register(1, "c2", "{'outcome': 'resolved', 'by': 'bot'}"),
    })  # fmt: skip
    insert(con, "conversations", ["session"], {
        "session": "'s2'", "first_time": noon, "last_time": noon, "turns": 1, "escalations": 0,
        "reopened": 0, "team": register(0, "u1", "'sales'"),
        "tool": register(0, "u1", f"'{talk[0]}'"),
    })  # fmt: skip
    (probed,) = expected.rows("SELECT tool FROM last_probes")
    insert(con, "last_probes", ["tool", "location"], {
        "tool": f"'{probed[0]}'", "location": "''",
        "result": register(0, "p1", "{'success': true, 'duration': 250000}"),
    })  # fmt: skip
    con.close()
    migrated = open_database(tmp_path / "old.duckdb")
    for table in STATES:
        if table != "uses":  # as it was
            assert rows(migrated, table) == rows(expected.con, table), table
    migrated.close()
    expected.close()


def test_where_the_last_event_said_nothing_only_its_time_is_known(tmp_path: Path) -> None:
    con = database_of_version(tmp_path / "old.duckdb", 2)
    noon, later = (f"TIMESTAMP '{moment}'" for moment in (HOUR, HOUR + MINUTE))
    insert(con, "conversations", ["session"], {
        "session": "'s'", "first_time": noon, "last_time": later, "turns": 2, "escalations": 0,
        "reopened": 0, "team": register(0, "c1", "'sales'"),
    })  # fmt: skip
    con.close()
    migrated = open_database(tmp_path / "old.duckdb")
    ((last_source, last_id, older),) = migrated.execute(
        "SELECT last_source, last_id, older FROM conversations"
    ).fetchall()
    assert (last_source, last_id) == ("", "")
    assert older == [{"field": "team", "t": HOUR, "s": "/shop/bot", "i": "c1"}]
    migrated.close()
