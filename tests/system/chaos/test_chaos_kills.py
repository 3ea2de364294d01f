"""kill -9 of collector and aggregator at random moments; the tables are exact afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest
from system.chaos.programs import Moments, kill_at_random, sending, system
from system.chaos.truth import make_story

pytestmark = pytest.mark.timeout(300)


def test_random_kills_of_both_services_cost_and_double_nothing(tmp_path: Path) -> None:
    with system(tmp_path) as running:
        story = make_story(seed=1, events=2000)
        with sending(running, story, pace=0.2):
            kill_at_random(running, Moments(1), kills=8, most=1.2)
            running.append_bad(story.bad)
        running.finish()


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
