"""Writes a commented plan to begin with, from the template of a pack (`templates/*.toml`)."""

from __future__ import annotations

from datetime import date, timedelta
from importlib.resources import files
from pathlib import Path as File

from meetlat.errors import MeetlatError

PACKS = {
    "quotes": "quotes and documents",
    "hr": "recruiting",
    "service": "customer service",
    "general": "everyday work",
}
# A plan made today: two months to get ready, twelve weeks of work without AI, a first review.
AHEAD, BASELINE, REVIEW = timedelta(weeks=8), timedelta(weeks=12), timedelta(days=35)


def starter(pack: str, today: date) -> str:
    """The text of a plan for a pack; its dates follow from today."""
    text = (files("meetlat.plan") / "templates" / f"{pack}.toml").read_text("utf-8")
    go_live = today + AHEAD
    go_live += timedelta(days=-go_live.weekday() % 7)  # the next Monday
    days = {
        "@GO_LIVE@": go_live,
        "@BASELINE@": go_live - BASELINE,
        "@BASELINE_END@": go_live - timedelta(days=1),
        "@REVIEW@": go_live + REVIEW,
    }
    for mark, day in days.items():
        text = text.replace(mark, day.isoformat())
    return text


def write_starter(file: File, pack: str, today: date) -> None:
    """Write a plan to a new file. Raises MeetlatError when it exists, or cannot be written."""
    try:
        with file.open("x", encoding="utf-8") as out:
            out.write(starter(pack, today))
    except FileExistsError:
        raise MeetlatError(
            f"{file} is there already and was left as it is",
            remedy=f"name another file: meetlat plan init --pack {pack} FILE",
        ) from None
    except OSError as error:
        raise MeetlatError(
            f"cannot write {file}: {error.strerror or error}",
            remedy="name a file in a folder that you may write to",
        ) from None
