"""Each table, key and element of a TOML file is found in the line where it stands."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from itertools import count
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from meetlat.plan.positions import Path, Positions, find

TEXT = '''\
top = 1
[a.b]                 # a comment with "quotes" and [brackets]
x.y = [1,
  2, # two
  {k = 3, "l.m" = [ 4 ]}]
"q.r" = """
three quotes \\""" here "" and
"""""
'lit' = \'\'\'C:\\path # no comment
\'\'\'
date = 1979-05-27 07:32:00
[[rows]]
v = "]"
[rows.below]
w = 1
[[rows.many]]
[[rows.many]]
z = {}
[[rows]]
rows = []
'''


def test_lines_of_all_that_toml_can_hold() -> None:
    assert find(TEXT) == {
        ("top",): 1,
        ("a",): 2, ("a", "b"): 2, ("a", "b", "x"): 3, ("a", "b", "x", "y"): 3,
        ("a", "b", "x", "y", 0): 3, ("a", "b", "x", "y", 1): 4, ("a", "b", "x", "y", 2): 5,
        ("a", "b", "x", "y", 2, "k"): 5, ("a", "b", "x", "y", 2, "l.m"): 5,
        ("a", "b", "x", "y", 2, "l.m", 0): 5,
        ("a", "b", "q.r"): 6, ("a", "b", "lit"): 9, ("a", "b", "date"): 11,
        ("rows",): 12, ("rows", 0): 12, ("rows", 0, "v"): 13,
        ("rows", 0, "below"): 14, ("rows", 0, "below", "w"): 15,
        ("rows", 0, "many"): 16, ("rows", 0, "many", 0): 16, ("rows", 0, "many", 1): 17,
        ("rows", 0, "many", 1, "z"): 18,
        ("rows", 1): 19, ("rows", 1, "rows"): 20,
    }  # fmt: skip


def test_windows_line_ends_count_as_one() -> None:
    assert find(TEXT.replace("\n", "\r\n")) == find(TEXT)


def test_what_is_not_there_is_in_the_line_of_its_table() -> None:
    positions = Positions(find(TEXT))
    assert positions.line(("rows", 0, "below", "missing")) == 14
    assert positions.line(("nothing", "of", "it")) == 1


# --- generated texts: the same paths as tomllib, each leaf in the line of its marker


NAMES = st.sampled_from(["a", "b", "c", '"q.x"', "'lit # x'", "1", "-"])
LEAVES = [
    '"v{}"',
    "'v{} \\'",
    '"v{} # \\" ] }}"',
    '"""v{}\nsecond \\""" line"""""',
    "'''v{}\n[not.a.table]\n'''",
]


@st.composite
def documents(draw: st.DrawFn) -> str:
    """Texts in which every leaf is `v` and a number of its own."""
    marks = count()

    def leaf() -> str:
        return draw(st.sampled_from(LEAVES)).format(next(marks))

    def value(depth: int) -> str:
        what = draw(st.sampled_from(["leaf", "leaf", "array", "inline"] if depth else ["leaf"]))
        if what == "leaf":
            return leaf()
        if what == "inline":
            keys = draw(st.lists(NAMES, max_size=3, unique=True))
            return "{" + ", ".join(f"{key} = {value(0)}" for key in keys) + "}"
        gap = draw(st.sampled_from(["", " ", "\n", "\n# a ] comment\n\n  "]))
        parts = [value(depth - 1) for _ in range(draw(st.integers(0, 3)))]
        return "[" + gap + f"{gap},{gap}".join(parts) + gap + "]"

    lines = []
    for _ in range(draw(st.integers(0, 8))):
        what = draw(st.sampled_from(["pair", "pair", "pair", "table", "array", "blank"]))
        key = draw(st.sampled_from([".", " . "])).join(
            draw(st.lists(NAMES, min_size=1, max_size=3))
        )
        lines.append(
            {
                "pair": lambda key=key: f"{key} = {value(2)}",
                "table": lambda key=key: f"[{key}] # [x]",
                "array": lambda key=key: f"[[ {key} ]]",
                "blank": lambda: "  # a = 1",
            }[what]()
        )
    return "\n".join(lines)


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    if path:
        yield path, value
    if not isinstance(value, dict | list):
        return
    for key, one in value.items() if isinstance(value, dict) else enumerate(value):
        yield from leaves(one, (*path, key))


@given(documents())
@settings(max_examples=400, deadline=None)
def test_the_paths_are_those_of_tomllib_and_leaves_stand_where_they_stand(text: str) -> None:
    try:
        read = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    found = find(text)
    there = dict(leaves(read))
    assert set(found) == set(there)
    for path, value in there.items():
        if isinstance(value, str):
            mark = re.compile(rf"{value.split()[0]}\b")
            lines = text.split("\n")
            assert found[path] == next(i for i, line in enumerate(lines, 1) if mark.search(line))
