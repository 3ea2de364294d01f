"""The plan of the simulated company: `meetlat.toml` beside this module, on its story's days."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

from meetlat_aggregator.demo.company import Period

NAME = "meetlat.toml"
# Go-live as the file has it: a Monday, like that of every story.
_GO_LIVE = date(2026, 1, 5)
_DATE = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")


def plan_text(period: Period) -> str:
    """The plan for a story of this period: every date lies as far from go-live as in the file."""
    later = period.go_live.date() - _GO_LIVE
    text = Path(__file__).with_name(NAME).read_text("utf-8")
    return _DATE.sub(lambda found: str(date.fromisoformat(found[0]) + later), text)
