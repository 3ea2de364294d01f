"""The spool: what is in it survives the process, nothing is counted twice, the cap holds."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meetlat._encode import Encoded
from meetlat._spool import Spool, spool_directory
from meetlat.settings import Settings


def event(number: int, size: int = 10) -> Encoded:
    return Encoded(b"key %d" % number, b'{"n":%d,"x":"%s"}' % (number, b"x" * size))


@pytest.fixture
def spools(tmp_path: Path) -> Iterator[list[Spool]]:
    made: list[Spool] = []
    yield made
    for spool in made:
        spool.close()


def drain(spool: Spool, most: int = 7) -> list[Encoded]:
    found = []
    while batch := spool.peek(most, 1 << 20):
        found += batch
        spool.advance(len(batch))
    return found


def test_what_goes_in_comes_out_in_order(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 1_000_000)
    events = [event(number) for number in range(50)]
    for start in range(0, 50, 10):
        assert spool.append(events[start : start + 10]) == 0
    assert spool.count == 50
    assert drain(spool) == events
    assert (spool.count, spool.empty) == (0, True)
    assert spool.close() == 0
    assert list(tmp_path.iterdir()) == []


def test_reports_do_not_count(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 1_000_000)
    spool.append([event(1), Encoded(b"k", b"{}", counted=False)])
    assert spool.count == 1
    assert [e.counted for e in drain(spool)] == [True, False]
    spool.close()


def test_beyond_the_cap_the_oldest_are_dropped_and_counted(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 20_000)
    dropped = sum(spool.append([event(number, 100)]) for number in range(1000))
    kept = drain(spool)
    assert dropped + len(kept) == 1000
    assert kept == [event(number, 100) for number in range(dropped, 1000)]
    assert 10_000 < sum(len(e.value) for e in kept) <= 20_000
    spool.close()


def test_files_are_for_their_owner_only(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "deep", 1_000_000)
    spool.append([event(1)])
    assert (tmp_path / "deep").stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "deep").iterdir())
    spool.close()


def test_an_orphan_is_taken_over_once_and_a_living_ones_is_not(
    tmp_path: Path, spools: list[Spool]
) -> None:
    living, dying = Spool(tmp_path, 1_000_000), Spool(tmp_path, 1_000_000)
    spools += [living, first := Spool(tmp_path, 1_000_000), second := Spool(tmp_path, 1_000_000)]
    living.append([event(1)])
    dying.append([event(2), event(3)])
    dying.close()  # lets go of its lock as a dead process does; the files stay
    assert first.adopt() == 2
    assert second.adopt() == 0
    assert drain(first) == [event(2), event(3)]
    assert drain(living) == [event(1)]


def test_a_torn_tail_is_ignored(tmp_path: Path, spools: list[Spool]) -> None:
    dying = Spool(tmp_path, 1_000_000)
    dying.append([event(1), event(2)])
    dying.close()
    [path] = tmp_path.glob("*.events")
    os.truncate(path, path.stat().st_size - 3)
    spools.append(spool := Spool(tmp_path, 1_000_000))
    assert spool.adopt() == 1
    assert drain(spool) == [event(1)]
    assert spool.empty


def test_a_line_that_rotted_is_counted_as_lost_and_the_rest_comes_out(
    tmp_path: Path, spools: list[Spool]
) -> None:
    spools.append(spool := Spool(tmp_path, 1_000_000))
    spool.append([event(1), event(2), event(3)])
    [path] = tmp_path.glob("*.events")
    path.write_bytes(path.read_bytes().replace(b'"n":2', b'"n":9'))
    batch = spool.peek(10, 1 << 20)
    assert batch == [event(1), event(3)]
    assert spool.advance(2) == 1


def test_a_deleted_file_is_counted_as_lost(tmp_path: Path, spools: list[Spool]) -> None:
    spools.append(spool := Spool(tmp_path, 1_000_000))
    spool.append([event(1), event(2)])
    next(tmp_path.glob("*.events")).unlink()
    assert spool.peek(10, 1 << 20) == []
    assert spool.advance(0) == 2
    assert spool.empty
    assert spool.trouble


def test_where_nothing_can_be_written_memory_serves_and_the_end_counts_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    spool = Spool(tmp_path / "file" / "spool", 1_000)
    assert spool.append([event(1), event(2)]) == 0
    assert "cannot write" in spool.trouble
    assert spool.peek(1, 1 << 20) == [event(1)]
    spool.advance(1)
    assert spool.count == 1
    assert spool.append([event(3, 2000)]) == 2  # over the cap
    spool.append([event(4)])
    assert spool.close() == 1


def test_a_short_write_leaves_nothing_that_would_come_out_twice(
    tmp_path: Path, spools: list[Spool], monkeypatch: pytest.MonkeyPatch
) -> None:
    spools.append(spool := Spool(tmp_path, 1_000_000))
    spool.append([event(1)])
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, data: write(file, data[:-5]))
    spool.append([event(2), event(3)])  # the first of them whole
    monkeypatch.undo()
    spool.append([event(4)])
    found = sorted(drain(spool), key=lambda one: one.key)
    assert found == [event(1), event(2), event(3), event(4)]


def test_destinations_do_not_share_a_spool(tmp_path: Path) -> None:
    def directory(endpoint: str) -> Path:
        given = {"MEETLAT_ENDPOINT": endpoint, "MEETLAT_SPOOL": str(tmp_path)}
        return spool_directory(Settings(given))

    assert directory("http://a") != directory("http://b")
    assert directory("http://a").parent == tmp_path


@given(st.lists(st.one_of(st.integers(1, 30), st.just(0), st.integers(-30, -1)), max_size=40))
def test_every_event_is_kept_or_counted_as_dropped(
    tmp_path_factory: pytest.TempPathFactory, steps: list[int]
) -> None:
    """Positive: append so many; negative: read so many; 0: die and be taken over."""
    directory = tmp_path_factory.mktemp("spool")
    spool = Spool(directory, 3_000)
    number = dropped = read = 0
    for step in steps:
        if step > 0:
            dropped += spool.append([event(number + i) for i in range(step)])
            number += step
        elif step < 0:
            batch = spool.peek(-step, 1 << 20)
            if batch:
                assert spool.advance(len(batch)) == 0
            read += len(batch)
        else:
            before = spool.count
            spool.close()
            spool = Spool(directory, 3_000)
            again = spool.adopt() - before  # what was read from a file not yet finished
            assert again >= 0
            read -= again
        assert read + dropped + spool.count == number
    spool.close()
