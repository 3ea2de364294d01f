"""The tables say what a plain reading of the log says, however the log was read."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from support.aggregating import Bench, Sent, event
from support.crowds import FIELDS, crowd, mixed
from support.oracle import Oracle, shown
from support.stories import few, stories

from meetlat.contract.events import EVENT_MODELS
from meetlat_aggregator.rebuild import compare, rebuild_file
from meetlat_aggregator.tables import CELLS, HEALTH, STATES

TABLES = [*(cell.name for cell in CELLS), HEALTH.name, "late", *(state.name for state in STATES)]


def hold(bench: Bench, oracle: Oracle) -> None:
    """Every table is what the oracle says, each row and column of it."""
    for table in TABLES:
        found, expected = shown(bench, table), oracle.table(table)
        surplus, missing = list(found - expected), list(expected - found)
        assert (surplus, missing) == ([], []), table
    assert bench.row("SELECT count(*), count(DISTINCT (time, digest)) FROM voids") == (
        len(oracle.rows["voids"]),
        len(oracle.rows["voids"]),
    )


def read(bench: Bench, story: Sequence[Sent], cuts: Sequence[int]) -> None:
    """In batches of these lengths over and over; every third time folded, every fourth restarted,
    so that a restart finds much, little or nothing that was not folded yet.
    """
    ends = itertools.accumulate(itertools.cycle(cuts), initial=0)
    places = [*itertools.takewhile(lambda end: end < len(story), ends), len(story)]
    for number, (first, last) in enumerate(pairwise(places), 1):
        bench.feed(*story[first:last])
        if number % 3 == 0:
            bench.transactions.fold()
        if number % 4 == 0:
            bench.reopen()


def test_a_crowd_says_every_field_of_every_type() -> None:
    """A field that is new has to be in the stories too."""
    ruled = {"void"}
    for name, model in EVENT_MODELS.items():
        short = name.split(".")[1]
        if short not in ruled:
            missing = set(model.model_fields) - {*FIELDS[short], *_common(), *_beside(short)}
            assert missing == set(), short


def _common() -> set[str]:
    return set(EVENT_MODELS["meetlat.support_request.v1"].model_fields) - {"topic"}


def _beside(short: str) -> set[str]:
    return {
        "interaction": {"currency"},
        "task": {"currency"},
        "feedback": {"scale_min", "scale_max"},
    }.get(short, set())


@pytest.mark.parametrize(
    ("seed", "cuts", "file_records"),
    [(1, [600], 50_000), (2, [150, 90], 100), (3, [41, 7, 130, 1], 60)],
    ids=["one batch", "a few batches", "batches of any size"],
)
def test_a_crowd_gives_the_tables_that_it_tells_of(
    tmp_path: Path, seed: int, cuts: list[int], file_records: int
) -> None:
    story = crowd(seed)
    oracle = Oracle(story)
    bench = Bench(tmp_path, file_records=file_records)
    read(bench, story, cuts)
    hold(bench, oracle)
    bench.close()


def test_every_partition_keeps_its_place_when_a_batch_has_none_of_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    for partition in (0, 1, 2, 1):
        bench.feed(event(partition=partition))
    found = bench.rows('SELECT "partition", next_offset FROM positions ORDER BY ALL')
    assert found == [(0, 1), (1, 2), (2, 1)]
    bench.close()


def test_a_crowd_in_another_order_gives_the_same(tmp_path: Path) -> None:
    story = crowd(3)
    bench = Bench(tmp_path, file_records=80)
    read(bench, mixed(story, 5), [97, 20])
    hold(bench, Oracle(story))
    bench.close()


def test_a_crowd_sent_again_changes_only_the_account(tmp_path: Path) -> None:
    story = crowd(2)
    bench = Bench(tmp_path, file_records=100)
    read(bench, story, [200])
    again = [one.again() for one in mixed(story, 6)]
    placed = [
        Sent(r.value, one.appended, r.partition, offset=r.offset)
        for r, one in zip(bench.records(again), again, strict=True)
    ]
    read(bench, placed, [200])
    hold(bench, Oracle([*story, *placed]))
    bench.close()


def test_a_crowd_rebuilt_gives_identical_tables(tmp_path: Path) -> None:
    bench = Bench(tmp_path, file_records=100)
    read(bench, crowd(4), [83, 31])
    target = tmp_path / "rebuilt.duckdb"
    topic, window = bench.transactions.topic, bench.dedup_window
    rebuild_file(target, bench.archive, topic, window, bench.con)
    assert compare(bench.con, target) == []
    bench.close()


@few
@given(stories())
def test_a_story_gives_the_tables_that_it_tells_of(story: list[Sent]) -> None:
    with tempfile.TemporaryDirectory(prefix="meetlat-test-") as directory:
        bench = Bench(Path(directory))
        bench.feed(*story)
        hold(bench, Oracle(story))
        bench.close()


def test_the_oracle_tells_a_wrong_table(bench: Bench) -> None:
    """Or else the tests above would hold for anything."""
    one = event(duration=2, session="s")
    bench.feed(one)
    hold(bench, Oracle([one]))
    bench.con.execute("UPDATE conversations SET turns = turns + 1")
    with pytest.raises(AssertionError, match="conversations"):
        hold(bench, Oracle([one]))


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100, 160))
def test_many_crowds_give_the_tables_that_they_tell_of(tmp_path: Path, seed: int) -> None:
    story = crowd(seed, 1500)
    bench = Bench(tmp_path, file_records=50 + seed)
    read(bench, mixed(story, seed), [seed, 400, 1])
    hold(bench, Oracle(story))
    bench.close()
