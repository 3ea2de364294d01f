"""What can be seen to be wrong with the SQL of a company's own KPI before it runs.

The SDK has no database, so this reads words, not meaning: it refuses only what cannot be right. The
aggregator runs the SQL in a process of its own that can do nothing but read, and says the rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

# The documented tables that SQL of a company's own may read; docs/tables.md says what they hold.
TABLES = frozenset(
    (
        "meta", "interactions_hourly", "duration_histogram", "tasks_daily", "task_errors_daily",
        "conversations_daily", "user_weeks", "reviews_daily", "feedback_daily", "usage_daily",
        "escalations_daily", "probes_hourly", "measurements_daily", "selection_counts",
        "support_daily", "price_rates", "model_costs_daily", "data_health", "use_cases",
        "kpi_catalog", "targets", "investments", "plan_history", "kpi_values", "baselines",
        "kpi_components", "kpi_buckets", "kpi_months", "kpi_month_buckets", "kpi_pending",
    )
)  # fmt: skip
COLUMNS = {"share": ("hits", "n"), "mean": ("total", "squares", "n"), "sum": ("total", "n")}
_BEGINS = ("select", "with", "from", "(")
_READS_FILES = re.compile(
    r"^(read_\w+|parquet_\w+|glob|sniff_csv|\w+_scan|\w+_scan_\w+|\w+_attach|st_read\w*|query|"
    r"query_table)$"
)
_TOKEN = re.compile(
    r"""(?P<space>\s+|--[^\n]*|/\*.*?\*/)
    |(?P<text>'(?:[^']|'')*'|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)
    |"(?P<quoted>(?:[^"]|"")*)"
    |(?P<word>[^\W\d]\w*)
    |(?P<sign>.)""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Token:
    """A word (lower case; with `name` one that cannot be a keyword), a text, or a sign."""

    text: str
    kind: str  # word, name, text or sign


def faults(sql: str, shape: str) -> Iterator[tuple[str, str]]:
    """What is wrong with it, and what to do. Nothing is no proof that it is right."""
    tokens = list(_tokens(sql))
    while tokens and tokens[-1].text == ";":
        tokens.pop()
    if not tokens:
        yield "is empty", "write one SELECT over the published tables"
        return
    if any(token.text == ";" and token.kind == "sign" for token in tokens):
        yield "holds more than one statement", "write one SELECT"
        return
    if tokens[0].text not in _BEGINS:
        yield (
            f"begins with `{tokens[0].text.upper()[:20]}`, and only SELECT may run",
            "write one SELECT over the published tables; what it gives is kept by Meetlat",
        )
        return
    sources = list(_sources(tokens))
    for name in _reads_files(tokens, sources):
        yield (
            f"reads files (`{name}`), which SQL in a plan may not",
            "read the published tables, or send what is in the file as measurements",
        )
    known = TABLES | set(_named_here(tokens))
    for token in dict.fromkeys(sources):
        if token.kind != "text" and token.text not in known:
            yield (
                f"reads the table `{token.text}`, which is not published",
                "read one of docs/tables.md; `meetlat sql` shows what they hold",
            )
    needed = ("day", "use_case", *COLUMNS[shape])
    said = {token.text for token in tokens if token.kind in ("word", "name")}
    missing = [name for name in needed if name not in said]
    if missing and not _gives_all(tokens):
        yield (
            f"gives no column `{missing[0]}`",
            f"shape `{shape}` needs {', '.join(needed)}; write … AS {missing[0]}",
        )


def _tokens(sql: str) -> Iterator[Token]:
    for found in _TOKEN.finditer(sql):
        if found["space"] is not None:
            continue
        if found["text"] is not None:
            yield Token(found["text"], "text")
        elif found["quoted"] is not None:
            yield Token(found["quoted"].replace('""', '"').lower(), "name")
        elif found["word"] is not None:
            yield Token(found["word"].lower(), "word")
        else:
            yield Token(found["sign"], "sign")


def _sources(tokens: Sequence[Token]) -> Iterator[Token]:
    """What stands behind FROM and JOIN: names of tables without their schema, and texts."""
    # Per parenthesis: whether a SELECT may stand in it, so that `extract(year FROM day)` is none.
    queries = [True]
    for place, token in enumerate(tokens):
        before = tokens[place - 1] if place else None
        if token.text == "(" and token.kind == "sign":
            queries.append(place + 1 < len(tokens) and tokens[place + 1].text in _BEGINS)
        elif token.text == ")" and token.kind == "sign" and len(queries) > 1:
            queries.pop()
        if token.kind != "word" or token.text not in ("from", "join") or not queries[-1]:
            continue
        if token.text == "from" and before is not None and before.text == "distinct":
            continue  # IS DISTINCT FROM
        found = _source(tokens, place + 1)
        if found is not None:
            yield found


def _source(tokens: Sequence[Token], place: int) -> Token | None:
    """The table that is named there; None for a subquery, a function or another schema's."""
    if place >= len(tokens):
        return None
    first = tokens[place]
    if first.kind == "text":
        return first
    if first.kind == "sign" or first.text in ("lateral", "values", "unnest"):
        return None
    schema = ""
    while place + 2 < len(tokens) and tokens[place + 1].text == ".":
        schema, place = tokens[place].text, place + 2
    follows = tokens[place + 1].text if place + 1 < len(tokens) else ""
    if follows == "(" or schema not in ("", "main"):
        return None
    return tokens[place]


def _reads_files(tokens: Sequence[Token], sources: Sequence[Token]) -> Iterator[str]:
    for token in sources:
        if token.kind == "text":
            yield token.text
    for token, after in pairwise(tokens):
        if token.kind in ("word", "name") and after.text == "(" and _READS_FILES.match(token.text):
            yield token.text


def _named_here(tokens: Sequence[Token]) -> Iterator[str]:
    """Names that the SQL gives itself: `name AS (` and `name (columns) AS (`, and aliases."""
    for place, token in enumerate(tokens):
        if token.text != "as" or token.kind != "word" or not place:
            continue
        at = place - 1
        if tokens[at].text == ")":
            while at and tokens[at].text != "(":
                at -= 1
            at -= 1
        if at >= 0:
            yield tokens[at].text
        if place + 1 < len(tokens):
            yield tokens[place + 1].text


def _gives_all(tokens: Sequence[Token]) -> bool:
    """Whether columns may come that are not named: `*`, COLUMNS(…), or FROM without SELECT."""
    if not any(token.text == "select" and token.kind == "word" for token in tokens):
        return True
    for before, token in pairwise(tokens):
        if token.text == "*" and before.text in ("select", "all", "distinct", ",", "."):
            return True
        if token.text == "columns" and token.kind == "word":
            return True
    return tokens[0].text == "from"
