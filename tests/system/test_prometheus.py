"""The real Prometheus scrapes collector and aggregator; promtool finds nothing to say."""

from __future__ import annotations

import json
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.kafka import free_port
from support.services import ServiceProcess, services, until

import meetlat

pytestmark = pytest.mark.prometheus


@pytest.fixture
def both(tmp_path: Path) -> Iterator[list[ServiceProcess]]:
    with services(tmp_path, "collect", "aggregate", MEETLAT_PUBLISH_SECONDS="0.2") as started:
        yield started


@pytest.fixture
def prometheus(tmp_path: Path, both: list[ServiceProcess]) -> Iterator[str]:
    """A Prometheus that scrapes both each second; its URL."""
    targets = ", ".join(f"'{service.address}'" for service in both)
    config = tmp_path / "prometheus.yml"
    config.write_text(
        "global: {scrape_interval: 1s}\n"
        "scrape_configs:\n"
        "- job_name: meetlat\n"
        f"  static_configs: [{{targets: [{targets}]}}]\n"
    )
    address = f"127.0.0.1:{free_port()}"
    with (tmp_path / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={config}",
                f"--storage.tsdb.path={tmp_path / 'tsdb'}",
                f"--web.listen-address={address}",
            ],
            stdout=log,
            stderr=log,
        )
    yield f"http://{address}"
    process.terminate()
    process.wait(30)


def ask(prometheus: str, query: str) -> list[dict[str, Any]]:
    url = f"{prometheus}/api/v1/query?query={urllib.parse.quote(query)}"
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
    except OSError:
        return []
    return found


def value(prometheus: str, query: str) -> float:
    found = ask(prometheus, query)
    return float(found[0]["value"][1]) if found else -1.0


def emit_everything(endpoint: str, spool: Path) -> None:
    client = meetlat.Client(endpoint=endpoint, mode="send", spool=spool, use_case="service")
    with client.interaction(tool="chatbot", operation="chat", feature="answer") as call:
        call.first_token()
        call.usage(input_tokens=10, output_tokens=5, cost="0.001", currency="EUR")
    with client.interaction(tool="chatbot") as call:
        call.usage(input_tokens=10, output_tokens=5)
    client.escalate(tool="chatbot", reason="no_answer")
    client.feedback(kind="csat", score=4, scale_min=1, scale_max=5)
    client.used(tool="chatbot", feature="copy")
    client.probe(tool="chatbot", success=True, duration=0.2, interval=60, location="here")
    delivery = client.shutdown(10)
    assert delivery.delivered == delivery.emitted


def test_promtool_finds_nothing_to_say(both: list[ServiceProcess], tmp_path: Path) -> None:
    emit_everything(both[0].url, tmp_path / "spool")
    until(
        lambda: "meetlat_availability_ratio{" in both[1].get("/metrics"), "the events are counted"
    )
    for service in both:
        text = service.get("/metrics")
        done = subprocess.run(
            ["promtool", "check", "metrics"],
            input=text,
            text=True,
            capture_output=True,
            check=False,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), service.name
        assert "_created" not in text


def test_prometheus_scrapes_both_and_a_restart_neither_loses_nor_doubles(
    both: list[ServiceProcess], prometheus: str, tmp_path: Path
) -> None:
    collector, aggregator = both
    until(lambda: value(prometheus, "count(up == 1)") == 2, "both are scraped")
    emit_everything(collector.url, tmp_path / "spool")
    requests = "sum(meetlat_requests_total)"
    until(lambda: value(prometheus, requests) == 2, "the calls are scraped")
    assert value(prometheus, "sum(meetlat_unpriced_requests_total)") == 1
    until(lambda: value(prometheus, "meetlat_probe_success") == 1, "the gauges are read anew")
    observed = "sum(gen_ai_client_operation_duration_seconds_count)"
    assert value(prometheus, observed) == 2
    aggregator.kill()
    aggregator.start()
    until(lambda: value(prometheus, "count(up == 1)") == 2, "both are scraped again")
    until(lambda: value(prometheus, requests) != -1, "a scrape that met no program is over")
    assert value(prometheus, requests) == 2
    assert value(prometheus, f"resets({requests.removeprefix('sum(').removesuffix(')')}[1m])") == 0
