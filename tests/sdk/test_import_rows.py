"""Rows of an event log: duplicates, bad rows, labels, numbers, and the cases they make."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.importing import PLAIN, ROWS, data_of, prepared

from meetlat.contract.envelope import read_event
from meetlat.errors import MeetlatError
from meetlat.imports.labels import amount, number


def test_a_case_becomes_one_valid_event_of_history(tmp_path: Path) -> None:
    done = prepared(tmp_path, ROWS)
    events = [json.loads(event) for event in done.events]
    for event in done.events:
        read_event(event)
    assert [event["data"] for event in events] == [
        {
            "use_case": "quotes", "case": "b", "process": "quote", "assisted": False,
            "requested": "2026-03-02T10:00:00.000000Z",
        },
        {
            "use_case": "quotes", "case": "a", "process": "quote", "assisted": False,
            "requested": "2026-03-02T09:00:00.000000Z",
            "first_draft": "2026-03-02T11:00:00.000000Z",
            "finished": "2026-03-03T09:00:00.000000Z",
        },
    ]  # fmt: skip
    assert {event["type"] for event in events} == {"meetlat.task.v1"}
    assert {event["source"] for event in events} == {"/import/orders"}
    assert all(event["meetlathistory"] is True for event in events)
    assert [event["time"] for event in events] == [
        "2026-03-02T10:00:00.000000Z",
        "2026-03-03T09:00:00.000000Z",
    ]


def test_an_open_case_is_a_task_without_finished(tmp_path: Path) -> None:
    done = prepared(tmp_path, ROWS)
    assert "finished" not in data_of(done)["b"]
    assert (done.measures.all.cases, done.measures.all.finished) == (2, 1)


def test_exact_duplicates_are_dropped_and_counted(tmp_path: Path) -> None:
    twice = ROWS + ROWS.partition("\n")[2]
    done = prepared(tmp_path, twice)
    assert (done.collected.rows, done.collected.duplicates) == (8, 4)
    assert done.events == prepared(tmp_path, ROWS).events


def test_a_row_that_differs_in_any_cell_is_no_duplicate(tmp_path: Path) -> None:
    more = "case,activity,time,note\na,sent,2026-03-02T09:00:00Z,x\na,sent,2026-03-02T09:00:00Z,y\n"
    text = PLAIN + '[revisions]\nactivities = ["sent"]\n'
    done = prepared(tmp_path, more, text)
    assert done.collected.duplicates == 0
    assert data_of(done)["a"]["revisions"] == 1


def test_the_order_of_the_file_does_not_matter_where_times_differ(tmp_path: Path) -> None:
    head, *rows = ROWS.splitlines()
    done = prepared(tmp_path, "\n".join([head, *reversed(rows)]))
    assert done.events == prepared(tmp_path, ROWS).events


BAD = """case,activity,time,amount,kind
,asked,2026-03-02T09:00:00Z,,
a,,2026-03-02T09:00:00Z,,
a,asked,,,
a,asked,soon,,
a,asked,2026-03-02T09:00:00Z
a,asked,2026-03-02T09:00:00Z,twelve,
a,asked,2027-03-02T09:00:00Z,,
{long},asked,2026-03-02T09:00:00Z,,
a,asked,2026-03-02T09:00:00Z,,x\x85y
a,asked,2026-03-02T09:00:00Z,12,fine
""".replace("{long}", "c" * 201)
BAD_MAP = (
    PLAIN
    + '[segment]\ncolumn = "kind"\n[value]\ncolumn = "amount"\ncurrency = "EUR"\n'
    + '[lifecycle]\ncolumn = "activity"\nstart = ["s"]\ncomplete = ["asked"]\n'
)


def test_bad_rows_are_told_with_line_and_reason_and_the_rest_is_read(tmp_path: Path) -> None:
    done = prepared(tmp_path, BAD, BAD_MAP)
    assert done.collected.bad == [
        (2, "names no case"),
        (3, "names no activity"),
        (4, "time: says no time"),
        (5, "time: 'soon' is not a time as 2026-03-02T09:30:00; say its [time] format in the map"),
        (6, "has 3 cells where the heading has 5"),
        (7, "amount: 'twelve' is not a number with a decimal '.'"),
        (8, "time: lies in the future"),
        (9, "case: is 201 characters long; the limit is 200"),
        (10, "kind: has control characters; remove them"),
    ]
    assert done.bad == done.collected.bad_rows == 9
    assert data_of(done)["a"]["value"] == "12"


def test_a_lifecycle_that_the_map_does_not_name_is_a_bad_row(tmp_path: Path) -> None:
    rows = "case,activity,time\na,closed,2026-03-02T09:00:00Z\n"
    (told,) = prepared(tmp_path, rows, BAD_MAP.partition("[segment]")[0] + (
        '[lifecycle]\ncolumn = "activity"\nstart = ["s"]\ncomplete = ["asked"]\n'
    )).told()  # fmt: skip
    assert told == (
        "line 2: 'closed' is none of the words of [lifecycle]; add it to start, complete or ignore"
    )


def test_the_line_of_a_row_after_a_cell_of_several_lines_is_its_own(tmp_path: Path) -> None:
    rows = 'case,activity,time\n"a\nb",asked,2026-03-02T09:00:00Z\n\nc,asked,soon\n'
    assert [line for line, _ in prepared(tmp_path, rows).collected.bad] == [2, 5]


def test_only_the_first_twenty_bad_rows_are_kept(tmp_path: Path) -> None:
    rows = "case,activity,time\n" + "".join(f"a,asked,bad{n}\n" for n in range(25))
    done = prepared(tmp_path, rows)
    assert (done.bad, len(done.told())) == (25, 20)
    assert done.collected.bad_cases == {"a"}


def test_a_case_that_fits_no_event_is_bad_too(tmp_path: Path) -> None:
    text = PLAIN + (
        '[lifecycle]\ncolumn = "l"\nstart = ["s"]\ncomplete = ["c"]\n'
        '[handling]\nactivities = ["work"]\n'
    )
    rows = "case,activity,time,l\na,work,2024-01-01T00:00:00Z,s\na,work,2025-06-01T00:00:00Z,c\n"
    done = prepared(tmp_path, rows, text)
    assert done.events == []
    (told,) = done.told()
    assert told.startswith("case a: data.handling: ") and done.bad == 1


def test_a_column_that_is_missing_is_named_with_those_that_are_there(tmp_path: Path) -> None:
    with pytest.raises(
        MeetlatError, match=r"'time', which the map names as time\.column"
    ) as caught:
        prepared(tmp_path, "case,activity,when\n")
    assert "'case', 'activity', 'when'" in str(caught.value)


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MeetlatError, match="two columns time"):
        prepared(tmp_path, "case,activity,time,time\n")


def test_a_file_without_rows_makes_no_events_and_one_without_anything_is_refused(
    tmp_path: Path,
) -> None:
    assert prepared(tmp_path, "case,activity,time\n").events == []
    with pytest.raises(MeetlatError, match="is empty"):
        prepared(tmp_path, "")


AMOUNTS = "case,activity,time,x\n" + "".join(
    f"c{n},asked,2026-03-02T09:00:00Z,{text}\n"
    for n, text in enumerate(["9999.99", "10000", "", "-1", "25000"])
)


def segments(folder: Path, rows: str, rule: str) -> dict[str, str | None]:
    done = prepared(folder, rows, f'{PLAIN}[segment]\ncolumn = "x"\n{rule}')
    return {case: data.get("segment") for case, data in data_of(done).items()}


def test_a_number_below_a_limit_has_its_name_and_an_empty_cell_none(tmp_path: Path) -> None:
    rule = "below = { large = 25000, standard = 10000 }\notherwise = 'huge'"
    assert segments(tmp_path, AMOUNTS, rule) == {
        "c0": "standard", "c1": "large", "c2": None, "c3": "standard", "c4": "huge",
    }  # fmt: skip


def test_a_table_names_what_a_column_says_and_what_it_lacks_is_told(tmp_path: Path) -> None:
    rule = 'values = { "10000" = "ten", "-1" = "odd" }\n'
    assert segments(tmp_path, AMOUNTS, rule) == {
        "c0": None, "c1": "ten", "c2": None, "c3": "odd", "c4": None,
    }  # fmt: skip
    done = prepared(tmp_path, AMOUNTS, f'{PLAIN}[segment]\ncolumn = "x"\n{rule}')
    assert done.collected.unnamed == {"segment": {"9999.99": 1, "25000": 1}}
    rule += "otherwise = 'rest'\n"
    assert segments(tmp_path, AMOUNTS, rule)["c4"] == "rest"


def test_a_constant_or_a_column_as_it_is(tmp_path: Path) -> None:
    done = prepared(tmp_path, ROWS, PLAIN.replace("[milestones]", 'team = "north"\n[milestones]'))
    assert data_of(done)["a"]["team"] == "north"
    assert segments(tmp_path, AMOUNTS, "")["c1"] == "10000"


@pytest.mark.parametrize(("take", "expected"), [("first", "x"), ("last", "z")])
def test_of_several_rows_the_first_or_the_last_that_says_it(
    take: str, expected: str, tmp_path: Path
) -> None:
    rows = "case,activity,time,x\n" + "".join(
        f"a,asked,2026-03-02T09:0{n}:00Z,{text}\n" for n, text in enumerate(["", "x", "y", "z", ""])
    )
    assert segments(tmp_path, rows, f'take = "{take}"\n') == {"a": expected}


def test_amounts_with_a_decimal_comma_and_a_currency_of_their_own(tmp_path: Path) -> None:
    rows = 'case;activity;time;x;c\na;asked;2026-03-02T09:00:00Z;"1.234,50";USD\n'
    text = PLAIN + (
        '[file]\ndelimiter = ";"\ndecimal = ","\n[value]\ncolumn = "x"\ncurrency_column = "c"\n'
    )
    data = data_of(prepared(tmp_path, rows, text))["a"]
    assert (data["value"], data["currency"]) == ("1234.50", "USD")
    (told,) = prepared(tmp_path, rows.replace("USD", "usd"), text).told()
    assert told == "line 2: c: 'usd' is not an ISO 4217 code, as EUR"


@pytest.mark.parametrize("text", ["", "1e400", "nan", "inf", "1 2", "1,5", "1" * 13])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a number|too large|twelve digits"):
        amount(text, ".")


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4, max_value=10**9, min_value=0))
def test_a_number_reads_the_same_with_point_and_comma(value: object) -> None:
    text = f"{value}"
    assert number(text, ".") == number(text.replace(".", ","), ",")


def test_activities_that_the_map_does_not_name_or_the_file_does_not_have_are_told(
    tmp_path: Path,
) -> None:
    done = prepared(tmp_path, ROWS + "a,phoned,2026-03-02T09:30:00Z\n" * 1, PLAIN)
    assert done.unknown == {"phoned": 1}
    assert done.absent == []
    done = prepared(tmp_path, ROWS, PLAIN.replace('"sent"', '["sent", "mailed"]'))
    assert done.absent == ["mailed"]
    ignored = PLAIN.replace("[milestones]", 'ignore = ["sent"]\n[milestones]')
    assert prepared(tmp_path, ROWS, ignored.replace('first_draft = "sent"', "")).unknown == {}
