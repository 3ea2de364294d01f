"""The rest after a publication is a share of the work, however long the process was stopped."""

from __future__ import annotations

import asyncio

import pytest

from meetlat_aggregator.pace import LOOK_SECONDS, Pace


class Times:
    """Clocks that move when a test says so, and while somebody sleeps."""

    def __init__(self) -> None:
        self.now, self.work = 100.0, 7.0
        self.catches_up_at = float("inf")
        self.slept = 0.0

    def pace(self) -> Pace:
        return Pace(lambda: self.now < self.catches_up_at, lambda: self.now, self.worked, self.rest)

    def caught_up(self) -> None:
        self.catches_up_at = 0.0

    def worked(self) -> float:
        return self.work

    def does(self, passed: float, worked: float) -> None:
        self.now += passed
        self.work += worked

    async def rest(self, seconds: float) -> None:
        assert seconds <= LOOK_SECONDS
        self.slept += seconds
        self.now += seconds


@pytest.mark.parametrize(
    ("passed", "worked", "least", "rest"),
    [
        (4.0, 4.0, 1.0, 12.0),
        (4.0, 6.0, 1.0, 12.0),  # two threads worked
        (0.1, 0.1, 5.0, 5.0),
        (36.5, 0.5, 1.0, 1.5),  # stopped for 36 s
        (3600.0, 0.0, 1.0, 1.0),
    ],
)
def test_the_rest_is_three_times_the_work_and_not_the_time_that_the_process_was_stopped(
    passed: float, worked: float, least: float, rest: float
) -> None:
    times = Times()
    times.caught_up()
    pace = times.pace()
    pace.begin()
    times.does(passed, worked)
    asyncio.run(pace.rest(least))
    assert times.slept == pytest.approx(rest)


def test_each_rest_is_of_its_own_work() -> None:
    times = Times()
    times.caught_up()
    pace = times.pace()
    times.does(50.0, 50.0)
    pace.begin()
    times.does(2.0, 2.0)
    asyncio.run(pace.rest(1.0))
    assert times.slept == pytest.approx(6.0)


def test_while_batches_wait_it_rests_longer_and_notices_when_they_do_not() -> None:
    times = Times()
    pace = times.pace()
    times.does(1.0, 1.0)
    times.catches_up_at = times.now + 5.0
    asyncio.run(pace.rest(1.0))
    assert times.slept == pytest.approx(6.0), "three looks, of the sixteen seconds that it was for"


def test_it_rests_sixteen_times_as_long_while_batches_wait() -> None:
    times = Times()
    pace = times.pace()
    times.does(1.0, 1.0)
    asyncio.run(pace.rest(1.0))
    assert times.slept == pytest.approx(16.0)
