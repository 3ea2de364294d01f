"""Two real event logs, imported with the maps of docs/examples through the embedded log and the
aggregator: what the table `tasks` says then equals, to the microsecond, what the CSV files say.

The files are read here with `csv` alone, by code that shares nothing with the importer.
"""

from __future__ import annotations

import csv
import gzip
import re
import shutil
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest
from support.aggregating import Bench
from support.commanding import run
from support.importing import records
from support.services import meetlat as command
from support.services import services, until

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"
QUOTES, HELPDESK = DATA / "quotes_bpic2012.csv.gz", DATA / "helpdesk.csv.gz"
EXAMPLES = ROOT / "docs" / "examples"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ENDS = {"A_ACTIVATED": "won", "A_DECLINED": "lost", "A_CANCELLED": "expired"}

pytestmark = [pytest.mark.timeout(400)]
with_quotes = pytest.mark.skipif(not QUOTES.exists(), reason=f"the quotes log is not at {QUOTES}")
with_helpdesk = pytest.mark.skipif(
    not HELPDESK.exists(), reason=f"the help desk log is not at {HELPDESK}"
)


def cases_of(file: Path) -> dict[str, list[dict[str, Any]]]:
    """Case → its rows, exact duplicates once, in the order of time; `at` in microseconds."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    with gzip.open(file, "rt", newline="") as text:
        for row in dict.fromkeys(tuple(row.items()) for row in csv.DictReader(text)):
            cells: dict[str, Any] = dict(row)
            moment = datetime.fromisoformat(cells["timestamp"]) - EPOCH
            cells["at"] = moment // timedelta(microseconds=1)
            found[cells["case_id"]].append(cells)
    for rows in found.values():
        rows.sort(key=lambda row: row["at"])
    return found


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path / "data")
    yield made
    made.close()


def import_into(bench: Bench, file: Path, example: str, log: Path) -> None:
    """`meetlat import`, and everything that it appended to the log into the aggregator's tables."""
    plan = str(EXAMPLES / example / "map.toml")
    done = run("import", str(file), "--map", plan, "--endpoint", f"embedded:{log}")
    assert (done.status, done.err) == (0, ""), done
    for start in range(0, len(all_ := records(log)), 5000):
        bench.feed_records(all_[start : start + 5000])


def tasks(bench: Bench) -> dict[str, dict[str, Any]]:
    """Case → its row of the private table `tasks`, times and durations in microseconds."""
    columns = (
        'use_case, process, step, "case", segment, team, assisted, outcome, revisions, handling, '
        "value, currency, epoch_us(requested) AS requested, epoch_us(started) AS started, "
        "epoch_us(first_draft) AS first_draft, epoch_us(finished) AS finished, "
        "epoch_us(decided) AS decided"
    )
    cursor = bench.con.execute(f"SELECT {columns} FROM tasks")
    assert cursor.description is not None
    names = [column[0] for column in cursor.description]
    return {
        row["case"]: row for row in (dict(zip(names, r, strict=True)) for r in cursor.fetchall())
    }


def first(rows: list[dict[str, Any]], *activities: str) -> int | None:
    return next((row["at"] for row in rows if row["activity"] in activities), None)


def worked(rows: list[dict[str, Any]]) -> int | None:
    """Handling under first-in-first-out, without making pairs: per activity the sum of the
    completes that had an open start, less the sum of the starts that were ended. Those that were
    not are the last ones.
    """
    items = [row for row in rows if row["activity"].startswith("W_")]
    if not items:
        return 0
    ended, total = 0, 0
    for activity in {row["activity"] for row in items}:
        open_, starts = 0, []
        for row in items:
            if row["activity"] != activity:
                continue
            if row["lifecycle"] == "START":
                open_ += 1
                starts.append(row["at"])
            elif row["lifecycle"] == "COMPLETE" and open_:
                open_, ended, total = open_ - 1, ended + 1, total + row["at"]
        total -= sum(starts[: len(starts) - open_])
    return total if ended else None


@with_quotes
def test_the_quotes_log_says_in_the_tables_what_it_says_itself(
    tmp_path: Path, bench: Bench
) -> None:
    import_into(bench, QUOTES, "quotes", tmp_path / "log")
    found, cases = tasks(bench), cases_of(QUOTES)
    assert len(cases) == 13_087
    expected = {}
    for case, rows in cases.items():
        offers = [row["at"] for row in rows if row["activity"] == "O_SENT"]
        end = next((row for row in rows if row["activity"] in ENDS), None)
        expected[case] = {
            "use_case": "quotes",
            "process": "quote",
            "step": "",
            "case": case,
            "segment": "standard" if int(rows[0]["amount_requested"]) < 10_000 else "complex",
            "team": None,
            "assisted": False,
            "outcome": ENDS[end["activity"]] if end else None,
            "revisions": len(offers) - 1 if offers else None,
            "handling": worked(rows),
            "value": int(rows[0]["amount_requested"]),
            "currency": "EUR",
            "requested": first(rows, "A_SUBMITTED"),
            "started": None,
            "first_draft": offers[0] if offers else None,
            "finished": end["at"] if end else None,
            "decided": end["at"] if end else None,
        }
    assert found == expected
    # The KPIs, from the tables in SQL and from the file.
    rows_ = list(expected.values())
    lead = [row["finished"] - row["requested"] for row in rows_ if row["finished"]]
    draft = [row["first_draft"] - row["requested"] for row in rows_ if row["first_draft"]]
    rounds = [row["revisions"] for row in rows_ if row["revisions"] is not None]
    handling = [row["handling"] for row in rows_ if row["handling"] is not None]
    won = sum(row["outcome"] == "won" for row in rows_)
    known = sum(row["outcome"] is not None for row in rows_)
    assert bench.row(
        "SELECT count(finished), median(date_diff('microsecond', requested, finished)), "
        "count(first_draft), median(date_diff('microsecond', requested, first_draft)), "
        "count(revisions), sum(revisions)::BIGINT, count_if(revisions <= 2), "
        "count_if(outcome = 'won'), count_if(outcome IN ('won', 'lost', 'expired')), "
        "count(handling), sum(handling)::BIGINT FROM tasks"
    ) == (
        len(lead), median(lead), len(draft), median(draft), len(rounds), sum(rounds),
        sum(number <= 2 for number in rounds), won, known, len(handling), sum(handling),
    )  # fmt: skip
    assert (won, known, len(draft), sum(rounds)) == (2246, 12_688, 5015, 7030 - 5015)


@with_quotes
def test_a_second_import_of_the_quotes_log_adds_nothing(tmp_path: Path, bench: Bench) -> None:
    import_into(bench, QUOTES, "quotes", tmp_path / "once")
    before = bench.snapshot("health_hourly", "live_series")
    plan = str(EXAMPLES / "quotes" / "map.toml")
    done = run("import", str(QUOTES), "--map", plan, "--endpoint", f"embedded:{tmp_path / 'once'}")
    assert done.status == 0
    bench.feed_records(records(tmp_path / "once")[13_087:])
    assert bench.verdicts() == {"received": 26_174, "counted": 13_087, "duplicate": 13_087}
    after = bench.snapshot("health_hourly", "live_series")
    assert {name: rows for name, rows in after.items() if rows != before[name]} == {}


@with_helpdesk
def test_the_help_desk_log_says_in_the_tables_what_it_says_itself(
    tmp_path: Path, bench: Bench
) -> None:
    import_into(bench, HELPDESK, "helpdesk", tmp_path / "log")
    found, cases = tasks(bench), cases_of(HELPDESK)
    assert len(cases) == len(found) == 4580
    lead, closed, taken, alone = [], 0, 0, 0
    for case, rows in cases.items():
        requested = first(rows, "Assign seriousness")
        closes = [row["at"] for row in rows if row["activity"] == "Closed"]
        takes = [row["at"] for row in rows if row["activity"] == "Take in charge ticket"]
        assert found[case] == {
            "use_case": "helpdesk",
            "process": "ticket",
            "step": "",
            "case": case,
            "segment": rows[0]["service_level"].replace("Value", "level"),
            "team": rows[-1]["workgroup"],
            "assisted": False,
            "outcome": "resolved" if closes else None,
            "revisions": len(takes) - 1 if takes else None,
            "handling": None,
            "value": None,
            "currency": None,
            "requested": requested,
            "started": takes[0] if takes else None,
            "first_draft": None,
            "finished": closes[-1] if closes else None,
            "decided": None,
        }
        if closes:
            closed += 1
            taken += bool(takes)
            alone += len(takes) == 1
            if requested is not None:
                lead.append(closes[-1] - requested)
    assert bench.row(
        "SELECT median(date_diff('microsecond', requested, finished)), count(finished), "
        "count_if(finished IS NOT NULL AND revisions IS NOT NULL), "
        "count_if(finished IS NOT NULL AND revisions = 0) FROM tasks"
    ) == (median(lead), closed, taken, alone)
    assert (closed, taken, alone) == (4559, 4268, 3648)


@with_helpdesk
def test_who_follows_the_help_desk_story_reads_what_a_count_of_the_file_gives(
    tmp_path: Path,
) -> None:
    """The commands of the story, with the programs running; and what it says that they print."""
    example = EXAMPLES / "helpdesk"
    shutil.copy(example / "meetlat.toml", tmp_path)
    given = ("--map", str(example / "map.toml"), "--endpoint", f"embedded:{tmp_path / 'data/log'}")
    assert command(tmp_path, "import", str(HELPDESK), *given).returncode == 0
    share = (
        "SELECT value, n, counted FROM kpi_values WHERE kpi = 'one_handler' "
        "AND use_case = 'helpdesk' AND period = 'year' AND start = '2012-01-01' "
        "AND team = '' AND segment = '' AND 2 = (SELECT count(*) FROM baselines "
        "WHERE kpi IN ('one_handler', 'lead_time') AND cut = 'total')"
    )
    published = tmp_path / "data" / "kpi.duckdb"

    def counted() -> list[tuple[Any, ...]]:
        if not published.exists():
            return []
        with duckdb.connect(str(published), read_only=True) as con:
            return con.execute(share).fetchall()

    with services(tmp_path, "aggregate"):
        until(lambda: bool(counted()), "values and baselines are there", 300)
    rome = ZoneInfo("Europe/Rome")
    taken = []  # how often each ticket of 2012 was taken in charge
    for rows in cases_of(HELPDESK).values():
        closes = [row["at"] for row in rows if row["activity"] == "Closed"]
        number = sum(row["activity"] == "Take in charge ticket" for row in rows)
        day = EPOCH + timedelta(microseconds=max(closes, default=0))
        if closes and number and day.astimezone(rome).year == 2012:
            taken.append(number)
    alone, n = taken.count(1), len(taken)
    assert (alone, n) == (1337, 1417)
    assert counted() == [(alone / n, n, alone)]
    printed = {
        period: re.split(r"  +", next(
            line for line in command(tmp_path, "kpi", "--period", period).stdout.splitlines()
            if line.startswith("Closed by one handler")
        ))
        for period in ("28d", "2012")
    }  # fmt: skip
    assert printed["28d"][4] == printed["2012"][1] == f"{alone / n:.1%}".replace("%", " %")
    assert printed["2012"][3] == f"{n:,}"
    story = (example / "README.md").read_text()
    blocks = re.findall(
        r"```sh\n *(meetlat (?:kpi|sql)[^`]*?)\n *```\s+```text\n(.*?)```", story, re.DOTALL
    )
    assert len(blocks) == 3
    for said, block in blocks:
        words = re.findall(r'"[^"]*"|\S+', said)[1:]
        shown = command(tmp_path, *(word.strip('"') for word in words)).stdout.splitlines()
        for line in block.splitlines():
            assert not line.strip() or line.removeprefix("   ") in shown or line in shown, said
