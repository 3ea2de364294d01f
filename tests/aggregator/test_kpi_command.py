# ruff: noqa: DTZ001 - DuckDB's times are naive
"""`meetlat kpi`: what people read, what programs read, and what is said when there is nothing."""

from __future__ import annotations

import csv
import io
import json
import math
import random
import re
import subprocess
import sys
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm
from statsmodels.stats.multitest import multipletests
from support.commanding import Done, run
from support.kpi_file import (
    CATALOGUE,
    ROLLING,
    TARGETS,
    insert,
    kpi_file,
    publish_empty,
    value,
    writing,
)

from meetlat_aggregator import publish
from meetlat_aggregator.reader import published
from meetlat_aggregator.reader.changes import changed_most, largest_miss, miss
from meetlat_aggregator.reader.choose import Wish, window
from meetlat_aggregator.reader.form import Form
from meetlat_aggregator.reader.page import compared_note, phase
from meetlat_aggregator.reader.period import Period, day_after, parse_period, period_text
from meetlat_aggregator.reader.words import WORDS


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kpi")
    kpi_file(folder)
    return folder


def lines(done: Done) -> list[str]:
    assert (done.status, done.err) == (0, ""), done
    return done.out.splitlines()


def line(done: Done, title: str) -> list[str]:
    """The cells of a KPI's line."""
    (found,) = (text for text in lines(done) if re.match(rf"{re.escape(title)}  ", text))
    return re.split(r" {2,}", found)


def raw(data: Path, *words: str) -> list[dict[str, Any]]:
    done = run("kpi", *words, "--format", "json", data=data)
    assert (done.status, done.err) == (0, ""), done
    found = json.loads(done.out)
    assert isinstance(found, list)
    return found


def ids(rows: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(row["use_case"], row["kpi"]) for row in rows]


# --- which rows


def test_without_options_the_plans_kpis_are_shown_in_its_order(data: Path) -> None:
    rows = raw(data)
    bound_to_another_phase = ("hr", "adoption_rate")
    assert ids(rows) == [t[:2] for t in TARGETS if t[:2] != bound_to_another_phase]
    assert {(r["team"], r["segment"], r["part"]) for r in rows} == {("", "", "")}
    assert {r["start"] for r in rows if r["status"] != "unknown"} == {ROLLING.isoformat()}


def test_all_adds_what_the_plan_does_not_name(data: Path) -> None:
    more = set(ids(raw(data, "--all"))) - {t[:2] for t in TARGETS}
    assert more == {
        ("quotes", "response_time_p95"), ("quotes", "cost_per_request"),
        ("quotes", "automation_rate"),
    }  # fmt: skip


def test_a_kpi_of_another_phase_is_left_out_and_named(data: Path) -> None:
    said = lines(run("kpi", data=data))
    assert "Adoption: left out, as the plan binds them to another phase (--all shows them)" in said
    assert ("hr", "adoption_rate") in ids(raw(data, "--all"))


def test_what_is_planned_and_never_measured_is_unknown(data: Path) -> None:
    (row,) = (r for r in raw(data) if r["kpi"] == "availability")
    assert (row["status"], row["value"], row["n"]) == ("unknown", None, 0)
    assert line(run("kpi", data=data), "Availability")[1:] == [
        "–", "–", "0", "–", "≥ 99.5 %", "–", "–", "unknown",
    ]  # fmt: skip


def test_a_money_target_that_nobody_measured_is_in_the_companys_currency(data: Path) -> None:
    (row,) = (r for r in raw(data) if r["kpi"] == "repair_cost")
    assert (row["status"], row["currency"]) == ("unknown", "EUR")
    assert line(run("kpi", data=data), "Repair cost")[5] == "≤ € 250"


def test_use_case_team_segment_and_part_choose_rows(data: Path) -> None:
    assert {case for case, _ in ids(raw(data, "--use-case", "service"))} == {"service"}
    assert [(r["team"], r["value"]) for r in raw(data, "--team", "sales")] == [("sales", 30.0)]
    assert [r["value"] for r in raw(data, "--segment", "complex")] == [90.0]
    parts = [r["part"] for r in raw(data, "--part") if r["kpi"] == "error_rate"]
    assert parts == ["", "timeout"]
    assert line(run("kpi", "--segment", "standard", data=data), "Lead time")[1] == "standard"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2026-11-24", 24.0), ("2026-W45", 24.5), ("2026-09", 40.0), ("2026-Q4", 24.0),
        ("2026", 24.0), ("28d", 24.0), ("go-live", 24.0),
    ],
)  # fmt: skip
def test_every_way_to_write_a_period_finds_its_rows(data: Path, text: str, value: float) -> None:
    rows = raw(data, "--period", text)
    found = [row for row in rows if row["kpi"] == "lead_time"]
    assert [row["value"] for row in found] == [value]
    first = found[0]
    assert text in ("28d", "go-live") or first["start"].startswith(str(parse_period(text).start))


@given(
    st.dates(date(1900, 1, 5), date(2200, 1, 1)),
    st.sampled_from(["day", "week", "month", "quarter", "year"]),
)
def test_a_period_is_read_as_it_is_written_and_holds_its_day(day: date, name: str) -> None:
    # ISO week 53, leap days and year ends are among them.
    found = parse_period(period_text(name, day))
    assert found.name == name
    assert found.start is not None
    assert found.start <= day < day_after(name, found.start, day)
    assert parse_period(period_text(name, found.start)) == found


@pytest.mark.parametrize("text", ["2026-02-29", "2025-W53", "2026-13"])
def test_a_day_that_is_not_in_the_calendar_is_no_period(text: str) -> None:
    with pytest.raises(ValueError, match="is not in the calendar"):
        parse_period(text)


def test_an_ordinary_week_53_is_a_period() -> None:
    assert parse_period("2026-W53") == Period("week", date(2026, 12, 28))


# --- what people read


def test_values_stand_in_their_units_with_range_n_baseline_target_and_change(data: Path) -> None:
    done = run("kpi", "--all", data=data)
    shown = {
        "Lead time": "24 h  22 to 26 h  412  72 h  50 to 70 % better  67 % better (60 to 72 %)",
        "Cost saving": "€ 1,234  € −120 to 2,600  412  –  ≥ € 2,000  –  estimated  undecided",
        "Failed calls": "2.4 %  2.1 to 2.7 %  9,120  –  ≤ 1 %  –  measured  off target",
        "Cost per request": "$ 0.0123  $ 0.0121 to 0.0126  9,120",
        "Screening time": "6.5 min  5.9 to 7.2 min  64  30 min  80 % better",
        "Response time (p95)": "2.8 s  2.7 to 3.0 s  9,120  –  ≤ 3.0 s",
        "Paid for itself": "2027-02-14  –  412",
        "Automated": "43 %  38 to 48 %  412  20 %  80 to 90 %  115 % better (80 to 150 %)",
        "Handed over": "31 %  29 to 33 %  2,104  –  falling  –  measured  no baseline",
    }
    for title, text in shown.items():
        cells = text.split("  ")
        assert line(done, title)[1 : 1 + len(cells)] == cells


def test_a_share_of_few_is_a_count_and_not_a_percentage(data: Path) -> None:
    # The published value is empty then.
    cells = line(run("kpi", data=data), "At most two revisions")
    assert cells[1:] == ["17 of 19", "–", "19", "n = 12", "≥ 80 %", "–", "measured", "too few"]


@given(
    st.floats(0, 1), st.integers(0, 19), st.one_of(st.none(), st.integers(0, 19)),
    st.sampled_from(["en", "nl"]),
)  # fmt: skip
def test_no_percentage_below_twenty_observations(
    share: float, n: int, counted: int | None, language: Any
) -> None:
    row = shown_row(value=share, low=0.0, high=1.0, n=n, counted=counted, improvement=0.5,
                    status="provisional", unit="share")  # fmt: skip
    form = Form(language)
    assert "%" not in form.figure(row) + form.range(row) + form.change(row)
    at_baseline = {**row, "n": 500, "baseline": share, "baseline_n": n}
    assert "%" not in form.baseline(at_baseline) + form.change(at_baseline)


def test_nothing_of_a_suppressed_row_is_shown_even_if_it_has_numbers() -> None:
    row = shown_row(value=0.123, low=0.1, high=0.2, n=400, baseline=0.4, baseline_n=400,
                    improvement=0.5, status="suppressed", unit="share")  # fmt: skip
    form = Form()
    assert {form.figure(row), form.range(row), form.baseline(row), form.change(row)} == {"–"}


def test_a_suppressed_kpi_says_so_and_nothing_else(data: Path) -> None:
    cells = line(run("kpi", data=data), "Satisfaction")
    assert cells[1:] == ["–", "–", "–", "–", "≥ 7.0", "–", "measured", "hidden for privacy"]


def test_every_status_is_told_in_words(data: Path) -> None:
    out = run("kpi", data=data).out
    statuses = ("hidden for privacy", "unknown", "stale", "too few", "provisional", "no baseline",
                "on target", "undecided", "off target")  # fmt: skip
    for status in statuses:
        assert re.search(rf"  {status}$", out, re.MULTILINE), status


def test_a_range_that_holds_no_change_is_no_change(data: Path) -> None:
    done = run("kpi", "--segment", "complex", data=data)
    assert "no clear change (−5 to 25 %)" in done.out


def test_dutch_has_its_own_titles_words_and_numbers(data: Path) -> None:
    done = run("kpi", "--all", "--lang", "nl", data=data)
    assert line(done, "Doorlooptijd")[1:7] == [
        "24 uur", "22 tot 26 uur", "412", "72 uur", "50 tot 70 % beter", "67 % beter (60 tot 72 %)",
    ]  # fmt: skip
    assert line(done, "Kostenbesparing")[1:3] == ["€ 1.234", "€ −120 tot 2.600"]
    assert line(done, "Hooguit twee revisies")[1] == "17 van 19"
    assert "Gegevens: 10.001 ontvangen" in done.out


def test_every_word_has_both_languages_and_takes_the_same_numbers() -> None:
    for name, (english, dutch) in WORDS.items():
        assert english and dutch, name
        assert english.count("{") == dutch.count("{"), name


def test_the_head_says_which_days_as_of_when_and_whether_it_may_change(data: Path) -> None:
    assert lines(run("kpi", data=data))[0] == (
        "28 days 2026-10-28 to 2026-11-24 · as of 2026-11-25 04:30 UTC · not closed, may still "
        "change"
    )
    assert lines(run("kpi", "--period", "2026-W44", data=data))[0] == (
        "week 2026-W44 · 2026-10-26 to 2026-11-01 · as of 2026-11-25 04:30 UTC"
    )


def test_notes_say_what_a_figure_leaves_out(data: Path) -> None:
    out = run("kpi", "--all", data=data).out
    assert "· Lead time: 80 % of the current mix has a baseline and is compared" in out
    assert "· Automated: the control team's own change is taken off (2 %)" in out
    assert "· Lead time: =2 tasks without an end" in out
    assert "is not compared" not in out  # it is told above, in the reader's language
    assert re.search(
        r"· No baseline: write it into meetlat.toml .*meetlat import.*\(Handed over\)", out
    )
    assert "· Provisional: weak first figures are normal; the review decides (Screening time" in out


def test_without_go_live_nobody_is_told_to_write_a_baseline(tmp_path: Path) -> None:
    with writing(kpi_file(tmp_path)) as con:
        con.execute("UPDATE use_cases SET go_live = NULL WHERE use_case = 'service'")
    out = run("kpi", "--use-case", "service", "--all", data=tmp_path).out
    assert "No baseline: write it" not in out
    assert "· Nothing is compared yet: the plan has no `go_live`, the first day with AI (" in out


def test_notes_are_in_the_language_of_the_reader(data: Path) -> None:
    out = run("kpi", "--all", "--lang", "nl", data=data).out
    assert "· Doorlooptijd: =2 taken zonder einde" in out
    assert "wordt niet vergeleken" not in out
    assert "without an end" not in out


def test_the_health_line_counts_the_companys_days_not_utcs(data: Path) -> None:
    # The dead letter came at half past midnight on 1 November in Amsterdam; seven late events came
    # half an hour before 28 October began there. A price was found for 55 of the 99 calls that came
    # without a cost.
    def health(period: str) -> str:
        return lines(run("kpi", "--period", period, data=data))[-1]

    assert health("2026-11") == (
        "Data: 10,001 received; 12 dropped, 2 refused, 3 late, 1 dead, 44 unpriced"
    )
    assert health("28d") == health("2026-11")
    assert "10,000 received; " in health("2026-W47")
    assert health("2026-W45") == "Data: no events in this period"


def test_complete_data_are_said_to_be_complete(data: Path, tmp_path: Path) -> None:
    path = kpi_file(tmp_path)
    with writing(path) as con:
        con.execute("UPDATE data_health SET late=0, dead=0, refused=0, dropped=0")
        con.execute("UPDATE interactions_hourly SET unpriced_requests = 0")
    assert lines(run("kpi", data=tmp_path))[-1] == "Data: 10,001 received; nothing is missing"


@given(st.floats(0, 1, exclude_min=True, exclude_max=True))
def test_a_percentage_is_never_rounded_to_all_or_nothing(share: float) -> None:
    if 1e-6 < share < 1 - 1e-6:
        assert Form().percentage(share) not in ("0 %", "100 %")
    assert Form().percentage(1.0) == "100 %"
    assert Form().percentage(0.0) == "0 %"


@pytest.mark.parametrize(
    ("number", "unit", "currency", "text"),
    [
        (1234567.8, "money", "EUR", "€ 1,234,568"), (-3.5, "money", "CHF", "CHF −3.50"),
        (12.0, "people", None, "12 people"), (3.25, "days", None, "3.2 days"),
        (0.5, "h", None, "0.50 h"), (18.4, "%", None, "18 %"), (7.44, "score", None, "7.4"),
        (1500, "tokens", None, "1,500 tokens"), (-0.001, "h", None, "0.00 h"),
        (4.0, "pallets", None, "4.0 pallets"), (0.0004, "share", None, "0.04 %"),
        (0.9997, "share", None, "99.97 %"),
    ],
)  # fmt: skip
def test_a_value_is_written_for_people(
    number: float, unit: str, currency: str | None, text: str
) -> None:
    assert Form().value(number, unit, currency) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [(2.801, "280 %"), (1.1, "110 %"), (1.004, "100.4 %"), (0.995, "99.5 %"), (0.42, "42 %")],
)
def test_a_percentage_has_no_more_digits_than_help(share: float, text: str) -> None:
    assert Form().percentage(share) == text


# --- value and baseline side by side


def test_what_was_compared_is_told_where_the_value_tells_another_story() -> None:
    """Medians of 2.9 and 166 hours: one of all cases may fall while both segments rise."""
    row = shown_row(value=22.7, baseline=77.0, compared_value=90.4)
    assert compared_note(row, Form()) == (
        "compared within segments, at the current mix: 90 h now, 77 h before"
    )
    assert compared_note(row, Form("nl")).endswith("nu 90 uur, eerder 77 uur")


@pytest.mark.parametrize(
    "said",
    [
        {"value": 89.0},  # near enough
        {"status": "suppressed"},
        {"status": "too few"},
        {"baseline": None},
        {"compared_value": None},
        {"value": None},
    ],
)
def test_nothing_is_told_where_there_is_nothing_to_tell(said: dict[str, Any]) -> None:
    row = {**shown_row(value=22.7, baseline=77.0, compared_value=90.4), **said}
    assert compared_note(row, Form()) == ""


def test_without_a_target_it_is_judged_against_what_was_before() -> None:
    row = shown_row(value=74.0, baseline=60.0, status="off target")
    assert Form().target(row) == "better than before"
    assert Form("nl").target(row) == "beter dan eerder"
    assert Form().target({**row, "baseline": None}) == "–"
    assert Form().target({**row, "status": "too few"}) == "–"


def test_a_period_of_before_go_live_says_so_and_waits_for_no_review(tmp_path: Path) -> None:
    with writing(kpi_file(tmp_path)) as con:
        con.execute("UPDATE kpi_values SET phase = 'baseline' WHERE use_case = 'hr'")
        con.execute("UPDATE use_cases SET phase = 'monthly' WHERE use_case = 'hr'")
        # Planned and never measured, and first in the table: it has no phase of its own.
        con.execute("DELETE FROM kpi_values WHERE use_case = 'hr' AND kpi <> 'screening_time'")
    out = run("kpi", "--use-case", "hr", "--all", data=tmp_path).out
    assert "phase: baseline" in out
    assert "From before go-live: what comes after is compared with it (Screening time)" in out
    assert "the review decides" not in out


def test_the_phase_is_that_of_what_was_measured_then() -> None:
    """A KPI that nobody measured has today's phase; it does not speak for last year's figures."""
    unknown = {"phase": None, "phase_now": "monthly", "n": 0}
    counted = {"phase": "baseline", "phase_now": "monthly", "n": 12}
    assert phase([unknown, counted], "en") == "baseline"
    assert phase([unknown], "en") == "monthly"
    assert phase([{**unknown, "phase_now": None}], "en") == ""


def test_with_no_rows_the_last_28_days_end_today() -> None:
    assert window([], Wish(), datetime(2026, 11, 25, 4, 30)) == (
        date(2026, 10, 29),
        date(2026, 11, 26),
    )


# --- what changed most


def shown_row(**said: Any) -> dict[str, Any]:
    """A row as the table has it, with what the plan says of it."""
    return {
        "use_case": "quotes", "kpi": "k", "part": "", "unit": "h", "currency": None,
        "value_date": None,
        "status": "on target", "counted": None, "baseline": None, "baseline_n": None,
        "improvement": None, "improvement_low": None, "improvement_high": None, "n": 100,
        "target_low": None, "target_high": None, "aim_low": None, "aim_high": None,
        "kind": None, "better": "lower", **said,
    }  # fmt: skip


def three(kpi: str, *values: float, error: float = 1.0, **said: Any) -> list[dict[str, Any]]:
    return [
        shown_row(
            kpi=kpi, place=place, value=v, low=v - 1.96 * error, high=v + 1.96 * error, **said
        )
        for place, v in enumerate(values)
    ]


def test_a_change_that_stays_for_two_periods_is_told(data: Path) -> None:
    out = run("kpi", "--period", "2026-11", data=data).out
    assert "Changed most (two periods in a row): Lead time, Quotes: from 40 h to 24 h" in out


def test_a_change_of_one_period_alone_is_not_told() -> None:
    assert changed_most(three("k", 40, 40, 20)) == []
    assert changed_most(three("k", 40, 20, 40)) == []
    assert changed_most(three("k", 40, 60, 20)) == []
    assert [c.relative for c in changed_most(three("k", 40, 21, 20))] == [-0.5]
    assert changed_most(three("k", 40, 20)) == []


@pytest.mark.parametrize("status", ["suppressed", "unknown", "stale", "too few"])
def test_a_value_that_says_too_little_shows_no_change(status: str) -> None:
    assert changed_most(three("k", 40, 20, 20, status=status)) == []


def test_changes_are_those_that_benjamini_and_hochberg_keep() -> None:
    chance = random.Random(4)
    course: list[dict[str, Any]] = []
    p_values = {}
    for number in range(60):
        values = [100.0, *(100 + chance.gauss(0 if number % 3 else 6, 1.5) for _ in range(2))]
        course += three(f"k{number}", *values)
        errors = [abs(v - 100) / math.sqrt(2) for v in values[1:]]
        same = (values[1] - 100) * (values[2] - 100) > 0
        p_values[f"k{number}"] = 2 * norm.sf(min(errors)) if same else 1.0
    kept = multipletests(list(p_values.values()), alpha=0.10, method="fdr_bh")[0]
    expected = {kpi for kpi, keep in zip(p_values, kept, strict=True) if keep}
    assert 3 < len(expected) < 40
    assert {change.kpi for change in changed_most(course)} == expected


def test_noise_alone_rarely_makes_a_change() -> None:
    chance = random.Random(11)
    told = 0
    for _ in range(300):
        course: list[dict[str, Any]] = []
        for number in range(20):
            course += three(f"k{number}", *(chance.gauss(50, 1) for _ in range(3)))
        told += bool(changed_most(course))
    assert told <= 0.1 * 300


def test_the_largest_miss_is_printed_with_what_the_plan_decided(data: Path) -> None:
    out = run("kpi", data=data).out
    said = "Largest miss: Failed calls, Quotes: 2.4 %, target ≤ 1 %. Then: Call the vendor"
    assert said in out.splitlines()
    service = run("kpi", "--use-case", "service", data=data).out
    assert "Largest miss: nothing is off target" in service.splitlines()


def test_a_miss_is_measured_from_the_end_of_the_target_that_has_to_be_reached() -> None:
    off = {"status": "off target", "kind": "absolute"}
    # 10 to 20 where lower is better: 20 has to be reached, and 10 is the ambition.
    low = shown_row(kpi="low", target_low=10, target_high=20, value=30, **off)
    high = shown_row(kpi="high", better="higher", target_low=10, target_high=20, value=2, **off)
    met = shown_row(kpi="met", kind="absolute", target_low=1, value=100)
    unsaid = shown_row(kpi="unsaid", status="off target", kind="trend", value=100)
    assert (miss(low), miss(high), miss(unsaid)) == (0.5, 0.8, None)
    assert largest_miss([low, high, met, unsaid]) is high


# --- what programs read


def test_csv_and_json_are_the_columns_of_kpi_values_as_they_are(data: Path) -> None:
    done = run("kpi", "--use-case", "quotes", "--format", "csv", data=data)
    (first, *_) = csv.DictReader(io.StringIO(done.out))
    names = run("sql", "SELECT * FROM kpi_values LIMIT 0", "--format", "csv", data=data).out
    assert done.out.splitlines()[0] == names.strip()
    row = raw(data, "--use-case", "quotes")[0]
    assert list(row) == names.strip().split(",")
    assert (first["value"], first["improvement"]) == ("24.0", str(2 / 3))
    assert row["improvement"] == 2 / 3
    assert (row["target_low"], row["target_high"]) == (21.6, 36.0)


# --- when there is nothing


def refused(done: Done, status: int, said: str) -> None:
    assert done.status == status, done
    assert done.err.startswith("meetlat: ")
    assert done.err.count("\n") == 1
    assert re.search(said, done.err), done.err


def test_a_name_that_nobody_uses_is_refused_with_those_there_are(data: Path) -> None:
    refused(run("kpi", "--use-case", "x", data=data), 1, "no use case 'x'; .*: hr, quotes, service")
    refused(run("kpi", "--team", "x", data=data), 1, "there is no team 'x'; there are: sales")
    refused(run("kpi", "--segment", "x", data=data), 1, "no segment 'x'; .*: complex, standard")


def test_a_period_without_values_is_refused_with_those_there_are(data: Path) -> None:
    refused(
        run("kpi", "--period", "2025-11", data=data), 1,
        "no KPI values for 2025-11; there are: .*2026-09 to 2026-11, 2026-Q4, 28d, go-live, "
        "2026-W28 to 2026-W47, 2026$",
    )  # fmt: skip
    refused(run("kpi", "--period", "2026-Q4", "--use-case", "hr", data=data), 1, "of hr .*28d")
    refused(
        run("kpi", "--period", "2026-W10", data=data), 1,
        "for 2026-W10, the week from go-live on, which belongs to no period; there are: ",
    )  # fmt: skip


def test_a_period_that_is_none_is_wrong_use(data: Path) -> None:
    refused(run("kpi", "--period", "soon", data=data), 2, "'soon' is no period; write 2026-11-25")
    refused(run("kpi", "--period", "2026-13", data=data), 2, "2026-13 is not in the calendar")


def test_without_a_file_or_with_one_that_is_no_good_the_remedy_is_told(tmp_path: Path) -> None:
    refused(run("kpi", data=tmp_path / "no"), 1, "kpi.duckdb is not there; it appears")
    bad = tmp_path / "bad"
    bad.mkdir()
    (bad / "kpi.duckdb").write_bytes(b"nonsense" * 1000)
    refused(run("kpi", data=bad), 1, "does not open: .*; delete it")


def test_a_file_without_kpi_tables_says_who_wrote_it(tmp_path: Path) -> None:
    path = kpi_file(tmp_path)
    with writing(path) as con:
        con.execute("DROP TABLE kpi_values")
    refused(run("kpi", data=tmp_path), 1, "kpi.duckdb has no KPI values: .*older version")


def test_no_values_at_all_is_refused_with_the_way_on(tmp_path: Path) -> None:
    path = kpi_file(tmp_path)
    with writing(path) as con:
        con.execute("DELETE FROM kpi_values")
    refused(run("kpi", data=tmp_path), 1, "there are no KPI values for 28d; none are made yet")


def test_a_use_case_that_the_plan_names_no_kpi_for_says_so(tmp_path: Path) -> None:
    path = kpi_file(tmp_path)
    with writing(path) as con:
        con.execute("DELETE FROM targets WHERE use_case = 'hr'")
    out = run("kpi", "--use-case", "hr", data=tmp_path).out
    assert "The plan names no KPI here; --all shows every KPI with data" in out
    assert "Screening time" in run("kpi", "--use-case", "hr", "--all", data=tmp_path).out


def test_a_use_case_with_older_values_keeps_its_own_newest_period(tmp_path: Path) -> None:
    path = kpi_file(tmp_path)
    with writing(path) as con:
        insert(con, [value("hr", "csat", start=datetime(2026, 10, 1), value=0.5, n=99)])
        con.execute("DELETE FROM kpi_values WHERE use_case = 'service'")
        insert(con, [value("service", "csat", start=datetime(2026, 10, 1), value=0.9, n=99)])
    rows = raw(tmp_path, "--all")
    starts = {row["use_case"]: row["start"][:10] for row in rows if row["value"] is not None}
    assert starts == {"quotes": "2026-10-28", "hr": "2026-10-28", "service": "2026-10-01"}


# --- how it is done


def test_it_loads_neither_arrow_nor_numpy_nor_pandas(data: Path) -> None:
    code = (  # DuckDB 1 loads numpy by itself
        "import sys\nimport duckdb\nduckdb.connect().execute('SELECT ?', [1]).fetchall()\n"
        "own = set(sys.modules)\nfrom meetlat.cli import main\n"
        f"sys.argv = ['meetlat', 'kpi', '--data', {str(data)!r}]\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert end.code == 0\n"
        "heavy = {'pyarrow', 'numpy', 'pandas', 'scipy', 'xlsxwriter'} & set(sys.modules) - own\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_file_is_the_one_that_is_published(tmp_path: Path) -> None:
    assert published.PUBLISHED == publish.PUBLISHED
    assert publish_empty(tmp_path).name == published.PUBLISHED


def test_the_catalogue_of_the_fixture_has_every_kpi_that_its_plan_names() -> None:
    assert {target[1] for target in TARGETS} <= {row[0] for row in CATALOGUE}


def test_a_part_of_another_kind_has_no_target_and_one_of_the_same_has_its_own() -> None:
    row = shown_row(part="response_rate", unit="share", value=0.2, aim_low=0.8, better="higher")
    assert Form().target(row) == "–"
    assert Form().target({**row, "target_low": 0.5}) == "≥ 50 %"
    assert Form().target({**row, "part": ""}) == "≥ 80 %"


@pytest.mark.parametrize(
    ("change", "low", "high", "said"),
    [
        (-0.58, None, 1.0, "no clear change"),  # the lower end is infinite
        (0.3, -0.2, None, "no clear change"),
        (0.3, 0.1, None, "30 % better"),
        (-0.3, None, -0.1, "30 % worse"),
        (-0.3, -0.4, 0.1, "no clear change (−40 to 10 %)"),
        (-0.3, -0.4, -0.1, "30 % worse (10 to 40 %)"),
        (0.3, None, None, "30 % better"),
    ],
)
def test_a_change_that_may_as_well_be_none_is_told_so(
    change: float, low: float | None, high: float | None, said: str
) -> None:
    row = shown_row(improvement=change, improvement_low=low, improvement_high=high)
    assert Form().change(row) == said
