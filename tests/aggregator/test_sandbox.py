"""SQL of a company's own: what it may not do it cannot do, and it loses nothing but itself."""

from __future__ import annotations

import itertools
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from meetlat.errors import MeetlatError
from meetlat_aggregator.kpi import sandbox
from meetlat_aggregator.kpi.sandbox import MAX_SQL, Query, Refused, Rows, run

WHERE = "DATE '2026-03-04' AS day, 'quotes' AS use_case"
GOOD = (
    "SELECT hour::DATE AS day, use_case, team, sum(requests) AS total, count(*) AS n "
    "FROM interactions_hourly GROUP BY ALL ORDER BY team"
)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file as the aggregator publishes it: read-only."""
    path = tmp_path_factory.mktemp("data") / "kpi.duckdb"
    with duckdb.connect(str(path)) as con:
        con.execute(
            "CREATE TABLE interactions_hourly AS "
            "SELECT TIMESTAMP '2026-03-04 12:00' AS hour, 'quotes' AS use_case, team, requests "
            "FROM (VALUES ('a', 3::HUGEINT), ('b', 4), ('b', 5)) AS t(team, requests)"
        )
    path.chmod(0o444)
    return path


def one(published: Path, sql: str, shape: Any = "sum", **limits: Any) -> Rows | Refused:
    return run([Query("own", sql, shape)], published, **limits)["own"]


def reason(published: Path, sql: str, shape: Any = "sum", **limits: Any) -> str:
    found = one(published, sql, shape, **limits)
    assert isinstance(found, Refused), found
    assert "\n" not in found.reason
    return found.reason


class Children:
    """The processes that the sandbox started."""

    def __init__(self) -> None:
        self.started: list[subprocess.Popen[bytes]] = []

    def note(self, *arguments: Any, **more: Any) -> subprocess.Popen[bytes]:
        child = _real_popen(*arguments, **more)
        self.started.append(child)
        return child


_real_popen = subprocess.Popen


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> Iterator[Children]:
    made = Children()
    monkeypatch.setattr(sandbox.subprocess, "Popen", made.note)
    yield made
    assert all(child.returncode is not None for child in made.started), "none is left behind"


def test_a_query_gives_its_rows_by_the_shape(published: Path) -> None:
    found = one(published, GOOD)
    assert isinstance(found, Rows)
    assert found.table.schema == pa.schema(
        [
            ("day", pa.date32()),
            ("use_case", pa.string()),
            ("team", pa.string()),
            ("segment", pa.string()),
            ("part", pa.string()),
            ("total", pa.float64()),
            ("n", pa.int64()),
        ]
    )
    day = {"day": date(2026, 3, 4), "use_case": "quotes", "segment": "", "part": ""}
    assert found.table.to_pylist() == [
        {**day, "team": "a", "total": 3.0, "n": 1},
        {**day, "team": "b", "total": 9.0, "n": 2},
    ]


@pytest.mark.parametrize(
    ("shape", "columns", "values"),
    [
        ("share", "3 AS hits, 4::HUGEINT AS n", {"hits": 3, "n": 4}),
        ("mean", "2.5 AS total, 6.25 AS squares, 1 AS n", {"total": 2.5, "squares": 6.25, "n": 1}),
        ("sum", "-2.5::FLOAT AS total, 3.0 AS n", {"total": -2.5, "n": 3}),
        ("sum", "1 AS n, 'x' AS part, 0 AS total", {"total": 0.0, "n": 1, "part": "x"}),
    ],
)
def test_every_shape_and_kind_of_number_is_taken(
    published: Path, shape: str, columns: str, values: dict[str, Any]
) -> None:
    found = one(published, f"SELECT {columns}, {WHERE} -- a comment at the end;", shape)
    assert isinstance(found, Rows), found
    (row,) = found.table.to_pylist()
    assert {name: row[name] for name in values} == values


def test_no_row_is_an_answer_too(published: Path) -> None:
    found = one(published, f"SELECT {WHERE}, 1 AS total, 1 AS n WHERE false")
    assert isinstance(found, Rows)
    assert found.table.num_rows == 0


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("INSERT INTO interactions_hourly SELECT * FROM interactions_hourly", "INSERT"),
        ("UPDATE interactions_hourly SET requests = 0", "UPDATE"),
        ("DELETE FROM interactions_hourly", "DELETE"),
        ("CREATE TABLE mine AS SELECT 1 AS n", "CREATE"),
        ("CREATE TEMP VIEW mine AS SELECT 1 AS n", "CREATE"),
        ("DROP TABLE interactions_hourly", "DROP"),
        ("ATTACH 'other.duckdb' AS other", "ATTACH"),
        ("DETACH kpi", "DETACH"),
        ("COPY interactions_hourly TO 'stolen.csv'", "COPY"),
        ("EXPORT DATABASE 'stolen'", "EXPORT"),
        ("INSTALL httpfs", "LOAD"),
        ("LOAD httpfs", "LOAD"),
        ("SET threads = 8", "SET"),
        ("SET enable_external_access = true", "SET"),
        ("RESET memory_limit", "SET"),
        ("PRAGMA enable_profiling", "PRAGMA"),
        ("CALL pragma_version()", "CALL"),
        ("PREPARE p AS SELECT 1", "PREPARE"),
        ("EXPLAIN ANALYZE SELECT 1", "EXPLAIN"),
        ("BEGIN", "TRANSACTION"),
        ("VACUUM", "VACUUM"),
    ],
)
def test_only_select_may_run(published: Path, sql: str, kind: str) -> None:
    said = reason(published, sql)
    assert "only SELECT may run; write one SELECT over the published tables" in said
    # Which kind some statements are of differs between versions of DuckDB.
    if kind not in ("PRAGMA", "CALL", "DETACH"):
        assert f"of the kind {kind}" in said


def test_one_statement_may_run_and_no_second(published: Path) -> None:
    assert reason(published, f"{GOOD}; {GOOD}") == "holds 2 statements; write one SELECT"
    assert reason(published, f"{GOOD}; DROP TABLE interactions_hourly").startswith("holds 2")
    assert isinstance(one(published, f"{GOOD};"), Rows)
    for nothing in ("", "  ", "-- SELECT 1", ";"):
        assert reason(published, nothing).startswith("is empty")
    assert reason(published, "SELEC 1").startswith("failed: Parser Error")


READERS = (
    "read_text('{}')", "read_blob('{}')", "read_csv('{}')", "read_csv_auto('{}')",
    "read_json('{}')", "read_parquet('{}')", "sniff_csv('{}')", "glob('{}')", "'{}'",
    "parquet_metadata('{}')", "read_duckdb('{}')", "query('FROM read_text(''{}'')')",
)  # fmt: skip


def test_no_file_is_read_though_it_is_there(published: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("password\nxyzzy\n")
    places = [str(secret), "/proc/self/environ", "file://" + str(secret)]
    queries = [
        Query(
            f"{reader} {place}",
            f"SELECT {WHERE}, 1 AS total, count(*) AS n FROM {reader.format(place)}",
            "sum",
        )
        for reader, place in itertools.product(READERS, places)
    ]
    found = run([*queries, Query("good", GOOD, "sum")], published)
    assert isinstance(found.pop("good"), Rows)
    for name, answer in found.items():
        assert isinstance(answer, Refused), name
        assert "failed" in answer.reason, (name, answer.reason)
        assert "xyzzy" not in answer.reason


def test_nothing_is_known_of_the_environment_or_the_program(
    published: Path, children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEETLAT_PSEUDONYM_KEY", "xyzzy")
    where = f"SELECT {WHERE}, 1 AS n,"
    found = run(
        [
            Query("getenv", f"{where} getenv('MEETLAT_PSEUDONYM_KEY') AS part, 1 AS total", "sum"),
            Query("variable", f"{where} 1 AS total FROM limits", "sum"),
            Query("secrets", f"{where} 1 AS total FROM duckdb_secrets()", "sum"),
            Query("long", f"{where} sum(a.range * b.range) AS total "
                  "FROM range(100000000) AS a, range(100000000) AS b", "sum"),
        ],
        published,
        seconds=1,
    )  # fmt: skip
    answer = found["getenv"]  # some builds have the function, and there it finds nothing
    assert isinstance(answer, Refused) or answer.table["part"].to_pylist() == [""]
    assert isinstance(found["variable"], Refused)
    if isinstance(found["secrets"], Rows):
        assert found["secrets"].table.num_rows == 0


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="no /proc on this system")
def test_the_process_has_no_environment_and_no_open_file_of_its_parent(
    published: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MEETLAT_PSEUDONYM_KEY", "xyzzy")
    seen: dict[str, Any] = {}
    real = sandbox._Child.ask

    def look(self: sandbox._Child, query: Query) -> Rows | Refused:
        process = Path(f"/proc/{self._process.pid}")
        seen["environ"] = (process / "environ").read_text()
        seen["files"] = [str(link.readlink()) for link in (process / "fd").iterdir()]
        return real(self, query)

    monkeypatch.setattr(sandbox._Child, "ask", look)
    with (tmp_path / "open.txt").open("w") as file:
        os.set_inheritable(file.fileno(), True)
        assert isinstance(one(published, GOOD), Rows)
    assert "xyzzy" not in seen["environ"]
    assert len(seen["environ"].strip("\0").split("\0")) == 2
    assert not [name for name in seen["files"] if "open.txt" in name]
    assert [name for name in seen["files"] if name.endswith("kpi.duckdb")]


ENDLESS = {
    "recursion": (
        "WITH RECURSIVE t(x) AS (SELECT 1 UNION ALL SELECT (x + 1) % 10 FROM t) "
        f"SELECT {WHERE}, sum(x) AS total, 1 AS n FROM t"
    ),
    "cross join": (
        f"SELECT {WHERE}, sum(a.range * b.range * c.range) AS total, count(*) AS n "
        "FROM range(1000000) AS a, range(1000000) AS b, range(1000000) AS c"
    ),
    "search": f"SELECT {WHERE}, 1 AS total, 1 AS n FROM range(1000000000000) WHERE range = -1",
}


def test_what_runs_forever_is_stopped_and_the_others_arrive(
    published: Path, children: Children
) -> None:
    queries = [Query(name, sql, "sum") for name, sql in ENDLESS.items()]
    began = time.monotonic()
    found = run([*queries, Query("good", GOOD, "sum")], published, seconds=0.5)
    took = time.monotonic() - began
    for name in ENDLESS:
        answer = found[name]
        assert isinstance(answer, Refused)
        # A recursion keeps its rows: on a quick machine it is its memory that ends first.
        if name != "recursion" or "MB" not in answer.reason:
            assert answer.reason == (
                "took longer than 0.5 seconds; let it read fewer days, or group earlier"
            )
    assert isinstance(found["good"], Rows)
    assert len(children.started) <= 2, "an interrupt was enough"
    assert took < 60


def test_what_does_not_heed_the_interrupt_is_killed_and_the_others_arrive(
    published: Path, children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if it hung: the process is stopped by a signal, and then asked."""
    monkeypatch.setattr(sandbox, "GRACE", 0.2)
    real = sandbox._Child.ask

    def ask(self: sandbox._Child, query: Query) -> Rows | Refused:
        if query.id == "hangs":
            os.kill(self._process.pid, signal.SIGSTOP)
        return real(self, query)

    monkeypatch.setattr(sandbox._Child, "ask", ask)
    found = run(
        [Query("first", GOOD, "sum"), Query("hangs", GOOD, "sum"), Query("last", GOOD, "sum")],
        published,
        seconds=2,
    )
    assert isinstance(found["first"], Rows)
    assert found["hangs"] == Refused(
        "did not end within 2 seconds and was killed; "
        "let the query read fewer days or columns, or simplify it"
    )
    assert isinstance(found["last"], Rows)
    assert len(children.started) == 2


def test_a_process_that_dies_loses_one_query(
    published: Path, children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = sandbox._Child._write

    def write(self: sandbox._Child, message: bytes, deadline: float) -> None:
        if b"crash" in message:
            os.kill(self._process.pid, signal.SIGSEGV)
            self._process.wait()
        real(self, message, deadline)

    monkeypatch.setattr(sandbox._Child, "_write", write)
    found = run(
        [
            Query("first", GOOD, "sum"),
            Query("dies", f"{GOOD} -- crash", "sum"),
            Query("last", GOOD, "sum"),
        ],
        published,
    )
    assert isinstance(found["first"], Rows)
    assert found["dies"] == Refused(
        "took more than 256 MB or crashed, and was stopped; "
        "let the query read fewer days or columns, or simplify it"
    )
    assert isinstance(found["last"], Rows)
    assert len(children.started) == 3, "it ran once more, alone: the one before could be the cause"


def test_a_query_that_dies_of_what_ran_before_it_gives_its_rows(
    published: Path, children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = sandbox._Child._write

    def write(self: sandbox._Child, message: bytes, deadline: float) -> None:
        if b"innocent" in message and len(children.started) == 1:
            os.kill(self._process.pid, signal.SIGSEGV)
            self._process.wait()
        real(self, message, deadline)

    monkeypatch.setattr(sandbox._Child, "_write", write)
    queries = [Query("first", GOOD, "sum"), Query("second", f"{GOOD} -- innocent", "sum")]
    found = run(queries, published)
    assert isinstance(found["first"], Rows)
    assert isinstance(found["second"], Rows)


GREEDY = {
    "list": (
        f"SELECT {WHERE}, len(list(range || 'xxxxxxxxxxxxxxxxxxxxxxxx')) AS total, 1 AS n "
        "FROM range(100000000)"
    ),
    "text": f"SELECT {WHERE}, length(repeat('x', 2000000000)) AS total, 1 AS n",
    "sort": (
        f"SELECT {WHERE}, range AS total, 1 AS n FROM range(100000000) "
        "ORDER BY md5(range::VARCHAR) LIMIT 1 OFFSET 90000000"
    ),
    "wide": f"SELECT {WHERE}, repeat('x', 200) AS part, range AS total, 1 AS n FROM range(200000)",
}


def test_what_takes_all_memory_is_stopped_and_the_parent_keeps_its_own(
    published: Path, children: Children
) -> None:
    run([Query("good", GOOD, "sum")], published)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    greedy = [Query(name, sql, "sum") for name, sql in GREEDY.items()]
    found = run([*greedy, Query("good", GOOD, "sum")], published, seconds=20, memory_mb=64)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert isinstance(found.pop("good"), Rows)
    for name, answer in found.items():
        assert isinstance(answer, Refused), name
        assert "64 MB" in answer.reason, (name, answer.reason)
    assert grown < 50_000 * (1024 if sys.platform == "darwin" else 1)


def test_nothing_is_spilled_to_disk(published: Path) -> None:
    before = sorted(published.parent.iterdir())
    reason(published, GREEDY["sort"], seconds=20, memory_mb=64)
    assert sorted(published.parent.iterdir()) == before
    assert not Path("/.tmp").exists()


def test_too_many_rows_are_refused_and_just_enough_are_not(published: Path) -> None:
    rows = f"SELECT {WHERE}, range AS total, 1 AS n FROM range({{}})"
    assert reason(published, rows.format(200_001)) == (
        "gives more than 200,000 rows; group by day, use_case, team and segment"
    )
    assert reason(published, rows.format(10**12)).startswith("gives more than 200,000 rows")
    found = one(published, rows.format(200_000))
    assert isinstance(found, Rows)
    assert found.table.num_rows == 200_000


ONE = "1 AS total, 1 AS n"
COLUMNS = [
    (
        "sum",
        f"{WHERE}, 1 AS total",
        "gives no column n; a KPI of shape sum gives day, use_case, total, n, and may give team",
    ),
    ("share", f"{WHERE}, {ONE}", "gives no column hits"),
    ("mean", f"{WHERE}, {ONE}", "gives no column squares"),
    ("sum", f"'q' AS use_case, {ONE}", "gives no column day"),
    ("sum", f"{WHERE}, {ONE}, 2 AS extra", "gives a column extra that no KPI has"),
    ("sum", f'{WHERE}, {ONE}, 2 AS "user"', "gives a column user"),
    ("sum", f"{WHERE}, {ONE}, 2 AS N", "a column"),
    (
        "sum",
        f"now() AS day, 'q' AS use_case, {ONE}",
        "column day is of type TIMESTAMP WITH TIME ZONE; write …::DATE AS day",
    ),
    (
        "sum",
        f"DATE '2026-01-01' AS day, 1 AS use_case, {ONE}",
        "column use_case is of type INTEGER; write …::VARCHAR AS use_case",
    ),
    ("sum", f"{WHERE}, 'x' AS total, 1 AS n", "column total is of type VARCHAR; give a number"),
    ("sum", f"{WHERE}, true AS total, 1 AS n", "column total is of type BOOLEAN"),
    ("sum", f"{WHERE}, [1] AS total, 1 AS n", "column total is of type INTEGER[]"),
    (
        "sum",
        f"{WHERE}, 'nan'::DOUBLE AS total, 1 AS n",
        "column total is not a number in some rows (NaN or infinite); leave those rows out",
    ),
    ("sum", f"{WHERE}, '-inf'::FLOAT AS total, 1 AS n", "column total is not a number"),
    ("sum", f"{WHERE}, 1 AS total, -1 AS n", "column n is below zero in some rows"),
    (
        "sum",
        f"{WHERE}, 1 AS total, 0.5 AS n",
        "column n is not a whole number in some rows; count instead of averaging",
    ),
    ("sum", f"{WHERE}, 1 AS total, 1e300 AS n", "column n is not a whole number"),
    ("mean", f"{WHERE}, {ONE}, -1 AS squares", "column squares is below zero"),
    ("share", f"{WHERE}, 3 AS hits, 2 AS n", "column hits is more than n in some rows"),
    (
        "sum",
        f"{WHERE}, NULL::INTEGER AS total, 1 AS n",
        "column total is NULL in some rows; leave those rows out",
    ),
    (
        "sum",
        f"{WHERE}, {ONE}, NULL::VARCHAR AS team",
        "column team is NULL in some rows; write coalesce(…, '')",
    ),
    (
        "sum",
        f"DATE 'infinity' AS day, 'q' AS use_case, {ONE}",
        "column day holds days outside 2000 to 2199",
    ),
    (
        "sum",
        f"{WHERE}, repeat('x', 201) AS part, {ONE}",
        "column part holds a text of more than 200 characters",
    ),
]


@pytest.mark.parametrize(("shape", "columns", "said"), COLUMNS, ids=[row[2] for row in COLUMNS])
def test_columns_that_no_kpi_can_use_are_named(
    published: Path, shape: str, columns: str, said: str
) -> None:
    assert said in reason(published, f"SELECT {columns}", shape)


def test_a_fault_in_the_sql_is_told_as_duckdb_tells_it_in_one_line(published: Path) -> None:
    said = reason(published, f"SELECT {WHERE}, requets AS total, 1 AS n FROM interactions_hourly")
    assert 'Referenced column "requets" not found' in said
    assert said.endswith("try it with `meetlat sql`")
    said = reason(published, f"SELECT {WHERE}, 1 AS total, 1 AS n FROM nowhere")
    assert "nowhere does not exist" in said
    said = reason(published, f"SELECT {WHERE}, 'x'::INTEGER AS total, 1 AS n")
    assert "Conversion Error" in said


def test_a_text_without_end_is_refused_before_it_is_read(published: Path) -> None:
    assert reason(published, GOOD + " " * MAX_SQL).startswith("is longer than 20,000 characters")
    deep = "(" * 9_000 + "1" + ")" * 9_000
    found = run(
        [Query("deep", f"SELECT {WHERE}, {deep} AS total, 1 AS n"), Query("good", GOOD, "sum")],
        published,
    )
    assert isinstance(found["deep"], Refused)
    assert isinstance(found["good"], Rows)


def test_all_queries_share_one_process(published: Path, children: Children) -> None:
    found = run([Query(str(n), GOOD, "sum") for n in range(20)], published)
    assert {type(answer) for answer in found.values()} == {Rows}
    assert len(children.started) == 1


def test_without_queries_no_process_is_started(published: Path, children: Children) -> None:
    assert run([], published) == {}
    assert children.started == []


def test_a_published_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(MeetlatError, match=r"kpi\.duckdb is not there; it appears a few seconds"):
        one(tmp_path / "kpi.duckdb", GOOD)


def test_a_file_that_is_no_database_is_said_once_for_all(
    tmp_path: Path, children: Children
) -> None:
    path = tmp_path / "kpi.duckdb"
    path.write_bytes(b"no database" * 999)
    found = run([Query("a", GOOD, "sum"), Query("b", GOOD, "sum")], path)
    for answer in found.values():
        assert isinstance(answer, Refused)
        assert answer.reason.startswith("cannot run: the published tables cannot be opened")
    assert len(children.started) == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"no json\n",
        b"[]\n",
        b'{"bytes": -1}\n',
        b'{"bytes": 99999999999}\n',
        b'{"bytes": "many"}\n',
        b'{"bytes": 5}\nhello',
        b"x" * 20_000,
    ],
)
def test_what_a_taken_over_process_answers_is_not_believed(
    published: Path, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    real = sandbox._Child._some

    def some(self: sandbox._Child, deadline: float) -> bytes:
        told = real(self, deadline)
        return told if told == b"{}\n" else answer

    monkeypatch.setattr(sandbox._Child, "_some", some)
    assert reason(published, GOOD).startswith("answered what no query answers")


def test_rows_of_another_schema_are_not_believed(
    published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "schema", lambda shape: pa.schema([("n", pa.int64())]))
    assert reason(published, GOOD).startswith("answered what no query answers")


def test_the_file_can_be_replaced_meanwhile_and_read_by_others(published: Path) -> None:
    with duckdb.connect(str(published), read_only=True) as con:
        assert isinstance(one(published, GOOD), Rows)
        assert con.execute("SELECT count(*) FROM interactions_hourly").fetchall() == [(3,)]
