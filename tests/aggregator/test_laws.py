"""The laws: what the tables say depends on what is in the log, not on how it was read."""

from __future__ import annotations

import json
import operator
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.aggregating import DAY, Bench, Sent, event, void
from support.crowds import crowd
from support.stories import cuts, few, stories

from meetlat_aggregator import archive as archive_module
from meetlat_aggregator import live as live_module
from meetlat_aggregator import merge, transaction, withdraw
from meetlat_aggregator import rebuild as rebuild_module
from meetlat_aggregator.archive import Archive
from meetlat_aggregator.rebuild import compare, rebuild_file
from meetlat_aggregator.rows import STAMP
from meetlat_aggregator.tables import CELLS, HEALTH, STATES, Cell, State

pytestmark = pytest.mark.timeout(400)  # laws take long on a busy machine

# /metrics alone depends on the order of the log: of two copies of an event the one that came within
# the hour is counted there, a withdrawal before its target keeps it out, and the first 100 values
# of a label are shown. How the log was cut into batches does not matter to it either.
IN_ANY_ORDER = ("live_series",)


@contextmanager
def fresh_bench(file_records: int = 50_000) -> Iterator[Bench]:
    """A bench of its own for one example."""
    directory = Path(tempfile.mkdtemp(prefix="meetlat-test-"))
    bench = Bench(directory, file_records=file_records)
    try:
        yield bench
    finally:
        bench.close()
        shutil.rmtree(directory)


def told(story: Sequence[Sent], batches: Sequence[int], **how: Any) -> dict[str, Any]:
    """The tables after a story that was read in these batches."""
    restart_after = how.pop("restart_after", 0)
    places = how.pop("places", True)
    with fresh_bench(**how) as bench:
        for number, (first, last) in enumerate(pairwise(batches), 1):
            bench.feed(*story[first:last])
            if number == restart_after:
                bench.reopen()
        if places:
            return bench.snapshot()
        late = bench.rows('SELECT * EXCLUDE ("partition", "offset") FROM late')
        return bench.snapshot("late") | {"late": Counter(map(repr, late))}


@few
@given(st.data())
def test_any_batching_and_restart_gives_the_same_tables(data: st.DataObject) -> None:
    story = data.draw(stories())
    whole = told(story, [0, len(story)])
    batches = data.draw(cuts(len(story)))
    again = told(
        story,
        batches,
        restart_after=data.draw(st.integers(0, len(batches) - 1)),
        file_records=data.draw(st.sampled_from([1, 7, 50_000])),
    )
    assert again == whole


@few
@given(st.data())
def test_any_order_gives_the_same_tables(data: st.DataObject) -> None:
    """Append times stay with their records; order is how partitions and senders race."""
    story = data.draw(stories())
    mixed = data.draw(st.permutations(story))
    first = told(story, data.draw(cuts(len(story), 2)))
    second = told(mixed, data.draw(cuts(len(story), 2)), file_records=5)
    for table in IN_ANY_ORDER:
        first.pop(table)
        second.pop(table)
    assert second == first


@few
@given(st.data())
def test_any_partitioning_gives_the_same_tables(data: st.DataObject) -> None:
    """One partition, or others for the same records: how many a topic has, and who goes where, is
    the sender's and Kafka's affair.
    """
    story = data.draw(stories())
    most = data.draw(st.sampled_from([0, 1, 11]))
    offsets: Counter[int] = Counter()
    moved = []
    for one in story:
        partition = data.draw(st.integers(0, most))
        moved.append(replace(one, partition=partition, offset=offsets[partition]))
        offsets[partition] += 1
    batches = data.draw(cuts(len(story), 2))
    restart_after = data.draw(st.integers(0, len(batches) - 1))
    again = told(moved, batches, restart_after=restart_after, places=False)
    assert again == told(story, batches, places=False)


@few
@given(st.data())
def test_doubles_anywhere_change_nothing_but_the_account(data: st.DataObject) -> None:
    """Beside the original and far from it, before and after, in its partition and in another."""
    story = data.draw(stories())
    line = list(story)
    for one in data.draw(st.lists(st.sampled_from(story), min_size=1, max_size=8)):
        double = replace(one, partition=data.draw(st.integers(0, 3)))
        line.insert(data.draw(st.integers(0, len(line))), double)
    offsets: Counter[int] = Counter()
    doubled = []
    for one in line:
        doubled.append(replace(one, offset=offsets[one.partition]))
        offsets[one.partition] += 1
    first = told(story, data.draw(cuts(len(story), 2)))
    second = told(doubled, data.draw(cuts(len(doubled), 3)), file_records=5)
    for table in (*IN_ANY_ORDER, HEALTH.name, "late"):
        first.pop(table)
        second.pop(table)
    assert second == first


@few
@given(st.data())
def test_sending_everything_again_adds_nothing_but_to_the_account(data: st.DataObject) -> None:
    story = data.draw(stories())
    with fresh_bench(file_records=5) as bench:
        bench.feed(*story)
        before = bench.snapshot(HEALTH.name, "late", "live_series")
        again = [replace(one, offset=None) for one in story]
        bench.feed(*again)
        assert bench.snapshot(HEALTH.name, "late", "live_series") == before


@few
@given(stories())
def test_two_halves_aggregated_apart_and_merged_equal_the_whole(story: list[Sent]) -> None:
    hold_halves(story)


def test_two_halves_of_a_crowd_merged_equal_the_whole() -> None:
    """Hundreds of events over few keys: tasks, conversations and people have some in both."""
    hold_halves(crowd(5, 1500))


def hold_halves(story: Sequence[Sent]) -> None:
    """Cells merge by sum, row-level state by each column's own operator."""
    halves = _halves(story)
    with fresh_bench() as whole, fresh_bench() as one, fresh_bench() as two:
        whole.feed(*story)
        for bench, half in zip((one, two), halves, strict=True):
            if half:
                bench.feed(*half)
        for number, bench in enumerate((one, two)):
            bench.con.execute("CHECKPOINT")
            copy = whole.directory / f"half{number}.duckdb"
            shutil.copy(bench.database, copy)
            whole.con.execute(f"ATTACH '{copy}' AS half{number} (READ_ONLY)")
        for cell in (*CELLS, HEALTH):
            _hold_cells(whole, cell)
        for state in STATES:
            _hold_rows(whole, state)
        for number in range(2):
            whole.con.execute(f"DETACH half{number}")


def _hold_cells(whole: Bench, cell: Cell) -> None:
    columns = [row[0] for row in whole.rows(f"DESCRIBE {cell.name}")]
    names = ", ".join(f'"{name}"' for name in cell.key)
    sums = ", ".join(f'sum("{name}")' for name in columns if name not in cell.key)
    halves, expected = (
        whole.rows(f"SELECT {names}, {sums} FROM ({of}) GROUP BY {names} ORDER BY ALL")
        for of in (f"FROM half0.{cell.name} UNION ALL FROM half1.{cell.name}", f"FROM {cell.name}")
    )
    assert halves == expected, cell.name


def _hold_rows(whole: Bench, state: State) -> None:
    """Of a key that both halves know, each field is the one's whose event spoke later."""
    one, two, expected = (_read_rows(whole, state, of) for of in ("half0.", "half1.", ""))
    for key, row in two.items():
        there = one.get(key)
        one[key] = row if there is None else _both(state, there, row)
    assert one == expected, state.name


def _both(state: State, one: dict[str, Any], two: dict[str, Any]) -> dict[str, Any]:
    operators = {"+": operator.add, "least": min, "greatest": max}
    return {
        name: operators[state.merge[name]](one[name], two[name])
        if name in state.merge
        else max(one[name], two[name], key=lambda said: said[0])
        for name in one
    }


def _read_rows(bench: Bench, state: State, of: str) -> dict[Any, dict[str, Any]]:
    """By key: what is put together by an operator as it is, and each field as its stamp and value;
    a field that nobody spoke of has a stamp before all others.
    """
    found = {}
    cursor = bench.con.execute(f"SELECT * FROM {of}{state.name}")
    columns = [column[0] for column in cursor.description or ()]
    for values in cursor.fetchall():
        row = dict(zip(columns, values, strict=True))
        said = {name: row[name] for name in state.merge}
        if state.fields:
            last = tuple(row[name] for name in STAMP)
            older = {one["field"]: (one["t"], one["s"], one["i"]) for one in row["older"]}
            said["last"] = (last, None)
            for name in state.fields:
                beside = [row[other] for other, leader in state.along.items() if leader == name]
                known = row[name] is not None
                said[name] = ((older.get(name, last) if known else ()), (row[name], *beside))
        found[tuple(row[name] for name in state.key)] = said
    return found


def _halves(story: Sequence[Sent]) -> tuple[list[Sent], list[Sent]]:
    """By identity, so that doubles and withdrawals stay with their event: all that share an id, or
    withdraw one of it, are on one side.
    """
    root: dict[str, str] = {}

    def find(name: str) -> str:
        while root.setdefault(name, name) != name:
            name = root[name]
        return name

    names = []
    for one in story:
        try:
            tree = json.loads(one.value)
            name = str(tree["id"])
            root[find(name)] = find(str(tree["data"].get("target_id", name)))
        except (ValueError, KeyError, TypeError):
            name = f"bad{one.partition}/{one.offset}"
        names.append(name)
    sides: dict[str, int] = {}
    halves: tuple[list[Sent], list[Sent]] = ([], [])
    for one, name in zip(story, names, strict=True):
        halves[sides.setdefault(find(name), len(sides) % 2)].append(one)
    return halves


@few
@given(st.data())
def test_a_rebuild_gives_identical_tables(data: st.DataObject) -> None:
    """Also in other batches than the live run's, and with part of the records in the tail."""
    story = data.draw(stories())
    chunk = data.draw(st.sampled_from([1, 3, 50_000]))
    with fresh_bench(file_records=data.draw(st.sampled_from([1, 6, 50_000]))) as bench:
        for first, last in pairwise(data.draw(cuts(len(story)))):
            bench.feed(*story[first:last])
        target = bench.directory / "rebuild.duckdb"
        before = rebuild_module.CHUNK_RECORDS
        rebuild_module.CHUNK_RECORDS = chunk
        try:
            rebuild_file(
                target,
                Archive(bench.directory / "archive"),
                bench.transactions.topic,
                bench.dedup_window,
                bench.con,
            )
        finally:
            rebuild_module.CHUNK_RECORDS = before
        assert compare(bench.con, target) == []


@pytest.mark.soak
@pytest.mark.parametrize(
    "law",
    [
        test_any_batching_and_restart_gives_the_same_tables,
        test_any_order_gives_the_same_tables,
        test_any_partitioning_gives_the_same_tables,
        test_doubles_anywhere_change_nothing_but_the_account,
        test_sending_everything_again_adds_nothing_but_to_the_account,
        test_two_halves_aggregated_apart_and_merged_equal_the_whole,
        test_a_rebuild_gives_identical_tables,
    ],
    ids=lambda law: law.__name__,
)
def test_the_laws_hold_for_hundreds_of_stories(law: Any) -> None:
    many = settings(few, max_examples=300)
    strategy = stories() if "halves" in law.__name__ else st.data()
    many(given(strategy)(law.hypothesis.inner_test))()


class _CrashError(Exception):
    """Stands for the process's end, or the disk's."""


STEPS = [
    (transaction, "find_known_ids"),
    (withdraw, "find_withdrawals"),
    (transaction, "stage"),
    (transaction, "merge_all"),
    (merge, "merge_state"),
    (live_module.LiveSeries, "add"),
    (live_module.LiveSeries, "_store"),
    (archive_module.Archive, "add"),
    (archive_module, "sync"),
    (withdraw, "withdraw"),
    (withdraw, "merge_cells"),
    (transaction.Transactions, "_forget_seen"),
]


def test_a_crash_at_any_step_leaves_nothing_and_a_retry_gives_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before and after each step, one crash upon the other, with a restart now and then."""
    kept = event("task", case="c", handling=5)
    target = event("task", case="c", handling=6, id="target")
    story = [kept, target, event(id="a", session="s"), Sent(b"bad"), event(id="late", late=9 * DAY)]
    second = [void(target, id="v"), event(id="b", session="s"), event("probe", id="p")]
    second = [replace(one, offset=len(story) + n) for n, one in enumerate(second)]
    smooth = Bench(tmp_path / "smooth", file_records=1)
    smooth.feed(*story)
    smooth.feed(*second)
    bench = Bench(tmp_path / "crash", file_records=1)
    bench.feed(*story)
    before, live = bench.snapshot(), dict(bench.live.values)
    positions = bench.rows("SELECT * FROM positions")
    for number, (owner, name) in enumerate(STEPS):
        real = getattr(owner, name)
        for when in ("before", "after"):
            with monkeypatch.context() as patched:
                patched.setattr(owner, name, _crashing(real, when))
                with pytest.raises(_CrashError):
                    bench.feed(*second)
            where = f"{when} {name}"
            assert bench.snapshot() == before, where
            assert dict(bench.live.values) == live, where
            assert bench.rows("SELECT * FROM positions") == positions, where
            assert len(bench.archived()) == len(story), where
        if number % 3 == 0:
            bench.reopen()
            bench.archive.sweep(bench.con)
    bench.feed(*second)
    assert bench.snapshot() == smooth.snapshot()
    assert bench.archived() == smooth.archived()
    assert bench.archive.on_disk() == smooth.archive.on_disk()
    smooth.close()
    bench.close()


def _crashing(real: Any, when: str) -> Any:
    def crash(*arguments: Any, **named: Any) -> Any:
        if when == "after":
            real(*arguments, **named)
        raise _CrashError

    return crash


def test_a_batch_that_is_thrown_away_before_its_commit_leaves_nothing(tmp_path: Path) -> None:
    bench = Bench(tmp_path)

    def refuse() -> None:
        raise _CrashError

    with pytest.raises(_CrashError):
        bench.feed(event(feature="new label"), Sent(b"bad"), before_commit=refuse)
    assert not any(bench.snapshot().values())
    assert not bench.live.values
    assert bench.rows("SELECT * FROM outbox") == []
    bench.close()
