"""One process owns a data directory; what it refuses it says in one line."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import duckdb
import pytest
from support.aggregating import Bench, event, make_database
from support.ingesting import data_settings, opened, until

from meetlat.errors import MeetlatError
from meetlat_aggregator import publish as publish_module
from meetlat_aggregator import rebuild as rebuild_module
from meetlat_aggregator import rewriting as rewriting_module
from meetlat_aggregator.database import (
    BrokenDatabaseError,
    DataDirectory,
    migrate,
    migrations,
    open_database,
)
from meetlat_aggregator.store import Store


async def test_a_second_aggregator_on_one_data_directory_is_refused(tmp_path: Path) -> None:
    async with opened(data_settings(tmp_path)):
        with pytest.raises(
            MeetlatError, match=r"another aggregator \(process \d+\) owns"
        ) as caught:
            Store(data_settings(tmp_path))
        assert "\n" not in str(caught.value)
    async with opened(data_settings(tmp_path)):
        """Free again."""


def test_the_lock_of_a_killed_aggregator_is_free(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path\n"
        "from meetlat_aggregator.database import DataDirectory\n"
        "kept = DataDirectory(Path(sys.argv[1])); print('taken', flush=True)\n"
        "os.kill(os.getpid(), 9)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.returncode) == ("taken\n", -9)
    DataDirectory(tmp_path).release()


def test_others_cannot_write_the_data_directory(tmp_path: Path) -> None:
    directory = tmp_path / "data"
    directory.mkdir(mode=0o777)
    directory.chmod(0o777)
    DataDirectory(directory).release()
    assert directory.stat().st_mode & 0o777 == 0o755


def test_a_data_directory_that_cannot_be_made_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(MeetlatError, match=r"cannot use the data directory .*; choose another"):
        DataDirectory(tmp_path / "file" / "below")


async def test_the_privacy_limit_may_be_raised_never_lowered(tmp_path: Path) -> None:
    with pytest.raises(MeetlatError, match="never lowered below 5"):
        Store(data_settings(tmp_path, privacy_limit=4))
    async with opened(data_settings(tmp_path, privacy_limit=5)):
        """Five is taken."""


def test_a_database_that_another_program_has_open_is_not_called_corrupt(tmp_path: Path) -> None:
    path = tmp_path / "aggregator.duckdb"
    make_database(path)
    code = (
        "import sys, duckdb; held = duckdb.connect(sys.argv[1]); print(1, flush=True)\n"
        "sys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == b"1\n"
        with pytest.raises(
            MeetlatError, match=r"another program has the database .* open"
        ) as caught:
            open_database(path)
        assert not isinstance(caught.value, BrokenDatabaseError)
    finally:
        other.communicate(b"", timeout=30)


def test_migrations_are_applied_once_and_recorded(tmp_path: Path) -> None:
    con = open_database(tmp_path / "new.duckdb")
    migrate(con)
    done = con.execute("SELECT version, name FROM migrations ORDER BY version").fetchall()
    assert done == [(version, name) for version, name, _ in migrations()]
    con.close()


def test_a_migration_that_fails_leaves_nothing_of_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    con = open_database(tmp_path / "new.duckdb")
    steps = [
        *migrations(),
        (9999, "broken", "CREATE TABLE half (a INTEGER); SELECT * FROM nowhere"),
    ]
    monkeypatch.setattr("meetlat_aggregator.database.migrations", lambda: steps)
    with pytest.raises(duckdb.CatalogException):
        migrate(con)
    assert con.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'half'"
    ).fetchall() == [(0,)]
    assert con.execute("SELECT max(version) < 9999 FROM migrations").fetchall() == [(True,)]
    con.close()


def test_a_database_of_a_newer_program_is_refused_not_called_corrupt(tmp_path: Path) -> None:
    path = tmp_path / "aggregator.duckdb"
    make_database(path)
    with duckdb.connect(str(path)) as con:
        con.execute("INSERT INTO migrations VALUES (9999, 'tomorrow', now()::TIMESTAMP)")
    with pytest.raises(MeetlatError, match="has version 9999, this program knows") as caught:
        open_database(path)
    assert not isinstance(caught.value, BrokenDatabaseError)


def test_hot_tables_have_no_index(tmp_path: Path) -> None:
    """Index and WAL-replay faults are open upstream; merges find rows by zone maps and joins."""
    con = open_database(tmp_path / "new.duckdb")
    assert con.execute("SELECT count(*) FROM duckdb_indexes()").fetchall() == [(0,)]
    assert con.execute("SELECT count(*) FROM duckdb_constraints()").fetchall() == [(0,)]
    con.close()


async def test_a_rebuild_compares_with_no_publication_under_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its transaction would hold on to the rebuilt file, and the next rebuild find it held."""
    bench = Bench(tmp_path)
    bench.feed(event())
    bench.close()
    publishing, go_on = threading.Event(), threading.Event()
    alone: list[bool] = []
    real_publish, real_query = publish_module.Publisher.publish, rewriting_module.cell_query
    real_rebuild, real_compare = rebuild_module.rebuild_file, rebuild_module.compare

    def publish(publisher: Any, at_once: Any) -> None:
        publishing.set()
        real_publish(publisher, at_once)
        publishing.clear()

    def query(*arguments: Any) -> str:
        assert go_on.wait(30)
        return real_query(*arguments)

    def rebuild_file(*arguments: Any) -> None:
        real_rebuild(*arguments)
        go_on.set()

    def compare(*arguments: Any) -> Any:
        alone.append(not publishing.is_set())
        return real_compare(*arguments)

    monkeypatch.setattr(publish_module.Publisher, "publish", publish)
    monkeypatch.setattr(rewriting_module, "cell_query", query)
    monkeypatch.setattr(rebuild_module, "rebuild_file", rebuild_file)
    monkeypatch.setattr(rebuild_module, "compare", compare)
    async with opened(data_settings(tmp_path)) as store:
        published = asyncio.create_task(store.publish())
        await until(publishing.is_set, "the publication is under way")
        await rebuild_module.rebuild_store(store, accept=False, progress=lambda *_: None)
        await published
    assert alone == [True]


async def test_a_publication_is_made_only_when_something_was_committed(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.feed(event())
    bench.close()
    async with opened(data_settings(tmp_path)) as store:
        assert await store.publish()
        assert not await store.publish()
        store.publisher.path.unlink()
        assert await store.publish(), "one that somebody removed is made again"
