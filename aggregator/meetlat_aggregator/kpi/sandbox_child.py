"""The program that runs a company's SQL: read-only, without files or network, with bounded means.

It reads lines of JSON (limits first, then one query each) and answers each with a line of JSON, and
with an Arrow stream where there are rows. See `sandbox.py`, its other side.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import resource
import sys
import threading
from collections.abc import Callable
from typing import IO, Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

# What a query gives beside `day` and `use_case`, by the shape of its KPI.
SHAPES = {"share": ("hits", "n"), "mean": ("total", "squares", "n"), "sum": ("total", "n")}
OPTIONAL = ("team", "segment", "part")
_WHOLE = ("hits", "n")
_RESERVED = 64 << 20  # address space that allocators take and do not use; DuckDB 1 died without
_MOST_TEXT = 200
_EXACT = 2**53  # whole numbers up to here are exact in a double
_NUMBERS = (
    "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER",
    "UBIGINT", "UHUGEINT", "FLOAT", "DOUBLE", "DECIMAL",
)  # fmt: skip


class RefusedError(Exception):
    """A query that may not run, or gave what no KPI can use: one sentence."""


def main() -> None:
    """Answer until there is nothing more to read."""
    # What a library may print must not get between the answers.
    answers = os.fdopen(os.dup(1), "wb")
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    limits = json.loads(sys.stdin.buffer.readline())
    try:
        con = open_published(limits["published"], limits["memory_mb"])
    except duckdb.Error as error:
        why = f"cannot run: the published tables cannot be opened ({_line(error)}); try again later"
        _say(answers, {"refused": why})
        return
    confine(limits["memory_mb"])
    _say(answers, {})
    for line in sys.stdin.buffer:
        query = json.loads(line)
        _allow_cpu(limits["seconds"])
        last = False
        try:
            content = answer(con, query["sql"], query["shape"], limits)
        except RefusedError as error:
            _say(answers, {"refused": str(error)})
        except (duckdb.InterruptException, KeyboardInterrupt):
            _say(answers, {"refused": _took_long(limits["seconds"])})
        except (MemoryError, duckdb.OutOfMemoryException, pa.ArrowMemoryError):
            last = True  # what else failed for want of memory is not known
            _say(answers, {"refused": _took_memory(limits["memory_mb"]), "last": last})
        except duckdb.Error as error:
            last = isinstance(error, duckdb.FatalException | duckdb.InternalException)
            why = f"failed: {_line(error)}; try it with `meetlat sql`"
            _say(answers, {"refused": why, "last": last})
        else:
            _say(answers, {"bytes": len(content)}, content)
        if last:
            return


def open_published(path: str, memory_mb: int) -> duckdb.DuckDBPyConnection:
    """The file, for reading alone; and nothing else, whatever a query asks for."""
    con = duckdb.connect(
        path,
        read_only=True,
        config={
            "enable_external_access": "false",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "allow_community_extensions": "false",
            "python_enable_replacements": "false",  # no look at this program's own variables
            "memory_limit": f"{memory_mb // 2}MiB",
            "temp_directory": "",
            "max_temp_directory_size": "0KiB",
            "threads": "1",
        },
    )
    con.execute("SET TimeZone = 'UTC'")
    con.execute("SET lock_configuration = true")
    return con


def confine(memory_mb: int) -> None:
    """Take from this process what it does not need from here on.

    DuckDB's own limit is half of what the system grants, so that it fails with a message first.
    """
    with contextlib.suppress(OSError, ValueError):  # not every system counts address space
        with open("/proc/self/statm") as file:  # noqa: PTH123 - one number
            used = int(file.read().split()[0]) * resource.getpagesize()
        most = used + _RESERVED + (memory_mb << 20)
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))


def answer(con: duckdb.DuckDBPyConnection, text: str, shape: str, limits: dict[str, Any]) -> bytes:
    """The rows of a query as an Arrow stream. Raises RefusedError, duckdb.Error, MemoryError."""
    ending = threading.Timer(limits["seconds"], con.interrupt)
    ending.daemon = True
    ending.start()
    try:
        found = con.sql(only_select(con, text))
        shown = columns(dict(zip(found.columns, found.types, strict=True)), found.columns, shape)
        table = found.limit(limits["rows"] + 1).project(", ".join(shown)).to_arrow_table()
    finally:
        ending.cancel()
    if table.num_rows > limits["rows"]:
        raise RefusedError(
            f"gives more than {limits['rows']:,} rows; group by day, use_case, team and segment"
        )
    check(table, shape)
    table = table.cast(schema(shape))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    content = sink.getvalue()
    if content.size > limits["bytes"]:
        raise RefusedError(f"gives more than {limits['bytes'] >> 20} MB; give fewer rows")
    return bytes(content)


def only_select(con: duckdb.DuckDBPyConnection, text: str) -> Any:
    """The one SELECT of a text, parsed. Raises RefusedError."""
    statements = con.extract_statements(text)
    if not statements:
        raise RefusedError("is empty; write a SELECT over the published tables")
    if len(statements) > 1:
        raise RefusedError(f"holds {len(statements)} statements; write one SELECT")
    kind = str(statements[0].type).rpartition(".")[2]
    if kind != "SELECT":
        raise RefusedError(
            f"is a statement of the kind {kind}, and only SELECT may run; "
            "write one SELECT over the published tables"
        )
    return statements[0]


def columns(kinds: dict[str, Any], names: list[str], shape: str) -> list[str]:
    """What to take of a query that gives `names`, in SQL. Raises RefusedError naming a column."""
    needed = ("day", "use_case", *SHAPES[shape])
    wanted = f"a KPI of shape {shape} gives {', '.join(needed)}, and may give {', '.join(OPTIONAL)}"
    if len({name.lower() for name in names}) < len(names):
        raise RefusedError(f"gives a column twice ({', '.join(names)}); {wanted}")
    for name in needed:
        if name not in names:
            raise RefusedError(f"gives no column {name}; {wanted}")
    for name in names:
        if name not in needed and name not in OPTIONAL:
            raise RefusedError(f"gives a column {name} that no KPI has; {wanted}")
        kind = str(kinds[name])
        if name == "day":
            right, remedy = kind == "DATE", "write …::DATE AS day"
        elif name in ("use_case", *OPTIONAL):
            right, remedy = kind == "VARCHAR", f"write …::VARCHAR AS {name}"
        else:
            right, remedy = kind.partition("(")[0] in _NUMBERS, f"give a number as {name}"
        if not right:
            raise RefusedError(f"column {name} is of type {kind}; {remedy}")
    texts = {name: f'"{name}"' if name in names else f"'' AS {name}" for name in OPTIONAL}
    numbers = [f'"{name}"::DOUBLE AS {name}' for name in SHAPES[shape]]
    return ["day", "use_case", *texts.values(), *numbers]


def schema(shape: str) -> pa.Schema:
    """The columns of an answer."""
    texts = [(name, pa.string()) for name in ("use_case", *OPTIONAL)]
    numbers = [(name, pa.int64() if name in _WHOLE else pa.float64()) for name in SHAPES[shape]]
    return pa.schema([("day", pa.date32()), *texts, *numbers])


def check(table: pa.Table, shape: str) -> None:
    """Raises RefusedError naming a column with a value that no KPI can be made of."""

    def refuse_if(bad: Callable[[pa.ChunkedArray], pa.ChunkedArray], name: str, why: str) -> None:
        if pc.any(bad(table[name])).as_py():
            raise RefusedError(f"column {name} {why}")

    for name in table.column_names:
        remedy = "write coalesce(…, '')" if name in OPTIONAL else "leave those rows out"
        if table[name].null_count:
            raise RefusedError(f"column {name} is NULL in some rows; {remedy}")
    days = table["day"].cast(pa.int32())
    # Infinite days are the ends of the range; these are the years 2000 to 2199, as of events.
    if pc.any(pc.or_(pc.less(days, 10_957), pc.greater(days, 84_005))).as_py():
        raise RefusedError("column day holds days outside 2000 to 2199; leave those rows out")
    for name in ("use_case", *OPTIONAL):
        refuse_if(
            lambda column: pc.greater(pc.utf8_length(column), _MOST_TEXT),
            name,
            f"holds a text of more than {_MOST_TEXT} characters; shorten it",
        )
    for name in SHAPES[shape]:
        refuse_if(
            lambda column: pc.invert(pc.is_finite(column)),
            name,
            "is not a number in some rows (NaN or infinite); leave those rows out",
        )
        if name != "total":
            refuse_if(lambda column: pc.less(column, 0), name, "is below zero in some rows")
    for name in set(_WHOLE) & set(table.column_names):
        refuse_if(
            lambda column: pc.or_(
                pc.not_equal(column, pc.floor(column)), pc.greater(column, _EXACT)
            ),
            name,
            "is not a whole number in some rows; count instead of averaging",
        )
    if shape == "share" and pc.any(pc.greater(table["hits"], table["n"])).as_py():
        raise RefusedError("column hits is more than n in some rows; hits are a part of n")


def _allow_cpu(seconds: float) -> None:
    """Twice the time a query may take, from now on: past it, the system kills this process."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    until = math.ceil(usage.ru_utime + usage.ru_stime + 2 * seconds + 2)
    resource.setrlimit(resource.RLIMIT_CPU, (until, resource.RLIM_INFINITY))


def _say(answers: IO[bytes], head: dict[str, object], content: bytes = b"") -> None:
    answers.write(json.dumps(head).encode() + b"\n" + content)
    answers.flush()


def _took_long(seconds: float) -> str:
    return f"took longer than {seconds:g} seconds; let it read fewer days, or group earlier"


def _took_memory(memory_mb: int) -> str:
    return f"took more than its share of {memory_mb} MB; let it read fewer days, or group earlier"


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:500]


if __name__ == "__main__":
    main()
