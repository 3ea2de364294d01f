"""A plan with a hole in any field, and any text at all: problems with lines, never a traceback."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from datetime import date, time
from decimal import Decimal
from hashlib import sha256
from pathlib import Path as File
from types import NoneType
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.plans import STAND_INS, Raw, dump, full_plan

from meetlat.kpis.catalogue import Target
from meetlat.plan.described import field_at
from meetlat.plan.load import MOST_BYTES, Loaded, load, parse
from meetlat.plan.models import Choice, Goal, Plan
from meetlat.plan.positions import Path
from meetlat.plan.problems import dotted

ROOT = File(__file__).parents[2]
EXAMPLE = (ROOT / "docs" / "examples" / "meetlat.toml").read_text()
TODAY = date(2026, 7, 1)
FULL = full_plan()


def read(text: str | bytes) -> Loaded:
    data = text.encode() if isinstance(text, str) else text
    return parse(data, catalogue=STAND_INS, today=TODAY)


def paths(value: Any, path: Path = ()) -> Iterator[Path]:
    if path:
        yield path
    if not isinstance(value, dict | list):
        return
    for key, one in value.items() if isinstance(value, dict) else enumerate(value):
        yield from paths(one, (*path, key))


def put(path: Path, value: Any) -> dict[str, Any]:
    """The full plan with another value at a path; without it when the value is None."""
    plan: Any = copy.deepcopy(FULL)
    *parents, last = path
    holder = plan
    for part in parents:
        holder = holder[part]
    if value is None:
        del holder[last]
    else:
        holder[last] = value
    return plan  # type: ignore[no-any-return]


def assert_fit_for_people(text: str, loaded: Loaded) -> None:
    lines = text.count("\n") + 1
    assert (loaded.plan is None) == bool(loaded.errors)
    for problem in loaded.problems:
        assert 1 <= problem.line <= lines
        assert len(problem.reason) > 10
        assert len(problem.remedy) > 5
        said = problem.text()
        assert "\n" not in said
        assert len(said) < 700
        assert not re.search(
            r"Input should|Field required|type=|should have|Value error|pydantic|None|Decimal\(|"
            r"which does not fit|\bstr\b|\bint\b|\bdict\b|\btuple\b",
            said,
        ), said


def test_the_full_plan_uses_every_field_and_is_read() -> None:
    text, _ = dump(FULL)
    loaded = read(text)
    assert loaded.read is not None, loaded.problems
    for path in paths(FULL):
        assert field_at(path) is not None


LONG = "x" * 5000
HOLES: dict[str, Any] = {
    "nothing": None,
    "text": Raw('"zz zz!"'),
    "empty text": Raw('""'),
    "long text": Raw(f'"{LONG}"'),
    "control characters": Raw('"a\\u0000b"'),
    "a number": Raw("5"),
    "a negative number": Raw("-1"),
    "a fraction": Raw("0.5"),
    "a huge number": Raw("99999999999999999999999"),
    "a hexadecimal giant": Raw("0x" + "f" * 5000),
    "a long number": Raw("9" * 5000),
    "a huge exponent": Raw("1e400"),
    "an impossible exponent": Raw("1e9999999999999999999"),
    "nan": Raw("nan"),
    "inf": Raw("inf"),
    "minus inf": Raw("-inf"),
    "true": Raw("true"),
    "an early date": Raw("0001-01-01"),
    "a late date": Raw("9999-12-31"),
    "a moment": Raw("2026-01-01T10:00:00Z"),
    "a time": Raw("10:00:00"),
    "an impossible date": Raw("2026-02-30"),
    "an empty list": Raw("[]"),
    "a list": Raw('["zz zz!", 5]'),
    "a list of lists": Raw("[[1]]"),
    "a table": Raw("{zz = 1}"),
    "an empty table": Raw("{}"),
    "a marked place": Raw('"FILL IN: here"'),
}
PATHS = list(paths(FULL))


@pytest.mark.parametrize("path", PATHS, ids=dotted)
def test_a_hole_in_any_field_gives_its_line_and_a_remedy(path: Path) -> None:
    for name, hole in HOLES.items():
        if hole is None and isinstance(path[-1], int):
            continue
        text, lines = dump(put(path, hole))
        loaded = read(text)
        assert_fit_for_people(text, loaded)
        wrong = [p for p in loaded.errors if p.where == dotted(path) or p.rule == "toml"]
        if _surely_wrong(path, name):
            assert wrong, f"{name} was taken"
        if hole is not None:
            for problem in wrong:
                assert problem.line == lines[path], (name, problem)


NUMBERS = {"nan", "inf", "minus inf", "a huge number", "a long number", "an impossible date"}
TYPES: dict[Any, set[str]] = {
    str: {"a number", "true", "a time", "a list", "a table", "long text"},
    float: {"text", "true", "a late date", "a list", "a table", "a huge exponent"},
    Decimal: {"text", "true", "a late date", "a list", "a table", "a huge exponent"},
    int: {"text", "true", "a late date", "a list", "a table", "a fraction"},
    bool: {"text", "a number", "a list", "a table"},
    date: {"text", "a number", "true", "a time", "an early date", "a late date", "a moment"},
    time: {"text", "a number", "true", "an early date", "a list", "a table"},
}


def _surely_wrong(path: Path, hole: str) -> bool:
    if hole in NUMBERS:
        return True
    info = field_at(path)
    assert info is not None
    if isinstance(path[-1], int) or isinstance(path[-2] if path[1:] else 0, str):
        return False  # elements of lists, keys of maps: judged by the test of their field
    plain = [part for part in (info.annotation, *get_args(info.annotation)) if part is not NoneType]
    return any(hole in TYPES.get(part, ()) for part in plain if isinstance(part, type))


def test_true_is_no_number_and_a_number_is_no_date() -> None:
    text, lines = dump(put(("teams", 0, "people", 0, "count"), True))
    (problem,) = read(text).errors
    assert problem.line == lines["teams", 0, "people", 0, "count"]
    assert problem.reason == "`count` is true, not a whole number"
    assert "`count = 12`" in problem.remedy


def test_an_unknown_field_is_named_with_the_nearest() -> None:
    plan = put(("company", "currency"), None)
    plan["company"]["curency"] = "EUR"
    text, lines = dump(plan)
    (problem,) = read(text).errors
    assert problem.line == lines["company", "curency"]
    assert "did you mean `currency`" in problem.remedy


def test_a_missing_field_is_in_the_line_of_its_table() -> None:
    text, lines = dump(put(("use_cases", 0, "pack"), None))
    (problem,) = read(text).errors
    assert problem.line == lines["use_cases", 0]
    assert problem.reason == "`pack` is missing in [[use_cases]]"
    assert problem.remedy.startswith('add, for example, `pack = "quotes"`')


def test_a_table_instead_of_a_list_of_tables_says_how_to_begin_it() -> None:
    (problem,) = read('[company]\nname = "A"\n[use_cases]\nid = "quotes"\n').errors
    assert (problem.line, problem.reason) == (3, "`use_cases` is a table, not a list")
    assert "[[use_cases]]" in problem.remedy


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a = 1\nb = \n", 2, "not TOML at column"),
        ("a = 1\na = 2\n", 2, "not TOML"),
        ("[a]\n\n[a]\n", 3, "cannot declare a twice"),
        ("[a.b]\n\n[a.b]\n", 3, "cannot declare a.b twice"),
        ("a = 1\nb = 52,50\n", 2, "not TOML at column 7"),
        ("a = 1\nb = text\n", 2, "not TOML at column 5"),
        ('\n\na = """\n', 3, "not TOML at the end"),
        ("a = 1\nb = 2026-02-30\n", 2, "date"),
        ("a = 1\nb = " + "9" * 5000, 2, "too long"),
        ("a = 1\nb = " + "[" * 5000, 2, "too deep"),
        (b"a = 1\nb = '\xff'\n", 2, "UTF-8"),
        (b"\xef\xbb\xbfa = 1\n", 1, "byte order mark"),
        ("#" * (MOST_BYTES + 1), 1, "larger"),
        ("a = 1\rb = 2", 1, "not TOML"),
        ("", 1, "`company` is missing"),
        ('[company]\nname = "A"\n"b\\nad" = 1', 3, "no field of [company]"),
        ('[company]\nname = "A"\n"' + "x" * 5000 + '" = 1', 3, "no field of [company]"),
    ],
    ids=lambda part: str(part)[:20],
)
def test_what_is_not_toml_is_said_with_its_line(text: str | bytes, line: int, words: str) -> None:
    loaded = read(text)
    (problem,) = loaded.errors
    assert problem.line == line
    assert words in problem.reason
    assert_fit_for_people("\n" * 9, loaded)
    assert (loaded.plan, loaded.read) == (None, None)


def test_a_file_that_cannot_be_read_is_a_problem_and_no_exception(tmp_path: File) -> None:
    for path in (tmp_path / "none.toml", tmp_path):
        loaded = load(path)
        (problem,) = loaded.errors
        assert "cannot be read" in problem.reason
        assert loaded.digest == ""


def test_settings_are_not_the_plans_business() -> None:
    text = '[settings]\nnonsense = nan\n[company]\nname = "A"\ndemo = true\n'
    loaded = read(text)
    assert loaded.plan is not None
    assert loaded.digest == sha256(text.encode()).hexdigest()


def test_money_is_read_exactly() -> None:
    text = '[company]\nname = "A"\ndemo = true\n[[teams]]\nname = "s"\n[[teams.cost]]\n'
    loaded = read(text + "from = 2026-01-01\nhourly = 0.123456789\n")
    assert loaded.plan is not None
    assert loaded.plan.teams[0].cost[0].hourly == Decimal("0.123456789")


def test_a_plan_that_a_guard_refuses_can_be_shown_but_not_used() -> None:
    loaded = read('[company]\nname = "A"\n')
    assert loaded.plan is None
    assert loaded.read is not None
    assert {problem.rule for problem in loaded.errors} == {"privacy"}


def test_a_marked_place_counts_as_absent_and_is_a_warning() -> None:
    text, lines = dump(put(("privacy", "agreement"), "FILL IN: who, when"))
    loaded = read(text)
    assert loaded.read is not None
    assert loaded.read.privacy.agreement is None
    marked = [problem for problem in loaded.warnings if problem.rule == "unfilled"]
    assert [problem.line for problem in marked] == [lines["privacy", "agreement"]]
    text, lines = dump(put(("company", "name"), "FILL IN"))
    (problem,) = read(text).errors
    assert (problem.line, problem.reason) == (
        lines["company", "name"], "`company.name` is still to be filled in",
    )  # fmt: skip


def test_the_plan_as_json_is_the_same_plan() -> None:
    loaded = read(dump(FULL)[0])
    assert loaded.read is not None
    again = Plan.model_validate(loaded.read.model_dump(mode="json", by_alias=True))
    assert again == loaded.read
    assert Plan.model_validate_json(loaded.read.model_dump_json(by_alias=True)) == loaded.read


VALUES = [
    "quotes",
    "sales",
    "roi",
    "lead_time",
    "EUR",
    "USD",
    "x",
    date(2026, 1, 1),
    TODAY,
    0,
    1,
    7,
]


@st.composite
def meddled(draw: st.DrawFn) -> dict[str, Any]:
    """The full plan with fields gone and rows doubled, and values that fit more than one field."""
    said: Any = copy.deepcopy(FULL)
    for path in draw(st.lists(st.sampled_from(PATHS), min_size=1, max_size=12)):
        holder = said
        try:
            for part in path[:-1]:
                holder = holder[part]
            if isinstance(holder, list):
                holder.append(copy.deepcopy(holder[0]))
            elif draw(st.booleans()) and not isinstance(holder[path[-1]], list | dict):
                holder[path[-1]] = draw(st.sampled_from(VALUES))
            else:
                del holder[path[-1]]
        except (KeyError, IndexError):  # gone already
            continue
    return said  # type: ignore[no-any-return]


@given(meddled())
@settings(max_examples=200, deadline=None)
def test_rows_that_contradict_each_other_give_problems_and_never_raise(
    said: dict[str, Any],
) -> None:
    text, lines = dump(said)
    loaded = read(text)
    assert_fit_for_people(text, loaded)
    for problem in loaded.problems:
        assert problem.line == 1 or problem.line in lines.values()


def test_a_target_of_the_catalogue_can_be_taken_over() -> None:
    assert Choice(id="csat", target=Target(low=0.8)).target == Goal(low=0.8, origin="house")


# --- any text


def test_a_value_of_the_example_that_is_broken_is_found_in_its_line() -> None:
    lines = EXAMPLE.split("\n")
    broken = 0
    begins = lines.index("[company]")
    for number, line in enumerate(lines, 1):
        found = re.match(r"([a-z_]+) = (?!\"\"\")", line)
        if not found or number <= begins:
            continue
        broken += 1
        for value in ("?", "nan", "{zz = 1}"):
            text = "\n".join([*lines[: number - 1], f"{found[1]} = {value}", *lines[number:]])
            at = {problem.line for problem in read(text).errors}
            assert at == {number}, (line, value)
    assert broken > 150


PIECES = st.sampled_from(
    [
        "[", "]", "[[", "]]", "{", "}", "=", ",", ".", '"', "'", '"""', "\\", "#", "\n", "\r\n",
        "nan", "inf", "-", "1e999", "0x", "true", "2026-01-01", "10:00:00", "é", "\x00", "FILL IN",
        "use_cases", "company", "kpis", "from", "settings", " ", "\t",
    ]
)  # fmt: skip


@given(st.lists(st.tuples(st.integers(0, len(EXAMPLE)), st.integers(0, 30), PIECES), max_size=4))
@settings(max_examples=250, deadline=None)
def test_a_mutated_plan_gives_problems_and_never_raises(
    cuts: list[tuple[int, int, str]],
) -> None:
    text = EXAMPLE
    for at, length, piece in cuts:
        text = text[:at] + piece + text[at + length :]
    assert_fit_for_people(text, read(text))


@given(st.lists(st.integers(0, EXAMPLE.count("\n")), max_size=6), st.randoms())
@settings(max_examples=100, deadline=None)
def test_lines_lost_doubled_and_moved_give_problems_and_never_raise(
    which: list[int], random: Any
) -> None:
    lines = EXAMPLE.split("\n")
    for index in which:
        line = lines.pop(min(index, len(lines) - 1))
        for _ in range(random.choice([0, 1, 2])):
            lines.insert(random.randrange(len(lines) + 1), line)
    text = "\n".join(lines)
    assert_fit_for_people(text, read(text))


@given(st.one_of(st.binary(max_size=200), st.lists(PIECES, max_size=40).map("".join)))
@settings(max_examples=300, deadline=None)
def test_any_bytes_give_problems_and_never_raise(data: bytes | str) -> None:
    raw = data.encode() if isinstance(data, str) else data
    loaded = parse(raw, catalogue=STAND_INS, today=TODAY)
    assert loaded.problems
    assert_fit_for_people(raw.decode(errors="replace"), loaded)
