"""An analyst opens kpi.duckdb with the plain duckdb package while events flow."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import tempfile
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import duckdb
import pytest
from support.services import services, until

import meetlat

NOBODY = 65534


@pytest.fixture
def folder() -> Iterator[Path]:
    """A directory that other users can enter, unlike pytest's own."""
    path = Path(tempfile.mkdtemp(prefix="meetlat-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def client(folder: Path) -> Iterator[meetlat.Client]:
    made = meetlat.Client(
        endpoint=f"embedded:{folder / 'data' / 'log'}",
        mode="send",
        spool=folder / "spool",
        linger_seconds=0.05,
    )
    yield made
    made.shutdown(5)


def ask(path: Path) -> tuple[Any, int]:
    with duckdb.connect(str(path), read_only=True) as con:
        as_of = con.execute("SELECT as_of FROM meta").fetchall()[0][0]
        requests = con.execute("SELECT coalesce(sum(requests), 0) FROM interactions_hourly")
        return as_of, int(requests.fetchall()[0][0])


def call(client: meetlat.Client) -> None:
    with client.interaction(tool="chatbot"):
        pass
    client.flush(5)


def test_as_of_moves_with_each_opening_while_events_flow(
    folder: Path, client: meetlat.Client
) -> None:
    kpi = folder / "data" / "kpi.duckdb"
    with services(folder, "aggregate", MEETLAT_PUBLISH_SECONDS="0.2"):
        seen: list[tuple[Any, int]] = []
        for number in range(1, 4):
            call(client)
            until(lambda n=number: kpi.exists() and ask(kpi)[1] == n, f"{number} calls are seen")
            seen.append(ask(kpi))
    moments = [as_of for as_of, _ in seen]
    assert moments == sorted(set(moments))


def test_holding_the_file_open_disturbs_nothing(folder: Path, client: meetlat.Client) -> None:
    kpi = folder / "data" / "kpi.duckdb"
    with services(folder, "aggregate", MEETLAT_PUBLISH_SECONDS="0.2") as (aggregator,):
        call(client)
        until(lambda: kpi.exists() and ask(kpi)[1] == 1, "the first call is seen")
        with duckdb.connect(str(kpi), read_only=True) as held:
            inode = kpi.stat().st_ino
            call(client)
            until(lambda: kpi.stat().st_ino != inode, "a new file is published meanwhile")
            again = held.execute("SELECT sum(requests) FROM interactions_hourly").fetchall()
            assert again == [(1,)], "the open file stays as it was"
        assert ask(kpi)[1] == 2
        assert aggregator.terminate() == 0, aggregator.said()


def test_only_the_owner_reads_what_is_kept_about_one_person(
    folder: Path, client: meetlat.Client
) -> None:
    data = folder / "data"
    with services(folder, "aggregate", MEETLAT_PUBLISH_SECONDS="0.2"):
        call(client)
        wal = data / "aggregator.duckdb.wal"
        until(lambda: (data / "kpi.duckdb").exists() and wal.exists(), "something is committed")
        for private in (data / "aggregator.duckdb", wal):
            assert private.stat().st_mode & 0o077 == 0, private.name
        assert data.stat().st_mode & 0o005 == 0o005, "others enter the directory"
        assert (data / "kpi.duckdb").stat().st_mode & 0o777 == 0o444


def _open_for_writing(path: Path, uid: int | None, answer: Connection) -> None:
    if uid is not None:
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)
    try:
        duckdb.connect(str(path)).close()
    except duckdb.Error as error:
        answer.send(str(error))
    else:
        answer.send(None)


def test_a_read_write_attempt_by_another_user_is_refused_and_reading_is_not(
    folder: Path, client: meetlat.Client
) -> None:
    kpi = folder / "data" / "kpi.duckdb"
    with services(folder, "aggregate", MEETLAT_PUBLISH_SECONDS="0.2"):
        call(client)
        until(lambda: kpi.exists() and ask(kpi)[1] == 1, "the call is seen")
        assert kpi.stat().st_mode & 0o777 == 0o444
        assert kpi.parent.stat().st_mode & 0o022 == 0, "others cannot write the directory"
        root = os.geteuid() == 0  # who ignores modes, so that the attempt is made by nobody
        ours, theirs = multiprocessing.Pipe()
        fork = multiprocessing.get_context("fork")
        attempt = fork.Process(
            target=_open_for_writing, args=(kpi, NOBODY if root else None, theirs)
        )
        attempt.start()
        assert ours.poll(30), "the attempt said nothing"
        refusal = ours.recv()
        attempt.join()
        assert refusal is not None
        assert "Permission denied" in refusal or "read-only" in refusal.lower(), refusal
