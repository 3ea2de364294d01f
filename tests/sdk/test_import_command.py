"""`meetlat import` as a person runs it: what it sends, what it shows, how it ends."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from support.commanding import Done, run
from support.importing import LIFECYCLE, PLAIN, ROWS, records

from meetlat.contract.pseudonym import pseudonym
from meetlat.imports.moments import SECOND
from meetlat.imports.picture import histogram, span

KEY = "a key of sixteen characters"
WORKED = PLAIN.replace("[milestones]", 'worker = "who"\n[milestones]')
WHO = "case,activity,time,who\n" + "".join(
    f"{case},asked,2026-03-02T09:00:00Z,{who}\n"
    for case, who in (("a", "ann@firm.example"), ("b", "u_" + "1" * 32), ("c", ""))
)


def imported(folder: Path, rows: str, *words: str, text: str = PLAIN) -> Done:
    (folder / "log.csv").write_text(rows)
    (folder / "map.toml").write_text(text)
    log = f"embedded:{folder / 'log'}"
    return run(
        "import", str(folder / "log.csv"), "--map", str(folder / "map.toml"), "--endpoint", log,
        *words,
    )  # fmt: skip


def sent(folder: Path) -> list[dict[str, Any]]:
    if not (folder / "log").exists():
        return []
    return [json.loads(record.value) for record in records(folder / "log")]


def test_every_event_is_sent_in_the_order_of_time_and_the_account_shown(tmp_path: Path) -> None:
    done = imported(tmp_path, ROWS + "a,phoned,2026-03-02T09:30:00Z\n" * 2)
    assert (done.status, done.err) == (0, "")
    assert done.out.splitlines() == [
        "6 rows, 1 exact duplicate dropped, 0 bad lines, 2 cases, 2 events",
        "activities that the map does not name: phoned (1)",
        "2 sent, 0 refused",
    ]
    assert [event["data"]["case"] for event in sent(tmp_path)] == ["b", "a"]


def test_the_log_key_is_the_case(tmp_path: Path) -> None:
    imported(tmp_path, ROWS)
    assert [record.key for record in records(tmp_path / "log")] == [b"b", b"a"]


def test_a_second_import_sends_the_same_events(tmp_path: Path) -> None:
    assert imported(tmp_path, ROWS).status == 0
    once = [record.value for record in records(tmp_path / "log")]
    assert imported(tmp_path, ROWS).status == 0
    assert [record.value for record in records(tmp_path / "log")] == once * 2


def test_one_bad_row_and_nothing_is_imported(tmp_path: Path) -> None:
    done = imported(tmp_path, ROWS + "a,closed,soon\n" * 1)
    assert done.status == 1
    first, last = done.err.splitlines()
    assert first.startswith("line 6: time: 'soon'")
    assert last.startswith("meetlat: nothing was imported: 1 bad rows or cases in ")
    assert last.endswith("leave them out with --skip-bad")
    assert sent(tmp_path) == []


def test_bad_rows_are_listed_up_to_twenty(tmp_path: Path) -> None:
    rows = ROWS + "".join(f"a,closed,soon{n}\n" for n in range(23))
    lines = imported(tmp_path, rows).err.splitlines()
    assert [line.split(":")[0] for line in lines[:20]] == [f"line {n}" for n in range(6, 26)]
    assert lines[20] == "… and 3 more"


def test_bad_rows_are_skipped_when_asked_and_the_status_says_so(tmp_path: Path) -> None:
    done = imported(tmp_path, ROWS + "a,closed,soon\n", "--skip-bad")
    assert done.status == 1
    assert "1 bad line" in done.out and "bad lines belong to 1 case" in done.out
    assert done.out.endswith("2 sent, 0 refused\n")
    assert len(sent(tmp_path)) == 2


def test_a_row_that_was_mended_corrects_what_was_imported_without_it(tmp_path: Path) -> None:
    imported(tmp_path, ROWS.replace("2026-03-02T11:00:00Z", "soon"), "--skip-bad")
    imported(tmp_path, ROWS)
    of_a = [event for event in sent(tmp_path) if event["data"]["case"] == "a"]
    assert of_a[0]["time"] == of_a[1]["time"]
    assert of_a[1]["id"] > of_a[0]["id"]
    assert "first_draft" in of_a[1]["data"]


PICTURED = (
    PLAIN
    + LIFECYCLE
    + '[segment]\ncolumn = "size"\n[outcome.activities]\nclosed = "won"\n[steps]\nx = ["work"]\n'
)
PICTURE_ROWS = """case,activity,time,lifecycle,size
a,asked,2026-03-02T09:00:00Z,complete,small
a,work,2026-03-02T09:00:00Z,start,
a,work,2026-03-02T09:30:00Z,complete,
a,work,2026-03-02T09:40:00Z,complete,
a,sent,2026-03-02T10:30:00Z,complete,
a,closed,2026-03-04T09:00:00Z,complete,
b,asked,2026-03-02T09:00:00Z,complete,large
b,closed,2026-03-02T09:20:00Z,complete,
c,asked,2026-03-05T09:00:00Z,complete,large
"""


def test_a_dry_run_shows_the_picture_and_sends_nothing(tmp_path: Path) -> None:
    done = imported(tmp_path, PICTURE_ROWS, "--dry-run", text=PICTURED)
    assert (done.status, done.err) == (0, "")
    assert sent(tmp_path) == []
    text, _, example = done.out.partition("an event:\n")
    assert [" ".join(line.split()) for line in text.splitlines()] == [
        "9 rows, 0 exact duplicates dropped, 0 bad lines, 3 cases, 4 events",
        "1 pair of start and complete",
        "work: 1 complete without a start, no handling time",
        "",
        "period 2026-03-02 to 2026-03-05 (UTC)",
        "finished 2, not yet 1",
        "segment large 2 67%",
        "small 1 33%",
        "outcome won 2 67%",
        "(none yet) 1 33%",
        "",
        "lead time, from asked (or started) to finished, 2 cases",
        "< 1 h 1 " + "█" * 40,
        "< 4 h 0",
        "< 1 day 0",
        "< 2 days 0",
        "< 4 days 1 " + "█" * 40,
        "",
        "segment cases finished lead time* to first draft* handling* mean handling",
        "all 3 2 24.2 h 1.5 h 30.0 min 30.0 min",
        "large 2 1 20.0 min – – –",
        "small 1 1 2.0 days 1.5 h 30.0 min 30.0 min",
        "",
        "step cases finished lead time* handling* mean handling",
        "x 1 1 40.0 min 30.0 min 30.0 min",
        "* median",
        "",
    ]
    shown = json.loads(example.partition("\n\n")[0])
    assert shown["data"]["case"] == "a" and shown["meetlathistory"] is True
    assert done.out.endswith("nothing was sent (--dry-run)\n")


def test_a_dry_run_of_bad_rows_answers_no(tmp_path: Path) -> None:
    done = imported(tmp_path, ROWS + "a,closed,soon\n", "--dry-run")
    assert done.status == 1
    assert done.err.startswith("line 6: ")
    assert "nothing was sent (--dry-run)" in done.out


def test_a_dry_run_of_nothing_shows_nothing(tmp_path: Path) -> None:
    done = imported(tmp_path, "case,activity,time\n", "--dry-run")
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("0 rows, ")


def test_the_map_and_the_file_say_what_lacks_in_one_line(tmp_path: Path) -> None:
    for rows, text, says in (
        ("a,b\n", PLAIN, "there is no column 'case'"),
        (ROWS, PLAIN + "x = 1\n", "milestones.x: is no key of a map"),
        (ROWS, "name =", "is not TOML"),
    ):
        done = imported(tmp_path, rows, text=text)
        assert done.status == 1 and says in done.err
        assert len(done.err.splitlines()) == 1 and sent(tmp_path) == []


def test_a_map_has_to_be_given(tmp_path: Path) -> None:
    done = run("import", str(tmp_path / "log.csv"))
    assert done.status == 2 and "--map" in done.err


def test_the_worker_stays_here_unless_asked(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("MEETLAT_PSEUDONYM_KEY", KEY)
    imported(tmp_path, WHO, text=WORKED)
    assert len(sent(tmp_path)) == 3
    assert all("user" not in event["data"] for event in sent(tmp_path))


def test_a_worker_becomes_a_pseudonym_with_the_companys_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEETLAT_PSEUDONYM_KEY", KEY)
    done = imported(tmp_path, WHO, "--with-worker", text=WORKED)
    assert (done.status, done.err) == (0, "")
    users = {event["data"]["case"]: event["data"].get("user") for event in sent(tmp_path)}
    assert users == {"a": pseudonym("ann@firm.example", KEY), "b": "u_" + "1" * 32, "c": None}
    assert "ann" not in done.out + str(sent(tmp_path))


def test_without_a_key_a_plain_worker_is_dropped_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MEETLAT_PSEUDONYM_KEY", raising=False)
    done = imported(tmp_path, WHO, "--with-worker", text=WORKED)
    assert done.status == 0
    assert "1 event without its worker: no company key; set MEETLAT_PSEUDONYM_KEY" in done.out
    users = {event["data"]["case"]: event["data"].get("user") for event in sent(tmp_path)}
    assert users == {"a": None, "b": "u_" + "1" * 32, "c": None}


def test_a_key_that_does_not_serve_is_an_error_that_hides_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEETLAT_PSEUDONYM_KEY", "short")
    done = imported(tmp_path, WHO, "--with-worker", text=WORKED)
    assert done.status == 2 and "shorter than 16 characters" in done.err
    assert "'short'" not in done.err and sent(tmp_path) == []


def test_a_worker_is_asked_for_that_the_map_does_not_know(tmp_path: Path) -> None:
    done = imported(tmp_path, ROWS, "--with-worker")
    assert done.status == 2 and "names no `worker` column" in done.err


def test_an_address_that_is_none_is_wrong_use(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text(ROWS)
    (tmp_path / "map.toml").write_text(PLAIN)
    done = run(
        "import", str(tmp_path / "log.csv"), "--map", str(tmp_path / "map.toml"),
        "--endpoint", "nowhere://x",
    )  # fmt: skip
    assert done.status == 2 and "is no address to send to" in done.err


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0.0 s"), (59, "59.0 s"), (90, "1.5 min"), (3600, "1.0 h"), (86_400, "24.0 h"),
     (172_800, "2.0 days"), (-7200, "-2.0 h")],
)  # fmt: skip
def test_a_span_is_said_as_people_say_it(seconds: int, shown: str) -> None:
    assert span(seconds * SECOND) == shown


def test_every_value_is_in_one_bar_of_the_histogram() -> None:
    values = [-1, 0, 60 * SECOND - 1, 60 * SECOND, 86_400 * SECOND, 400 * 86_400 * SECOND]
    lines = list(histogram(values))
    counted = [int(re.split(r"\s{2,}", line.strip())[1].split()[0]) for line in lines]
    assert sum(counted) == len(values)
    assert lines[0].split()[:3] == ["<", "1", "min"] and counted[0] == 3
    assert lines[-1].split()[:3] == ["≥", "1", "year"]
