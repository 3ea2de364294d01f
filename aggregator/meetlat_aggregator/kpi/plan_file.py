"""Where the aggregator reads the plan from its file, and decides whether it can be in force."""

from __future__ import annotations

import tomllib
from pathlib import Path

from meetlat.errors import MeetlatError, SettingError
from meetlat.plan.load import Loaded, load
from meetlat.plan.models import Plan
from meetlat.settings import TIMEZONE, Settings

NO_PLAN = Loaded(plan=None, problems=(), digest="")


def read_plan(path: Path) -> Loaded:
    """What the file says; NO_PLAN when it is not there, or holds `[settings]` and nothing else.

    Raises OSError when it cannot be read.
    """
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return NO_PLAN
    return NO_PLAN if _says_no_plan(text) else load(path)


def _says_no_plan(text: bytes) -> bool:
    try:
        return set(tomllib.loads(text.decode())) <= {"settings"}
    except ValueError:  # the loader says what is wrong with it, and where
        return False


def fault(settings: Settings, loaded: Loaded) -> MeetlatError | None:
    """Why what was read cannot be in force, in one line; None: it can."""
    errors = [problem for problem in loaded.problems if problem.severity == "error"]
    if errors:
        more = f" (and {len(errors) - 1} more)" if errors[1:] else ""
        return MeetlatError(
            errors[0].text(str(settings.file)) + more, remedy="`meetlat plan check` shows all"
        )
    try:
        time_zone(settings, loaded.plan)
    except SettingError as error:
        return error
    return None


def time_zone(settings: Settings, plan: Plan | None) -> str:
    """The company's time zone: the setting's, else the plan's, else UTC.

    Raises SettingError when both say one, and not the same.
    """
    set_to = settings[TIMEZONE]
    said = ""
    if plan is not None and "timezone" in plan.company.model_fields_set:
        said = plan.company.timezone
    if set_to and said and set_to != said:
        raise SettingError(
            f"{TIMEZONE.env} is {set_to}, and company.timezone in {settings.file} is {said}",
            remedy="say it in one of the two places, the plan is the better one",
        )
    return set_to or said or "UTC"
