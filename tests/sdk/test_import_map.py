"""A map is read whole, or every error in it is told with line, reason and remedy."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.importing import LIFECYCLE, PLAIN, load

from meetlat.errors import MeetlatError
from meetlat.imports.lines import line_of
from meetlat.imports.mapping_file import load_map


def error(folder: Path, text: str) -> str:
    with pytest.raises(MeetlatError) as caught:
        load(folder, text)
    told = str(caught.value)
    assert "\n" not in told
    return told


def test_a_key_that_is_unknown_is_named_with_its_line(tmp_path: Path) -> None:
    told = error(tmp_path, PLAIN + '# more\nfinnished = ["closed"]\n')
    line = (PLAIN + "# more\n").count("\n") + 1
    assert f"line {line}: milestones.finnished: is no key of a map" in told
    assert told.endswith("mend the map")


def test_every_error_of_a_map_is_told_at_once(tmp_path: Path) -> None:
    text = PLAIN.replace('"orders"', '"Not An Id"').replace('"time"', '"time", zone = "Mars"')
    told = error(tmp_path, text)
    assert "line 2: name: " in told
    assert "line 7: time.zone: is not a time zone name, as Europe/Amsterdam" in told


@pytest.mark.parametrize("key", ["name", "use_case", "process", "case", "activity", "time"])
def test_a_key_that_is_missing_is_named(key: str, tmp_path: Path) -> None:
    text = "\n".join(line for line in PLAIN.splitlines() if not line.startswith(f"{key} "))
    assert f"{key}" in (told := error(tmp_path, text)) and "is missing" in told


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ('[segment]\ncolumn = "a"\nbelow = { low = 1 }', "below needs otherwise"),
        ('[segment]\ncolumn = "a"\nconstant = "b"', "a constant or a column, one of the two"),
        ('[segment]\nconstant = "b"\nvalues = { a = "b" }', "belong to a column"),
        ('[segment]\ncolumn = "a"\nvalues = { a = "b" }\nbelow = { c = 1 }', "values or below"),
        ('[segment]\ncolumn = "a"\notherwise = "b"', "otherwise needs values or below"),
        ('[outcome]\ncolumn = "a"\nactivities = { a = "won" }', "activities or a column"),
        ('[outcome]\nactivities = { a = "won" }\nvalues = { a = "b" }', "belong to a column"),
        ('[value]\ncolumn = "a"', "currency or currency_column"),
        ('[handling]\nactivities = ["a"]', "handling needs [lifecycle]"),
        (LIFECYCLE + 'hours = "working"', "needs [handling.calendar]"),
        (LIFECYCLE + "[handling.calendar]", 'needs hours = "working"'),
        (
            LIFECYCLE + 'hours = "working"\n[handling.calendar]\nopens = 17:00:00\ncloses=09:00:00',
            "opens must lie before closes",
        ),
        (LIFECYCLE.replace("[handling]", 'within = "worker"\n[handling]'), "needs worker"),
        (LIFECYCLE.replace("[handling]", 'ignore = ["start"]\n[handling]'), "'start' twice"),
        ('[steps]\nscreen = ["a"]\n[step]\ncolumn = "b"', "steps stand beside step"),
        ("[steps]\nscreen = []", "at least 1"),
        ("[resolution]", 'needs emit = "resolution"'),
        ("[file]\nencoding = 'klingon'", "is not an encoding"),
        ("[file]\ndelimiter = ';;'", "at most 1"),
    ],
)
def test_what_does_not_fit_together_is_refused(more: str, reason: str, tmp_path: Path) -> None:
    assert reason in error(tmp_path, f"{PLAIN}\n{more}\n")


def test_what_does_not_fit_together_is_told_with_the_line_of_the_first_of_them(
    tmp_path: Path,
) -> None:
    text = PLAIN + '[handling]\nactivities = ["a"]\n'
    assert f"line {PLAIN.count(chr(10)) + 1}: handling needs [lifecycle]" in error(tmp_path, text)


def test_revisions_after_a_first_draft_need_to_know_the_draft(tmp_path: Path) -> None:
    text = PLAIN.replace('first_draft = "sent"', "") + '[revisions]\nactivities = ["sent"]\n'
    assert "milestones.first_draft" in error(tmp_path, text)
    load(tmp_path, text + 'after = "first"\n')


def test_a_task_needs_to_know_what_ends_it(tmp_path: Path) -> None:
    text = PLAIN.replace('finished = "closed"', "")
    assert "milestones.finished is missing" in error(tmp_path, text)


def test_a_resolution_needs_an_outcome_of_its_four(tmp_path: Path) -> None:
    text = PLAIN.replace("[milestones]", 'emit = "resolution"\n[milestones]')
    assert "outcome is missing" in error(tmp_path, text)
    assert "'won' is none of a resolution" in error(
        tmp_path, text + '[outcome.activities]\nclosed = "won"\n'
    )
    load(tmp_path, text + '[outcome.activities]\nclosed = "resolved"\n')


def test_a_file_that_is_not_there_or_no_toml_is_said(tmp_path: Path) -> None:
    assert "line 1" in error(tmp_path, "name = orders\n")
    (tmp_path / "map.toml").write_bytes(b"name = '\xff'")
    with pytest.raises(MeetlatError, match="is not UTF-8"):
        load_map(str(tmp_path / "map.toml"))
    with pytest.raises(MeetlatError, match="No such file"):
        load_map(str(tmp_path / "nowhere.toml"))


WHOLE = PLAIN + LIFECYCLE + (
    'hours = "working"\n[handling.calendar]\ndays = ["mon"]\nholidays = [2026-12-25]\n'
    '[segment]\ncolumn = "amount"\nbelow = { low = 10 }\notherwise = "high"\n'
    '[value]\ncolumn = "amount"\ncurrency = "EUR"\n[outcome.activities]\nclosed = "won"\n'
    '[revisions]\nactivities = ["sent"]\n[steps]\nscreen = ["sent"]\n'
)  # fmt: skip


def holes(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The path of everything in a document."""
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else ()
    for key, below in items:
        yield from holes(below, (*path, key))


@pytest.mark.parametrize("path", list(holes(tomllib.loads(WHOLE))), ids=str)
@pytest.mark.parametrize("junk", [-1, "", [], {"x": 1}, "\x00", 1.5, True], ids=repr)
def test_a_hole_in_any_key_is_an_error_with_a_line_or_is_taken(
    path: tuple[str | int, ...], junk: Any, tmp_path: Path
) -> None:
    document: Any = tomllib.loads(WHOLE)
    inner = document
    for part in path[:-1]:
        inner = inner[part]
    inner[path[-1]] = junk
    try:
        load(tmp_path, _toml(document))
    except MeetlatError as caught:
        assert "line " in str(caught)


def _toml(document: dict[str, Any]) -> str:
    return "".join(f"{_quoted(key)} = {_inline(value)}\n" for key, value in document.items())


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_quoted(k)} = {_inline(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return _quoted(value)
    return str(value)


def _quoted(text: str) -> str:
    return '"' + "".join(f"\\u{ord(c):04x}" if c < " " else c for c in text) + '"'


@given(
    st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), st.booleans(), st.booleans()), max_size=6)
)
def test_the_line_of_a_key_is_where_it_stands(keys: list[tuple[str, bool, bool]]) -> None:
    lines: list[str] = []
    expected: dict[tuple[str, str], int] = {}
    for number, (key, long, remark) in enumerate(keys):
        lines += ["# a = 1", ""] if remark else []
        lines.append(f"[t{number}]")
        expected[f"t{number}", key] = len(lines) + 1
        lines += [f"{key} = [", "1,", "]"] if long else [f"{key} = 1"]
    for path, line in expected.items():
        assert line_of("\n".join(lines), path) == line


def test_the_line_of_a_key_that_is_missing_is_that_of_its_table() -> None:
    text = "a = 1\n\n[[rows]]\nx = 1\n[[rows]]\n\ny = 1\n"
    assert line_of(text, ("rows", 1, "x")) == 5
    assert line_of(text, ("rows", 0, "x")) == 4
    assert line_of(text, ("nowhere",)) is None
