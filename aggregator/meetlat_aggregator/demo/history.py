"""The whole simulated history: every story, in the order of time, with its mishaps."""

from __future__ import annotations

from meetlat_aggregator.demo.company import Period
from meetlat_aggregator.demo.hr import Recruitment
from meetlat_aggregator.demo.mishaps import Delivery, with_mishaps
from meetlat_aggregator.demo.quotes import Quotes
from meetlat_aggregator.demo.service import Service
from meetlat_aggregator.demo.story import happened

STORIES = (Service, Quotes, Recruitment)


def make_history(period: Period, seed: int) -> list[Delivery]:
    """What is sent, in this order. The same for the same period and seed."""
    stories = [story(seed).history(period) for story in STORIES]
    return with_mishaps(list(happened(stories, period)), period, seed)
