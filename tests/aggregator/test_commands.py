"""Commands with no aggregator running: exit status 0, 1 or 2, and errors of one line."""

from __future__ import annotations

import asyncio
import json
import re
import stat
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.aggregating import MINUTE, NOON, Bench, Sent, event
from support.commanding import Done, run
from support.ingesting import data_settings
from support.whole import Whole

from meetlat.logs.address import open_writer
from meetlat.logs.base import Message
from meetlat.settings import DEAD_TOPIC, EVENTS_TOPIC, Settings
from meetlat_aggregator.ingest import Ingest
from meetlat_aggregator.outbox import letter
from meetlat_aggregator.store import Store


def refused(done: Done, status: int, said: str) -> None:
    """One line that names what is wrong."""
    assert done.status == status, done
    assert done.err.startswith("meetlat: ")
    assert done.err.count("\n") == 1
    assert re.search(said, done.err), done.err
    assert "Traceback" not in done.err


def append(settings: Settings, topic: str, messages: Sequence[Message]) -> None:
    """Put messages into the embedded log of a data directory."""

    async def write() -> None:
        writer = open_writer(settings, topic)
        await writer.start()
        await writer.append(messages)
        await writer.close(5)

    asyncio.run(write())


def log_of(settings: Settings) -> list[bytes]:
    """All values in the events topic, through the aggregator's own reader."""
    from meetlat_aggregator.dead_letters import reading

    async def read() -> list[bytes]:
        async with reading(settings, settings[EVENTS_TOPIC]) as reader:
            return [record.value for record in await reader.read(1000, 1.0)]

    return asyncio.run(read())


# --- sql


@pytest.fixture
def published(tmp_path: Path) -> Path:
    bench = Bench(tmp_path)
    bench.feed(event(tool="bot", team="x"), event(tool="other"))
    with bench.published():
        pass
    bench.close()
    return tmp_path


QUERY = "SELECT tool, requests FROM interactions_hourly ORDER BY tool"


def test_sql_prints_a_table_json_or_csv(published: Path) -> None:
    done = run("sql", QUERY, data=published)
    assert (done.status, done.err) == (0, "")
    assert [line.split() for line in done.out.splitlines()[::2]] == [
        ["tool", "requests"], ["bot", "1"],
    ]  # fmt: skip
    done = run("sql", QUERY, "--format", "json", data=published)
    assert json.loads(done.out) == [
        {"tool": "bot", "requests": 1},
        {"tool": "other", "requests": 1},
    ]
    done = run("sql", QUERY, "--format", "csv", data=published)
    assert done.out == "tool,requests\nbot,1\nother,1\n"


def test_sql_never_loses_one_of_two_columns_of_the_same_name(published: Path) -> None:
    query = "SELECT 1 AS n, 2 AS n"
    refused(
        run("sql", query, "--format", "json", data=published), 1,
        "two columns are called n, and JSON would hold one of them; name them apart, as `… AS n_2`",
    )  # fmt: skip
    assert run("sql", query, "--format", "csv", data=published).out == "n,n\n1,2\n"


def test_sql_cannot_write(published: Path) -> None:
    refused(run("sql", "DELETE FROM meta", data=published), 1, "read-only")
    assert run("sql", "SELECT 1 FROM meta", data=published).status == 0


@pytest.mark.parametrize(
    "query",
    [
        "COPY (SELECT 1) TO '{file}'",
        "ATTACH '{file}' AS other",
        "SELECT * FROM read_text('/etc/hostname')",
        "SET enable_external_access = true",
    ],
)
def test_sql_touches_no_file(published: Path, tmp_path: Path, query: str) -> None:
    file = tmp_path / "other"
    refused(run("sql", query.format(file=file), data=published), 1, "the query failed: ")
    assert not file.exists()


def test_sql_is_one_statement(published: Path) -> None:
    refused(run("sql", "SELECT 1; SELECT 2", data=published), 1, "several statements; give one")
    assert run("sql", "SELECT 1;", data=published).status == 0


def test_sql_that_is_wrong_or_without_tables_says_what_to_do(
    published: Path, tmp_path: Path
) -> None:
    refused(run("sql", "SELECT x FROM meta", data=published), 1, "the query failed: .*SHOW TABLES")
    refused(run("sql", "SELECT 1", data=tmp_path / "no"), 1, "kpi.duckdb is not there; it appears")
    refused(run("sql", "/* nothing */", data=published), 1, "the query is empty")
    refused(run("sql", data=published), 2, "Missing argument 'QUERY'; see `meetlat sql --help`")
    refused(run("sql", "SELECT 1", "--format", "xml", data=published), 2, "'xml' is not one of")


def test_a_decimal_is_shown_in_digits(published: Path) -> None:
    query = "SELECT 0::DECIMAL(18, 9) AS cost UNION ALL SELECT 12.5 ORDER BY cost"
    done = run("sql", query, data=published)
    assert done.out.splitlines()[2:] == [" 0.000000000", "12.500000000"]
    done = run("sql", query, "--format", "csv", data=published)
    assert done.out == "cost\n0.000000000\n12.500000000\n"
    done = run("sql", query, "--format", "json", data=published)
    assert json.loads(done.out) == [{"cost": "0.000000000"}, {"cost": "12.500000000"}]


# --- status, rebuild


def test_status_with_none_running_is_a_no(tmp_path: Path) -> None:
    refused(run("status", data=tmp_path), 1, "no aggregator runs on .*; start `meetlat up`")
    refused(run("status", "--nonsense", data=tmp_path), 2, "No such option")


def test_a_setting_that_does_not_fit_is_wrong_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEETLAT_DEDUP_DAYS", "soon")
    refused(run("rebuild", data=tmp_path), 2, "MEETLAT_DEDUP_DAYS: 'soon'")


def test_a_wrong_data_directory_is_named_and_not_made(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    for words in (["rebuild"], ["dead", "accept", "--until", "1"]):
        refused(run(*words, data=wrong), 1, f"there is no data directory {wrong}; give --data")
    done = run("dead", "list", data=wrong)
    assert (done.status, done.out) == (
        0,
        f"there are no dead letters in embedded:{wrong / 'log'}\n",
    )
    assert not wrong.exists()


def test_a_rebuild_of_nothing_is_equal(tmp_path: Path) -> None:
    data_settings(tmp_path)
    done = run("rebuild", data=tmp_path)
    assert (done.status, done.out) == (0, "rebuilt: all tables are equal\n")


# --- dead


def dead_log(directory: Path) -> tuple[Settings, list[Sent]]:
    """A dead-letter topic with a letter that came twice, and one that was cut."""
    settings = data_settings(directory)
    good = event(id="mended", time=datetime.now(UTC))
    letters = [
        letter("meetlat.events.v1", 0, 7, "data.tool: is missing", b"bad", False),
        letter("meetlat.events.v1", 0, 7, "data.tool: is missing", b"bad", False),
        letter("meetlat.events.v1", 3, 1, "is not JSON", good.value, False),
        letter("meetlat.events.v1", 3, 2, "is 900001 bytes", b"x" * 50, True),
    ]
    append(settings, settings[DEAD_TOPIC], letters)
    return settings, [good]


def test_dead_letters_are_listed_once_each_with_origin_and_reason(tmp_path: Path) -> None:
    dead_log(tmp_path)
    done = run("dead", "list", "--format", "json", data=tmp_path)
    assert done.status == 0
    assert [(row["origin"], row["error"], row["bytes"] > 0) for row in json.loads(done.out)] == [
        ("meetlat.events.v1/0/7", "data.tool: is missing", True),
        ("meetlat.events.v1/3/1", "is not JSON", True),
        ("meetlat.events.v1/3/2", "is 900001 bytes", True),
    ]
    newest = json.loads(run("dead", "list", "--limit", "1", "--format", "json", data=tmp_path).out)
    assert [row["origin"] for row in newest] == ["meetlat.events.v1/3/2"]


def test_no_dead_letters_make_an_empty_list(tmp_path: Path) -> None:
    data_settings(tmp_path)
    done = run("dead", "list", "--format", "json", data=tmp_path)
    assert (done.status, json.loads(done.out)) == (0, [])


def test_a_dead_letter_is_shown_byte_for_byte(tmp_path: Path) -> None:
    dead_log(tmp_path)
    done = run("dead", "show", "meetlat.events.v1/0/7", data=tmp_path)
    assert (done.status, done.out) == (0, "bad\n")
    assert done.err == "error: data.tool: is missing\n"
    done = run("dead", "show", "meetlat.events.v1/3/2", data=tmp_path)
    assert "(cut at 900 KiB)" in done.err
    refused(run("dead", "show", "nowhere", data=tmp_path), 1, "there is no dead letter nowhere")


def test_a_replay_sends_the_bytes_through_the_log_and_never_counts_twice(tmp_path: Path) -> None:
    settings, (good,) = dead_log(tmp_path)
    for _ in range(2):
        done = run("dead", "replay", "meetlat.events.v1/3/1", data=tmp_path)
        assert (done.status, done.out) == (0, "1 records sent again\n")
    assert log_of(settings) == [good.value] * 2

    async def count() -> list[tuple[int, int]]:
        from meetlat.logs.address import open_reader

        store = Store(settings)
        await store.open()
        reader = open_reader(settings, settings[EVENTS_TOPIC])
        stop = asyncio.Event()
        stop.set()
        await Ingest(settings, store, reader).run(stop)
        columns = "sum(received)::BIGINT, sum(counted)::BIGINT"
        await store.fold()
        rows = await store.run(
            lambda con: con.execute(f"SELECT {columns} FROM health_hourly").fetchall()
        )
        await reader.close(5)
        await store.close()
        return rows

    assert asyncio.run(count()) == [(2, 1)]


def test_a_replay_says_what_it_needs(tmp_path: Path) -> None:
    dead_log(tmp_path)
    refused(run("dead", "replay", data=tmp_path), 2, "name the ORIGINS to replay, or give --all")
    refused(run("dead", "replay", "x", "--all", data=tmp_path), 2, "ORIGINS")
    refused(run("dead", "replay", "x", data=tmp_path), 1, "there is no dead letter x")
    refused(run("dead", "replay", "--all", data=tmp_path), 1, "was cut at 900 KiB")


def test_a_replay_of_nothing_is_a_no(tmp_path: Path) -> None:
    data_settings(tmp_path)
    done = run("dead", "replay", "--all", data=tmp_path)
    assert (done.status, done.out) == (1, "there are no dead letters\n")


def test_accept_without_an_aggregator_opens_the_database_itself(tmp_path: Path) -> None:
    Whole(tmp_path).log([Sent(b"bad", NOON)] * 30)
    done = run("dead", "accept", "--until", "30", data=tmp_path)
    assert (done.status, done.out) == (
        0,
        "bad records of partition 0 below offset 30 are accepted\n",
    )
    bench = Bench(tmp_path)
    assert bench.rows("FROM accepted_poison") == [(0, 30)]
    bench.close()
    refused(run("dead", "accept", data=tmp_path), 2, "Missing option '--until'")
    refused(run("dead", "accept", "--until", "-1", data=tmp_path), 2, "--until")


# --- doctor


def test_doctor_finds_a_good_setup_well(published: Path) -> None:
    settings = data_settings(published)
    append(settings, settings[EVENTS_TOPIC], [Message(None, event().value)])
    key = published / "pseudonym.key"
    key.write_text("sixteen characters")
    key.chmod(0o600)
    done = run("doctor", data=published)
    assert done.status == 0, done
    for said in (
        f"ok    data directory {published}",
        "of disk free",
        f"ok    pseudonym key {key}",
        f"ok    log embedded:{published / 'log'}: 1 records so far",
        "ok    kpi.duckdb as of 2026-03-04 12:00:00 UTC",
    ):
        assert said in done.out


def test_doctor_says_what_is_bad_and_how_to_mend_it(published: Path) -> None:
    key = published / "pseudonym.key"
    key.write_text("sixteen characters")
    key.chmod(0o644)
    published.chmod(0o777)
    (published / "kpi.duckdb").chmod(stat.S_IRUSR | stat.S_IWUSR)
    (published / "kpi.duckdb").write_bytes(b"nonsense")
    done = run("doctor", data=published)
    assert (done.status, done.err) == (1, "")
    bad = [line for line in done.out.splitlines() if line.startswith("BAD")]
    assert any(f"chmod 600 {key}" in line for line in bad)
    assert any(f"chmod go-w {published}" in line for line in bad)
    assert any("kpi.duckdb does not open" in line for line in bad)


def test_doctor_before_the_first_start_only_takes_note(tmp_path: Path) -> None:
    done = run("doctor", data=tmp_path / "new")
    assert done.status == 0, done
    assert "is not there yet; `meetlat up` makes it" in done.out


def test_doctor_tells_gaps_in_the_telemetry(tmp_path: Path) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    bench = Bench(tmp_path)
    bench.feed(
        event(source="/quiet", time=now - 30 * 60 * MINUTE),
        event(source="/quiet", time=now - 26 * 60 * MINUTE, output_tokens=5, model="m"),
        event(
            source="/quiet", time=now - 26 * 60 * MINUTE, output_tokens=5, cost="1", currency="EUR"
        ),
        event("sdk_report", source="/lossy", time=now - MINUTE, dropped={"queue_full": 3}),
        Sent(b"bad", now),
    )
    with bench.published():
        pass
    bench.close()
    done = run("doctor", data=tmp_path)
    assert "note  /lossy: 3 events dropped or refused" in done.out
    assert "note  1 dead letters; see `meetlat dead list`" in done.out
    assert "note  /quiet: silent for 26 hours; is it still in use?" in done.out
    assert (
        "note  bot, model m: no price is known for 1 of 1 calls with tokens; write one" in done.out
    )
    assert done.out.count("no price is known") == 1


def test_doctor_names_currencies_without_a_rate_and_from_which_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rate = '{from = 2026-03-04, currency = "GBP", rate = 1.2}'
    company = f'name = "Acme"\ncurrency = "EUR"\ndemo = true\nrates = [{rate}]\n'
    (tmp_path / "meetlat.toml").write_text(f"[company]\n{company}")
    bench = Bench(tmp_path)
    bench.feed(
        *(event(cost="1", currency=money) for money in ("EUR", "USD", "USD", "GBP")),
        *(event("measurement", time=NOON - day * 1440 * MINUTE, history=True, name="repair_cost",
                value="5", unit=unit)
          for day, unit in ((1, "USD"), (1, "GBP"), (0, "GBP"), (0, "EUR"), (0, "h"), (0, ""))),
    )  # fmt: skip
    with bench.published():
        pass
    bench.close()
    said = [line for line in run("doctor", data=tmp_path).out.splitlines() if "rate" in line]
    assert said == [
        f"note  amounts in {currency} without an exchange rate, which KPIs leave out: {amounts}, "
        "the first of 2026-03-03; write a rate into the plan ([[company.rates]]) from that day on"
        for currency, amounts in (("GBP", 1), ("USD", 3))
    ]
