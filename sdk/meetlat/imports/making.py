"""Makes events of tasks: valid CloudEvents whose ids say the same at every import.

An id is made of the map's version, the number of rows and the case. Of two events of one case with
the same time the aggregator believes the greater id: the one of a later map, or of more rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from hashlib import blake2b
from typing import Any

import msgspec

from meetlat._values import rfc3339
from meetlat.contract.envelope import HISTORY, read_event
from meetlat.contract.fast import read_fast
from meetlat.imports.mapping import MILESTONES, Map
from meetlat.imports.moments import SECOND
from meetlat.imports.tasks import Task

Worker = Callable[[str], str | None]


class Maker:
    """Makes the events of one log. `worker` gives a worker's pseudonym, or None to leave it out.

    `without` counts the tasks of which no event was made, by the reason.
    """

    def __init__(self, said: Map, worker: Worker | None = None) -> None:
        self.without: Counter[str] = Counter()
        self._said = said
        self._worker = worker
        self._type = f"meetlat.{said.emit}.v1"

    def event(self, task: Task) -> bytes | None:
        """The event of a task; None when there is none to make yet. Raises RefusedError."""
        data = self._task(task) if self._said.emit == "task" else self._resolution(task)
        if data is None:
            return None
        value = msgspec.json.encode(
            {
                "specversion": "1.0",
                "id": self._id(task),
                "source": f"/import/{self._said.name}",
                "type": self._type,
                "time": _text(task.time),
                HISTORY: True,
                "data": {name: said for name, said in data.items() if said is not None},
            }
        )
        if read_fast(value) is None:
            read_event(value)
        return value

    def _id(self, task: Task) -> str:
        said = self._said
        key = (said.emit, said.use_case, said.process, task.step, task.case)
        hashed = blake2b(msgspec.json.encode(key), digest_size=16).hexdigest()
        return f"v{said.version:05d}-r{task.rows:07d}-{hashed}"

    def _common(self, task: Task) -> dict[str, Any]:
        user = None if self._worker is None or not task.worker else self._worker(task.worker)
        return {
            "use_case": self._said.use_case,
            "case": task.case,
            "team": task.team,
            "segment": task.segment,
            "user": user,
        }

    def _task(self, task: Task) -> dict[str, Any]:
        return {
            **self._common(task),
            "process": self._said.process,
            "step": task.step,
            "assisted": self._said.assisted,
            **{
                name: _text(at) for name in MILESTONES if (at := task.moments.get(name)) is not None
            },
            "handling": None if task.handling is None else task.handling / SECOND,
            "revisions": task.revisions,
            "outcome": task.outcome,
            "value": task.value,
            "currency": task.currency,
        }

    def _resolution(self, task: Task) -> dict[str, Any] | None:
        if self._said.milestones.finished is not None and "finished" not in task.moments:
            self.without["not yet ended"] += 1
            return None
        if task.outcome is None:
            self.without["without an outcome"] += 1
            return None
        ending = self._said.resolution
        more = {} if ending is None else ending.model_dump()
        return {**self._common(task), "outcome": task.outcome, "by": "human", **more}


def _text(microseconds: int) -> str:
    return rfc3339(microseconds * 1000)
