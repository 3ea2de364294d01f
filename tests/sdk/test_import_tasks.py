"""What the rows of a case say of a task: moments, outcome, rounds, steps, workers, ids."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.importing import LIFECYCLE, PLAIN, ROWS, data_of, prepared

HEAD = "case,activity,time,status\n"


def log(*rows: str) -> str:
    """Rows as `activity` or `activity/status`, an hour apart, of the case `a`."""
    lines = (
        f"a,{name.partition('/')[0]},2026-03-02T{hour:02d}:00:00Z,{name.partition('/')[2]}\n"
        for hour, name in enumerate(rows)
    )
    return HEAD + "".join(lines)


def task(folder: Path, rows: str, more: str = "", text: str = PLAIN) -> dict[str, Any]:
    return data_of(prepared(folder, rows, text + more))["a"]


def hour(data: dict[str, Any], name: str) -> int:
    return int(data[name][11:13])


def test_a_moment_is_the_first_of_its_activities_and_the_end_the_last(tmp_path: Path) -> None:
    rows = log("asked", "asked", "sent", "sent", "closed", "closed", "note")
    data = task(tmp_path, rows)
    assert [hour(data, name) for name in ("requested", "first_draft", "finished")] == [0, 2, 5]


def test_a_moment_can_be_told_to_be_the_first_or_the_last(tmp_path: Path) -> None:
    text = PLAIN.replace('finished = "closed"', "").replace('requested = "asked"', "") + (
        'finished = { activities = ["closed", "stopped"], take = "first" }\n'
        'requested = { activities = ["asked"], take = "last" }\n'
    )
    data = task(tmp_path, log("asked", "asked", "stopped", "closed"), text=text)
    assert (hour(data, "requested"), hour(data, "finished")) == (1, 2)


def test_work_has_started_at_a_start_and_a_moment_is_there_at_a_complete(tmp_path: Path) -> None:
    text = PLAIN.replace('"time" }', '"time" }') + 'started = "sent"\n' + LIFECYCLE
    text = text.replace('column = "lifecycle"', 'column = "status"')
    data = task(tmp_path, log("asked", "sent/start", "sent/complete", "closed/start"), text=text)
    assert (hour(data, "started"), hour(data, "first_draft")) == (1, 2)
    assert "finished" not in data


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (["asked", "sent"], 0),
        (["asked", "sent", "sent", "sent"], 2),
        (["asked", "asked"], None),
        (["asked", "redo", "sent", "redo"], 1),
    ],
)
def test_rounds_are_counted_after_the_first_draft(
    rows: list[str], expected: int | None, tmp_path: Path
) -> None:
    data = task(tmp_path, log(*rows), '[revisions]\nactivities = ["sent", "redo"]\n')
    assert data.get("revisions") == expected


def test_a_round_at_the_moment_of_the_first_draft_counts_in_the_order_of_the_file(
    tmp_path: Path,
) -> None:
    rows = HEAD + "a,sent,2026-03-02T09:00:00Z,1\na,sent,2026-03-02T09:00:00Z,2\n"
    assert task(tmp_path, rows, '[revisions]\nactivities = ["sent"]\n')["revisions"] == 1


@pytest.mark.parametrize(
    ("rows", "expected"), [(["take"], 0), (["take", "x", "take"], 1), (["asked"], None)]
)
def test_rounds_can_be_counted_after_the_first_of_themselves(
    rows: list[str], expected: int | None, tmp_path: Path
) -> None:
    data = task(tmp_path, log(*rows), '[revisions]\nactivities = ["take"]\nafter = "first"\n')
    assert data.get("revisions") == expected


@pytest.mark.parametrize(
    ("rows", "expected"), [(["lost"], "lost"), (["lost", "won", "note"], "won"), (["x"], None)]
)
def test_the_last_activity_with_an_outcome_decides(
    rows: list[str], expected: str | None, tmp_path: Path
) -> None:
    more = '[outcome.activities]\nwon = "won"\nlost = "lost"\n'
    assert task(tmp_path, log(*rows), more).get("outcome") == expected


def test_an_outcome_from_a_column_is_its_last_word(tmp_path: Path) -> None:
    rows = log("asked/new", "sent/no", "note/yes", "note")
    assert task(tmp_path, rows, '[outcome]\ncolumn = "status"\n')["outcome"] == "yes"
    table = '[outcome]\ncolumn = "status"\nvalues = { no = "lost" }\n'
    assert task(tmp_path, rows, table)["outcome"] == "lost"


WORK = LIFECYCLE.replace('column = "lifecycle"', 'column = "status"')


def test_steps_by_activities_are_tasks_beside_the_whole_case(tmp_path: Path) -> None:
    more = WORK + '[steps]\nwriting = ["work"]\nchecking = ["check"]\nnever = ["never"]\n'
    rows = log("asked", "work/start", "work/complete", "check/start", "closed")
    data = data_of(prepared(tmp_path, rows, PLAIN + more))
    assert set(data) == {"a", "a/writing", "a/checking"}
    assert data["a"]["handling"] == data["a/writing"]["handling"] == 3600
    writing, checking = data["a/writing"], data["a/checking"]
    assert (hour(writing, "started"), hour(writing, "finished")) == (1, 2)
    assert hour(checking, "started") == 3
    assert "finished" not in checking and "handling" not in checking
    assert "outcome" not in writing


def test_a_step_with_a_start_that_is_still_open_is_not_finished(tmp_path: Path) -> None:
    more = WORK + '[steps]\nwriting = ["work"]\n'
    rows = log("work/start", "work/complete", "work/start")
    assert "finished" not in data_of(prepared(tmp_path, rows, PLAIN + more))["a/writing"]


def test_steps_by_a_column_are_tasks_beside_the_whole_case(tmp_path: Path) -> None:
    more = '[step]\ncolumn = "status"\nvalues = { one = "first", two = "second" }\n'
    rows = log("asked/one", "x/one", "y/two", "closed")
    done = prepared(tmp_path, rows, PLAIN + more)
    data = data_of(done)
    assert set(data) == {"a", "a/first", "a/second"}
    first = data["a/first"]
    assert (hour(first, "started"), hour(first, "finished")) == (0, 1)
    assert "step" not in data["a"]
    assert {name: group.cases for name, group in done.measures.steps.items()} == {
        "first": 1,
        "second": 1,
    }


def test_a_constant_step_makes_every_case_a_task_of_that_step(tmp_path: Path) -> None:
    text = PLAIN.replace("[milestones]", 'step = "screening"\n[milestones]')
    done = prepared(tmp_path, ROWS, text)
    assert set(data_of(done)) == {"a/screening", "b/screening"}
    assert done.measures.all.cases == 2


def ids(folder: Path, rows: str, text: str = PLAIN) -> dict[str, tuple[str, str]]:
    done = prepared(folder, rows, text)
    return {
        event["data"]["case"]: (event["id"], event["time"])
        for event in map(json.loads, done.events)
    }


def test_ids_and_times_are_the_same_at_every_import(tmp_path: Path) -> None:
    assert ids(tmp_path, ROWS) == ids(tmp_path, ROWS)
    assert len({ident for ident, _ in ids(tmp_path, ROWS).values()}) == 2


def test_of_two_imports_the_one_that_knows_more_of_a_case_wins(tmp_path: Path) -> None:
    """Of two events with one time the aggregator believes the greater id."""
    before = ids(tmp_path, ROWS)
    more = ids(tmp_path, ROWS + "a,note,2026-03-02T12:00:00Z\n")
    assert more["b"] == before["b"]
    assert more["a"][1] == before["a"][1] and more["a"][0] > before["a"][0]
    versioned = ids(tmp_path, ROWS, PLAIN.replace("[milestones]", "version = 2\n[milestones]"))
    assert all(versioned[case][0] > more[case][0] for case in "ab")


def test_a_resolution_is_made_of_every_case_that_ended(tmp_path: Path) -> None:
    text = PLAIN.replace("[milestones]", 'emit = "resolution"\nteam = "desk"\n[milestones]') + (
        '[outcome.activities]\nclosed = "resolved"\nopened = "reopened"\n'
        '[resolution]\nticket = true\nchannel = "mail"\n'
    )
    done = prepared(tmp_path, ROWS + "c,closed,2026-03-02T09:00:00Z\n", text)
    assert data_of(done)["a"] == {
        "use_case": "quotes", "case": "a", "team": "desk", "outcome": "resolved", "by": "human",
        "ticket": True, "channel": "mail",
    }  # fmt: skip
    assert json.loads(done.events[0])["type"] == "meetlat.resolution.v1"
    assert set(data_of(done)) == {"a", "c"}
    assert done.without == {"not yet ended": 1}


def test_a_resolution_without_an_outcome_is_not_made_and_counted(tmp_path: Path) -> None:
    text = PLAIN.replace("[milestones]", 'emit = "resolution"\n[milestones]')
    done = prepared(tmp_path, ROWS, text + '[outcome.activities]\nother = "resolved"\n')
    assert done.without == {"not yet ended": 1, "without an outcome": 1}


def test_a_worker_is_left_out_unless_a_maker_of_pseudonyms_is_given(tmp_path: Path) -> None:
    text = PLAIN.replace("[milestones]", 'worker = "status"\n[milestones]')
    rows = log("asked/ann", "sent/bob", "closed")
    done = prepared(tmp_path, rows, text)
    assert b"ann" not in b"".join(done.events) and b"bob" not in b"".join(done.events)
    asked: list[str] = []

    def worker(name: str) -> str | None:
        asked.append(name)
        return "u_" + "0" * 32

    data = data_of(prepared(tmp_path, rows, text, worker))["a"]
    assert asked == ["bob"]  # the last row that names one
    assert data["user"] == "u_" + "0" * 32


def test_cases_that_end_before_they_begin_are_counted_and_in_no_lead_time(tmp_path: Path) -> None:
    measures = prepared(tmp_path, log("closed", "asked")).measures
    assert (measures.backwards, measures.all.cases, measures.all.lead) == (1, 1, [])
