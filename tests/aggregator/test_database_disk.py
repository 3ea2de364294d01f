"""The live database on a disk that was full for a while."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import duckdb
import pytest
from support.disk import disk, fill

from meetlat_aggregator.database import open_database

SPILLS = "SELECT count(*) FROM (SELECT md5(range::VARCHAR) AS x FROM range(1500000) ORDER BY x)"


def test_a_disk_that_was_full_when_it_first_spilled_is_used_when_there_is_room(
    tmp_path: Path,
) -> None:
    with (
        disk(tmp_path / "small", "600m") as small,
        closing(open_database(small / "aggregator.duckdb", "48MB")) as con,
    ):
        ballast = fill(small, left=300_000)
        with pytest.raises(duckdb.Error):
            con.execute(SPILLS)
        ballast.unlink()
        assert con.execute(SPILLS).fetchall() == [(1_500_000,)]
