"""kill -9 of collector and aggregator at random moments; the tables are exact afterwards."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from support.services import until
from system.chaos.programs import Moments, Victim, kill_at_random, sending, system
from system.chaos.truth import make_story

pytestmark = pytest.mark.timeout(300)


def test_random_kills_of_both_services_cost_and_double_nothing(tmp_path: Path) -> None:
    with system(tmp_path) as running:
        story = make_story(seed=1, events=1500)
        with sending(running, story, pace=0.2):
            kill_at_random(running, Moments(1), kills=8, most=1.2)
            running.append_bad(story.bad)
        running.finish()


def children(pid: int) -> dict[str, int]:
    """Subcommand → process id of the programs that `meetlat up` runs."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().decode().split("\0")
            state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(parent) == pid and state != "Z" and "meetlat.commands.child" in words:
            found[words[words.index("meetlat.commands.child") + 1]] = int(entry.name)
    return found


def test_kills_of_up_and_of_its_programs_cost_and_double_nothing(tmp_path: Path) -> None:
    with system(tmp_path) as running:
        up = Victim("up", running.environ, tmp_path / "up.log")
        listen = {
            "MEETLAT_COLLECTOR_LISTEN": running.collector.address,
            "MEETLAT_AGGREGATOR_LISTEN": running.aggregator.address,
        }
        moments = Moments(2)
        story = make_story(seed=2, events=600)
        up.launch(**listen)
        try:
            with sending(running, story, pace=0.3):
                for name in ("aggregate", "collect"):
                    until(lambda: len(children(up.pid)) == 2, "both run", said=up.said)
                    moments.wait(1.5)
                    os.kill(children(up.pid)[name], signal.SIGKILL)
                moments.wait(1)
                orphans = children(up.pid)
                up.kill()
                until(lambda: not any(map(alive, orphans.values())), "they ended", said=up.said)
                up.launch(**listen)
            until(lambda: "meetlat is up" in up.said(), "it is up again", said=up.said)
            assert up.terminate() == 0, up.said()
        finally:
            up.end()
        running.append_bad(story.bad)
        running.finish(rebuild=False)


def alive(pid: int) -> bool:
    """Whether a process is there and has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.soak
@pytest.mark.timeout(0)
@pytest.mark.parametrize("seed", range(100, 107))
def test_a_hundred_random_kills(tmp_path: Path, seed: int) -> None:
    with system(tmp_path) as running:
        story = make_story(seed, events=6000)
        with sending(running, story, pace=0.5):
            kill_at_random(running, Moments(seed), kills=100, most=2.5)
            running.append_bad(story.bad)
        running.finish()
