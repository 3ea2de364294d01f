"""The plan of a running aggregator: what its file says, what is in force, and why they differ."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from meetlat.errors import MeetlatError, SettingError
from meetlat.plan.load import Loaded
from meetlat.plan.models import Plan
from meetlat.settings import Settings
from meetlat_aggregator.kpi.plan_file import fault, read_plan, time_zone
from meetlat_aggregator.kpi.watcher import Watcher
from meetlat_aggregator.store import Store

_log = logging.getLogger("meetlat.aggregator")


class Plans:
    """Follows the plan's file. A plan with errors leaves the last good one in force.

    `problem` is why the file is not in force; None when it is, or when there is none.
    """

    def __init__(self, settings: Settings, store: Store, watcher: Watcher | None = None) -> None:
        self._settings = settings
        self._store = store
        self._watcher = watcher or Watcher(settings.file, read_plan, time.monotonic)
        self._good: Loaded | None = None
        self.problem: MeetlatError | None = None

    async def start(self) -> None:
        """Look for the first time. Raises SettingError when two time zones are said, and
        duckdb.Error.
        """
        await self.look()
        if isinstance(self.problem, SettingError):
            raise self.problem
        time_zone(self._settings, self._store.plan)

    async def look(self) -> None:
        """Put in force what the file says, when it changed and has no errors. duckdb.Error."""
        try:
            loaded = await asyncio.to_thread(self._watcher.look)
        except OSError as error:
            self._refuse(
                MeetlatError(
                    f"cannot read the plan {self._settings.file}: {error.strerror}",
                    remedy="mend its rights",
                )
            )
            return
        if loaded is not None:
            problem = fault(self._settings, loaded)
            if problem is not None:
                self._refuse(problem)
            else:
                self.problem = None
                self._good = loaded
        # Also when a rebuild that was under way has put back the plan before it.
        if self._good is not None and self._good.digest != self._store.plan_digest:
            await self._take(self._good)

    def state(self) -> dict[str, Any]:
        """For `meetlat status`."""
        return {
            "file": str(self._settings.file),
            "version": self._store.plan_version if self._store.plan else None,
            "valid": self.problem is None,
            "error": str(self.problem or ""),
        }

    async def _take(self, loaded: Loaded) -> None:
        before = self._store.plan
        taken = await self._store.take_plan(loaded.plan, loaded.digest)
        if loaded.plan is None:
            _log.warning(
                "the plan %s is gone; KPIs go by house defaults until it is back; start in the "
                "folder of the plan, or name it with MEETLAT_CONFIG",
                self._settings.file.absolute(),
            )
        elif taken.changes:
            _log.info(
                "plan %s is in force, version %d, changes: %d; KPIs are computed again from: %s",
                self._settings.file,
                taken.version,
                len(taken.changes),
                taken.recompute_since,
            )
            if _agreed(loaded.plan) and not _agreed(before) and self._store.batches:
                _log.info(
                    "an agreement is in force: whose task it was is kept of what comes in from now "
                    "on; `meetlat rebuild` does so for what came before"
                )

    def _refuse(self, problem: MeetlatError) -> None:
        if str(problem) != str(self.problem or ""):
            kept = "there is none in force"
            if self._store.plan is not None:
                kept = f"version {self._store.plan_version} stays in force"
            _log.warning("the plan cannot be taken, %s: %s", kept, problem)
        self.problem = problem


def _agreed(plan: Plan | None) -> bool:
    return plan is not None and plan.privacy.agreement is not None
