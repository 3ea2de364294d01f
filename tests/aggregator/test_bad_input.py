"""Bad input in the log: each kind has the outcome that the contract names, is counted in
`data_health` and `/metrics`, and takes nothing else with it.

One real aggregator reads all kinds from a real log, good events between them, over a restart.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from support.aggregating import DAY, MINUTE, NOON, Sent, event, void
from support.commanding import run
from support.events import envelope, headers_of
from support.whole import Said, Whole

from meetlat_aggregator.ingest import PoisonError

KIB = 1024
MICROSECOND = timedelta(microseconds=1)


def raw(value: bytes | str) -> Sent:
    return Sent(value.encode() if isinstance(value, str) else value, NOON)


def odd(field: str, text: str, name: str = "interaction") -> Sent:
    """A plain event with `field` said by this JSON."""
    whole = event(name, **{field: "HERE"}).value.decode()
    return raw(whole.replace('"HERE"', text))


def binary(body: bytes, **more: str) -> Sent:
    headers = headers_of(envelope("usage", time=NOON.isoformat())) | more
    return Sent(body, NOON, headers=tuple((k, v.encode()) for k, v in headers.items()))


GOOD = event(feature="good").value.decode()
# What is not valid, and a part of the reason that its dead letter says.
DEAD: dict[str, tuple[Sent, str]] = {
    "empty": (raw(b""), "invalid JSON"),
    "not JSON": (raw("no json"), "invalid JSON"),
    "JSON cut off": (raw(GOOD[:-1]), "invalid JSON"),
    "two objects": (raw(GOOD + GOOD), "invalid JSON"),
    "no object": (raw("[1]"), "object"),
    "no event": (raw("{}"), "specversion: "),
    "wrong version": (raw(GOOD.replace('"1.0"', '"0.3"')), "specversion: "),
    "no data": (raw(json.dumps(envelope(data=None))), "data: is missing"),
    "data no object": (raw(json.dumps(envelope(data=[]))), "data: "),
    "field missing": (event(tool=None), "data.tool: "),
    "wrong kind": (event(tool=7), "data.tool: "),
    "text for a number": (event(duration="7"), "data.duration: "),
    "unknown word": (event(status="fine"), "data.status: "),
    "a plain name": (event(user="ann@example.com"), "data.user: "),
    "cost alone": (event(cost="1"), "data.currency: "),
    "text too long": (event(feature="x" * 201), "data.feature: "),
    "number too great": (event(input_tokens=10**12 + 1), "data.input_tokens: "),
    "number beyond 64 bits": (odd("input_tokens", "9" * 40), "data.input_tokens: "),
    "number below 0": (event(duration=-1e-9), "data.duration: "),
    "1e999": (odd("duration", "1e999"), "data.duration: "),
    "NaN": (odd("duration", "NaN"), "is not JSON"),
    "Infinity": (odd("duration", "-Infinity"), "is not JSON"),
    "NaN in a field that is not known": (odd("shiny", "NaN"), "is not JSON"),
    "a NUL byte": (raw(GOOD.replace("good", "go\0od")), "invalid JSON"),
    "a NUL, escaped": (raw(GOOD.replace("good", "go\\u0000od")), "data.feature: "),
    "a lone surrogate": (raw(GOOD.replace("good", "\\ud800")), "invalid JSON"),
    "not UTF-8": (raw(GOOD.encode().replace(b"good", b"\xff\xfe")), "is not UTF-8"),
    "UTF-16": (raw(GOOD.encode("utf-16")), "is not UTF-8"),
    "deep nesting": (odd("shiny", "[" * 20_000 + "]" * 20_000), "recursion limit"),
    "deep nesting, open": (raw("[" * 100_000), "recursion limit"),
    "the year 1999": (raw(GOOD.replace("2026", "1999")), "time: "),
    "the year 10000": (raw(GOOD.replace("2026", "10000")), "time: "),
    "no time zone": (raw(GOOD.replace("+00:00", "")), "time: "),
    "ahead of the log": (
        event(time=NOON + 5 * MINUTE + timedelta(microseconds=1)),
        "time: lies more",
    ),
    "history ahead": (event(time=NOON + DAY, history=True), "time: lies more"),
    "over 256 KiB": (raw(GOOD + " " * 256 * KIB), "the limit is 262144"),
    "1 MB, the most that a log takes": (event(shiny="x" * 999_700), "the limit is 262144"),
    "binary, no JSON": (binary(b"\xffno"), ""),
}


@dataclass(frozen=True)
class Counted:
    """What is odd, and counts nevertheless."""

    sent: list[Sent]
    verdicts: list[str]


ONE, OTHER = event(id="one", source="/a"), event(id="one", source="/b")
TWICE, WITHDRAWN = event(id="twice"), event(id="gone")
UNKNOWN, SHINY = event("walk", id="walk", steps=4000), event(id="shiny", shiny={"new": [1]})
ODD: dict[str, Counted] = {
    "years old": Counted([event(id="old", time=NOON - 800 * DAY)], ["late"]),
    "a week and more late": Counted([event(id="week", time=NOON - 7 * DAY - MINUTE)], ["late"]),
    "years old, history": Counted([event(time=NOON - 800 * DAY, history=True)], ["counted"]),
    "five minutes ahead": Counted([event(time=NOON + 5 * MINUTE)], ["counted"]),
    "twice in a batch": Counted([TWICE, TWICE], ["counted", "duplicate"]),
    "the same id elsewhere": Counted([ONE, OTHER, ONE], ["counted", "counted", "duplicate"]),
    "unknown type": Counted([UNKNOWN], ["counted"]),
    "unknown field": Counted([SHINY], ["counted"]),
    "a name said twice": Counted(
        [raw(event(id="said").value.decode().replace('"id": "said"', '"id": "x", "id": "said"'))],
        ["counted"],
    ),
    "exactly 256 KiB": Counted([raw(event(id="big").value.decode().ljust(256 * KIB))], ["counted"]),
    "binary mode, no id": Counted([binary(b'{"tool": "bot"}', ce_id="")], ["dead"]),
    "binary mode": Counted([binary(b'{"tool": "bot"}', ce_id="b")], ["counted"]),
    "a wrong header beside a good event": Counted(
        [Sent(event(id="headed").value, NOON, headers=(("ce_id", b"\xff"), ("x", b"\0")))],
        ["counted"],
    ),
    "withdrawn, and its withdrawal": Counted([WITHDRAWN, void(WITHDRAWN)], ["void", "counted"]),
}
# After a restart: doubles of what was counted before, one of them with other offsets between.
AGAIN = [TWICE, ONE, OTHER, UNKNOWN, Sent(TWICE.value, NOON + 6 * DAY)]
BEFORE = event(feature="good")


@dataclass(frozen=True)
class Read:
    said: Said
    place: dict[str, list[int]]  # where each case lies in the log
    good: int


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Read:
    """All cases in one log, a good event after each, read in batches of 40, then a restart."""
    whole = Whole(tmp_path_factory.mktemp("bad"), batch_events=40)
    log: list[Sent] = []
    place: dict[str, list[int]] = {}
    good = 0
    for name, records in [
        *((name, [sent]) for name, (sent, _) in DEAD.items()),
        *((name, one.sent) for name, one in ODD.items()),
    ]:
        place[name] = list(range(len(log), len(log) + len(records)))
        log += [*records, event(feature="good"), event(feature="good")]
        good += 2
    whole.log([replace(one, appended=NOON) for one in log])  # a log's clock never goes back
    whole.aggregate()
    place["after a restart"] = list(range(len(log), len(log) + len(AGAIN)))
    whole.log([*(replace(one, appended=NOON) for one in AGAIN[:-1]), AGAIN[-1]])
    return Read(whole.aggregate(), place, good)


@pytest.mark.parametrize("name", DEAD)
def test_a_record_that_is_not_valid_is_a_dead_letter_that_says_why(read: Read, name: str) -> None:
    sent, reason = DEAD[name]
    (offset,) = read.place[name]
    (letter,) = [x for x in read.said.letters if x.origin == f"meetlat.events.v1/0/{offset}"]
    assert reason in letter.error
    assert "\n" not in letter.error
    assert letter.value == sent.value[: 900 * KIB], "byte for byte"
    assert letter.cut is (len(sent.value) > 900 * KIB)
    _, verdict, value, _ = read.said.archived[offset]
    assert (verdict, value) == ("dead", sent.value), "the archive keeps it whole"


@pytest.mark.parametrize("name", ODD)
def test_what_is_odd_but_valid_has_its_verdict_and_is_kept_as_it_came(
    read: Read, name: str
) -> None:
    found = [read.said.archived[offset] for offset in read.place[name]]
    # A withdrawal that comes after its target leaves the archive's verdict as it was given.
    late_void = name == "withdrawn, and its withdrawal"
    expected = ["counted", "counted"] if late_void else ODD[name].verdicts
    if not late_void:
        assert [verdict for _, verdict, _, _ in found] == expected
    sent = [one.value for one in ODD[name].sent]
    values = [value for _, _, value, _ in found]
    if name.startswith("binary"):  # kept in the structured form, or the headers would be lost
        assert [json.loads(value)["data"] for value in values] == [json.loads(v) for v in sent]
    else:
        assert values == sent


def test_a_double_after_a_restart_adds_nothing(read: Read) -> None:
    found = [read.said.archived[offset][1] for offset in read.place["after a restart"]]
    assert found == ["duplicate"] * len(AGAIN)


def test_nothing_else_is_lost_and_everything_is_in_the_account(read: Read) -> None:
    verdicts = Counter(v for case in ODD.values() for v in case.verdicts)
    verdicts["duplicate"] += len(AGAIN)
    verdicts["dead"] += len(DEAD)
    verdicts["counted"] += read.good
    expected = dict(verdicts) | {"received": sum(verdicts.values())}
    assert read.said.health() == expected
    calls = read.said.published["interactions_hourly"]
    assert sum(row["requests"] for row in calls if row["feature"] == "good") == read.good
    assert len(read.said.letters) == verdicts["dead"]
    assert sorted(read.said.late) == ["old", "week"]


def test_metrics_count_every_record_by_what_became_of_it(read: Read) -> None:
    counter = read.said.counter
    verdicts = Counter(v for case in ODD.values() for v in case.verdicts)
    assert counter("meetlat_events_total", result="dead") == len(DEAD) + verdicts["dead"]
    assert counter("meetlat_events_total", result="late") == verdicts["late"] == 2
    expected = verdicts["duplicate"] + len(AGAIN)
    assert counter("meetlat_events_total", result="duplicate") == expected
    # What is withdrawn later was counted here: a counter never falls.
    counted = read.good + verdicts["counted"] + verdicts["void"]
    assert counter("meetlat_events_total", result="counted") == counted
    assert counter("meetlat_events_total", type="meetlat.walk.v1", result="counted") == 1


def test_an_unknown_type_is_stored_raw_and_in_no_table_of_facts(read: Read) -> None:
    (offset,) = read.place["unknown type"]
    assert read.said.archived[offset][2:] == (UNKNOWN.value, "meetlat.walk.v1")


# --- 100,000 values of a label


def test_100_000_values_of_a_label_make_101_series_and_a_counter(tmp_path: Path) -> None:
    whole = Whole(tmp_path, batch_events=20_000)
    many = 100_000
    plain = event("usage", feature="HERE", id="HERE").value
    values = [plain.replace(b"HERE", b"f%d" % n) for n in range(many)]
    whole.log([Sent(value, NOON) for value in values])
    said = whole.aggregate()
    uses = [
        line for line in said.metrics.splitlines() if line.startswith("meetlat_feature_uses_total{")
    ]
    assert len(uses) == 101
    assert said.counter("meetlat_feature_uses_total") == many
    assert said.counter("meetlat_feature_uses_total", feature="other") == many - 100
    assert said.counter("meetlat_labels_folded_total", label="feature") == many - 100
    assert len(said.metrics) < 100 * KIB
    assert said.health() == {"received": many, "counted": many}


# --- a poison stretch


def poisoned(whole: Whole) -> str:
    with pytest.raises(PoisonError) as stopped:
        whole.aggregate()
    return str(stopped.value)


def test_ten_thousand_bad_records_stop_it_until_somebody_accepts_them(tmp_path: Path) -> None:
    """One line says where and what to do; restarts alone drain nothing; after the acceptance the
    rest is read, and nothing around the stretch is lost.
    """
    whole = Whole(tmp_path)
    before = [event(feature="good") for _ in range(50)]
    bad = [raw(f"bad {n}") for n in range(10_000)]
    after = [event(feature="good") for _ in range(50)]
    whole.log([*before, *bad, *after])
    first = poisoned(whole)
    assert first.startswith(
        "more than 50% of the last 1000 records were bad; stopped before partition 0, offset 551,"
    )
    assert "meetlat dead accept --partition 0 --until OFFSET" in first
    assert "\n" not in first
    assert poisoned(whole) == poisoned(whole) == first
    end = len(before) + len(bad)
    done = run("dead", "accept", "--until", str(end), data=tmp_path)
    assert (done.status, done.err) == (0, "")
    said = whole.aggregate()
    assert said.health() == {"received": 10_100, "counted": 100, "dead": 10_000}
    assert [x.value for x in said.letters] == [one.value for one in bad]
    calls = said.published["interactions_hourly"]
    assert sum(row["requests"] for row in calls) == 100


def test_bad_records_after_the_accepted_stretch_stop_it_again(tmp_path: Path) -> None:
    whole = Whole(tmp_path, poison_window=100)
    whole.log([raw("bad")] * 300)
    poisoned(whole)
    assert run("dead", "accept", "--until", "200", data=tmp_path).status == 0
    assert "stopped before partition 0, offset 251," in poisoned(whole)


def accepted(whole: Whole) -> list[Any]:
    with duckdb.connect(str(whole.directory / "aggregator.duckdb"), read_only=True) as con:
        return con.execute("SELECT * FROM accepted_poison").fetchall()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--until", "301"], "offset 301 lies beyond the log's end, which is 300"),
        (["--partition", "1", "--until", "5"], "there is no partition 1"),
    ],
)
def test_what_is_not_in_the_log_yet_cannot_be_accepted(
    tmp_path: Path, words: list[str], said: str
) -> None:
    """Else everything bad that is still to come would pass unseen."""
    whole = Whole(tmp_path)
    whole.log([raw("bad")] * 300)
    done = run("dead", "accept", *words, data=tmp_path)
    assert done.status == 1
    assert said in done.err
    assert done.err.count("\n") == 1
    assert accepted(whole) == []
    assert run("dead", "accept", "--until", "300", data=tmp_path).status == 0
    assert accepted(whole) == [(0, 300)]
