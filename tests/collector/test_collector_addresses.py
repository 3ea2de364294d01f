"""The other addresses: health, readiness, metrics, and what is not there."""

from __future__ import annotations

import asyncio
import logging
import subprocess

import pytest
from support.collector_http import FakeLog, InProcess
from support.events import event

from meetlat.contract.envelope import STRUCTURED
from meetlat.errors import LogError
from meetlat.metrics import METRICS


async def test_health_says_alive_whatever_the_log_does() -> None:
    asked = InProcess(FakeLog(fault=LogError("the disk is full")))
    assert (await asked.ask("GET", "/healthz")).status == 200


async def test_readiness_follows_the_log_and_gives_the_reason() -> None:
    log = FakeLog()
    asked = InProcess(log)
    assert (await asked.ask("GET", "/readyz")).status == 200
    log.fault = LogError("the disk is full", remedy="free space", retry=True)
    reply = await asked.ask("GET", "/readyz")
    assert (reply.status, reply.json()) == (503, {"error": "the disk is full; free space"})
    assert "retry-after" in reply.headers


async def test_once_stopping_it_is_not_ready_and_takes_no_events() -> None:
    log = FakeLog()
    asked = InProcess(log)
    asked.events.stopping = True
    assert (await asked.ask("GET", "/readyz")).status == 503
    assert (await asked.ask("GET", "/healthz")).status == 200
    reply = await asked.post_one(event())
    assert (reply.status, reply.json()["accepted"]) == (503, 0)
    assert "retry-after" in reply.headers
    assert log.messages == []


async def test_an_unknown_path_is_404_naming_the_addresses() -> None:
    reply = await InProcess(FakeLog()).ask("GET", "/v1/event")
    assert reply.status == 404
    assert "/v1/events" in reply.json()["error"]


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [("GET", "/v1/events", "POST"), ("POST", "/metrics", "GET, HEAD"), ("PUT", "/readyz", "GET")],
)
async def test_another_method_is_405_with_allow(method: str, path: str, allow: str) -> None:
    reply = await InProcess(FakeLog()).ask(method, path)
    assert reply.status == 405
    assert reply.headers["allow"].startswith(allow)


async def test_a_fault_of_its_own_is_500_counted_and_logged_and_the_next_request_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log = FakeLog(fault=RuntimeError("a bug"))  # type: ignore[arg-type] # anything but LogError
    asked = InProcess(log)
    with caplog.at_level(logging.ERROR):
        assert (await asked.post_one(event())).status == 500
    assert "fault of the collector's own" in caplog.text
    assert asked.counters.requests == {("/v1/events", "500"): 1}
    assert asked.events._waiting.held == 0
    log.fault = None
    assert (await asked.post_one(event())).status == 202


async def some_traffic() -> InProcess:
    asked = InProcess(FakeLog())
    await asked.post_batch(event(), event(), b"{}")
    await asked.post_one(b"{}")
    await asked.post(b"", "text/plain")
    await asked.ask("GET", "/user/jan")
    await asked.ask("GET", "/readyz")
    return asked


async def test_metrics_count_requests_and_events() -> None:
    asked = await some_traffic()
    reply = await asked.ask("GET", "/metrics")
    assert reply.status == 200
    assert reply.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = reply.body.decode().splitlines()
    for line in (
        'meetlat_collector_requests_total{code="202",path="/v1/events"} 1.0',
        'meetlat_collector_requests_total{code="400",path="/v1/events"} 1.0',
        'meetlat_collector_requests_total{code="415",path="/v1/events"} 1.0',
        'meetlat_collector_requests_total{code="404",path="other"} 1.0',
        'meetlat_collector_events_total{result="accepted"} 2.0',
        'meetlat_collector_events_total{result="refused"} 3.0',
        "meetlat_collector_append_duration_seconds_count 1.0",
        "meetlat_collector_requests_in_flight 1.0",
    ):
        assert line in lines


async def test_metrics_are_those_of_the_catalogue_with_its_labels_and_nothing_created() -> None:
    asked = await some_traffic()
    families = {family.name: family for family in asked.counters.collect()}
    catalogue = {
        metric.name.removesuffix("_total"): metric
        for metric in METRICS
        if metric.service == "collector"
    }
    assert families.keys() == catalogue.keys()
    for name, family in families.items():
        metric = catalogue[name]
        assert (family.type, family.documentation) == (metric.kind, metric.meaning)
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == set(metric.labels)
    assert b"_created" not in asked.counters.exposition()


async def test_the_path_label_never_repeats_what_a_stranger_asked() -> None:
    asked = await some_traffic()
    assert b"jan" not in asked.counters.exposition()


@pytest.mark.prometheus
async def test_promtool_finds_nothing_to_say_about_the_metrics() -> None:
    asked = await some_traffic()
    said = await asyncio.to_thread(
        subprocess.run,
        ["promtool", "check", "metrics"],
        input=asked.counters.exposition(),
        capture_output=True,
        check=False,
    )
    assert (said.returncode, said.stdout, said.stderr) == (0, b"", b"")


async def test_cancelled_at_the_end_of_a_shutdown_a_request_gets_503_not_a_fault() -> None:
    log = FakeLog()
    log.open.clear()
    asked = InProcess(log)
    answer = asyncio.create_task(asked.post(event(), STRUCTURED))
    while not log.entered:  # noqa: ASYNC110 - one turn of the loop is all it takes
        await asyncio.sleep(0)
    answer.cancel()
    reply = await answer
    assert (reply.status, reply.json()["accepted"]) == (503, 0)
    assert asked.events._waiting.held == 0
