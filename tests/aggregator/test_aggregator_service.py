"""The aggregator as a program: its addresses, every metric, and commands beside it."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from support.aggregating import NOON, Sent, event, person, void
from support.ingesting import FakeReader, data_settings, until
from support.running import command, committed, get, running

from meetlat.errors import MeetlatError
from meetlat.metrics import METRICS
from meetlat_aggregator import service as service_module
from meetlat_aggregator.ingest import PoisonError
from meetlat_aggregator.service import Aggregator

AGGREGATOR_METRICS = [metric for metric in METRICS if metric.service == "aggregator"]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_module, "HOUSEKEEPING_SECONDS", 0.02)
    monkeypatch.setattr(service_module, "REFRESH_SECONDS", 0.02)


def all_facts() -> list[Sent]:
    """What makes every metric appear."""
    call = event(
        use_case="help", feature="f", operation="chat", provider="p", model="m", duration=0.3,
        first_token=0.1, input_tokens=5, cost="0.25", currency="EUR", session="s-secret",
        case="c-secret",
    )  # fmt: skip
    return [
        call,
        call.again(),
        event(output_tokens=3),
        event("escalation", reason="policy"),
        event("feedback", score=3, scale_min=1, scale_max=5),
        event("probe", location="home", interval=60, duration=0.2),
        event("sdk_report", dropped={"queue_full": 2}),
        *[event(user=person(n), use_case="people") for n in range(6)],
        *[event("usage", feature=f"f{n}") for n in range(105)],
        Sent(b"bad", NOON),
        void(event(id="never")),
        event(late=timedelta(days=9)),
    ]


@pytest.mark.prometheus
async def test_every_metric_appears_and_promtool_has_nothing_to_say(tmp_path: Path) -> None:
    facts = all_facts()
    async with running(tmp_path, FakeReader(facts)) as aggregator:
        await committed(aggregator, len(facts))
        await until(
            lambda: (
                b"meetlat_batch_events_count 1" in aggregator._metrics
                and b"meetlat_last_publication" in aggregator._metrics
                and b"meetlat_availability_ratio" in aggregator._metrics  # a gauge, read later
                and b"meetlat_kpi_value" in aggregator._metrics  # after a publication
            ),
            "the text is made of it",
        )
        status, media, text = await get(aggregator, "/metrics")
    assert (status, media) == (200, "text/plain; version=0.0.4; charset=utf-8")
    families = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
    # That of baselines wants one: test_kpi_values.py has it.
    shown = [metric for metric in AGGREGATOR_METRICS if metric.name != "meetlat_kpi_baseline"]
    assert families == {metric.name: metric.kind for metric in shown}
    for metric in shown:
        samples = re.findall(
            rf"^{metric.name}(?:_bucket|_sum|_count)?(?:{{(.*)}})? ", text, re.MULTILINE
        )
        assert samples, metric.name
        for labels in samples:
            names = set(re.findall(r'(\w+)="', labels)) - {"le"}
            assert names == set(metric.labels), metric.name
    assert "_created" not in text
    assert not re.search(r"u_0|s-secret|c-secret", text)
    promtool = await asyncio.create_subprocess_exec(
        "promtool", "check", "metrics",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await promtool.communicate(text.encode())
    assert (promtool.returncode, said) == (0, b"")


async def test_ready_once_partitions_are_assigned_and_alive_before(tmp_path: Path) -> None:
    reader = FakeReader()
    begin = asyncio.Event()
    real = reader.start

    async def start(listener: Any) -> None:
        await begin.wait()
        await real(listener)

    reader.start = start  # type: ignore[method-assign]
    async with running(tmp_path, reader) as aggregator:
        assert await get(aggregator, "/healthz") == (200, "text/plain; charset=utf-8", "ok\n")
        status, _, said = await get(aggregator, "/readyz")
        assert (status, said) == (503, "no partition of the log is assigned yet\n")
        begin.set()
        await until(lambda: bool(aggregator.ingest.partitions), "assigned")
        assert (await get(aggregator, "/readyz"))[0] == 200
        aggregator.ingest.fault = "the disk is full"
        assert (await get(aggregator, "/readyz"))[2] == "the disk is full\n"
        aggregator.ingest.fault = None
        assert (await get(aggregator, "/nowhere"))[0] == 404


async def test_what_was_committed_is_published_and_told_to_the_log(tmp_path: Path) -> None:
    reader = FakeReader([event(), event()])
    async with running(tmp_path, reader) as aggregator:
        await committed(aggregator, 2)
        await until(lambda: reader.told == {0: 2}, "the log is told")
        await until(lambda: aggregator.store.published_batch >= 1, "it is published")
    with duckdb.connect(str(tmp_path / "kpi.duckdb"), read_only=True) as con:
        assert con.execute("SELECT records FROM meta").fetchall() == [(2,)]


async def test_shutdown_publishes_what_was_committed_last_and_relays_letters(
    tmp_path: Path,
) -> None:
    reader = FakeReader()
    async with running(tmp_path, reader, publish_seconds="1000"):
        reader.append(event(), Sent(b"bad", NOON))
    with duckdb.connect(str(tmp_path / "kpi.duckdb"), read_only=True) as con:
        assert con.execute("SELECT records FROM meta").fetchall() == [(2,)]
    done = await command("dead", "list", "--format", "json", data=tmp_path)
    assert [letter["origin"] for letter in json.loads(done.out)] == ["meetlat.events.v1/0/1"]


async def test_lag_is_what_waits_in_the_log(tmp_path: Path) -> None:
    reader = FakeReader([event(appended=NOON)])
    async with running(tmp_path, reader) as aggregator:
        await committed(aggregator, 1)
        reader.next = {0: 10**9}  # the log gives nothing more
        reader.append(event(), event())
        await until(
            lambda: (
                b'meetlat_lag_events{partition="0",topic="meetlat.events.v1"} 2.0'
                in aggregator._metrics
            ),
            "two wait",
        )
        done = await command("status", "--json", data=tmp_path)
        assert json.loads(done.out)["lag"]["0"]["events"] == 2
        reader.next = {0: 1}
        await committed(aggregator, 3)


async def test_a_port_that_is_taken_says_so_and_lets_everything_go(tmp_path: Path) -> None:
    async with running(tmp_path / "one", FakeReader()) as aggregator:
        address = aggregator.address.removeprefix("http://")
        taken = Aggregator(
            data_settings(tmp_path / "two", aggregator_listen=address), reader=FakeReader()
        )
        with pytest.raises(MeetlatError, match=f"cannot listen on {address}: .*; free the port"):
            await taken.startup()
        await taken.shutdown(1)
    async with running(tmp_path / "two", FakeReader()):
        """The directory is free again."""


async def test_poison_ends_the_program_with_one_line(tmp_path: Path) -> None:
    with pytest.raises(PoisonError):
        async with running(tmp_path, FakeReader([Sent(b"bad", NOON)] * 20), poison_window=10) as a:
            await until(lambda: a.store.poison.count("1") > 5, "it stopped")


# --- commands beside a running aggregator


async def test_status_of_a_running_aggregator(tmp_path: Path) -> None:
    facts = [event(), event(), Sent(b"bad", NOON), event("sdk_report", dropped={"x": 4})]
    async with running(tmp_path, FakeReader(facts)) as aggregator:
        await committed(aggregator, 4)
        await until(lambda: not aggregator._dead_waiting, "the letter is relayed")
        done = await command("status", data=tmp_path)
        assert done.status == 0
        shown = dict(re.findall(r"^(.{20})(.*)$", done.out, re.MULTILINE))
        said = {name.strip(): text for name, text in shown.items()}
        assert said["fault"] == "none"
        assert said["lag"] == "none"
        assert said["counted"] == "3 events"
        assert said["dead letters"] == "1, 0 waiting to be sent"
        assert said["dropped by senders"] == "4"
        assert said["metrics"] == f"{aggregator.address}/metrics"
        aggregator.ingest.fault = "the broker is away"
        done = await command("status", data=tmp_path)
        assert (done.status, "the broker is away" in done.out) == (1, True)


async def test_rebuild_beside_a_running_aggregator_swaps_under_it(tmp_path: Path) -> None:
    reader = FakeReader([event(id="a"), event(id="b")])
    async with running(tmp_path, reader) as aggregator:
        await committed(aggregator, 2)
        old = (tmp_path / "aggregator.duckdb").stat().st_ino
        done = await command("rebuild", data=tmp_path)
        assert (done.status, done.out) == (0, "rebuilt: all tables are equal\n")
        assert (tmp_path / "aggregator.duckdb").stat().st_ino != old
        reader.append(event(id="c"), event(id="a"))
        await committed(aggregator, 4)
        await aggregator.store.run(lambda con: con.execute("DELETE FROM health_hourly").fetchall())
        done = await command("rebuild", data=tmp_path)
        assert done.status == 1
        assert "health_hourly" in done.out
        done = await command("rebuild", "--accept", data=tmp_path)
        assert done.status == 0
        done = await command("status", "--json", data=tmp_path)
        counts = json.loads(done.out)
        assert (counts["records"], counts["counted"]) == (4, 4 - counts["duplicate"])


async def test_dead_accept_reaches_a_running_aggregator(tmp_path: Path) -> None:
    async with running(tmp_path, FakeReader(), poison_window=10) as aggregator:
        reader = aggregator._reader
        assert isinstance(reader, FakeReader)
        reader.append(*[Sent(b"bad", NOON)] * 5)
        await committed(aggregator, 5)
        for words in (["--until", "6"], ["--partition", "1", "--until", "1"]):
            done = await command("dead", "accept", *words, data=tmp_path)
            assert (done.status, done.err.count("\n")) == (1, 1), "nobody has seen that yet"
        done = await command("dead", "accept", "--until", "5", data=tmp_path)
        assert done.status == 0
        reader.append(*[Sent(b"bad", NOON)] * 5)
        await committed(aggregator, 10)
