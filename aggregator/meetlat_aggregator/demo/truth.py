"""The true figures of the company, in plain Python, from what happened there.

Nothing of the aggregator is used here: `counted.sql` asks the tables for the same figures. All
values are whole numbers or exact decimals; times are in seconds, money in its currency.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from meetlat_aggregator.demo.mishaps import Delivery
from meetlat_aggregator.demo.people import people_figures
from meetlat_aggregator.demo.story import Happening

Figures = dict[tuple[str, str], Decimal]
"""(use case, figure) → value. A figure that is missing is zero."""

_MICRO = Decimal(1).scaleb(-6)
_NANO = Decimal(1).scaleb(-9)


def true_figures(deliveries: Iterable[Delivery]) -> Figures:
    """What the tables have to show when everything was delivered."""
    figures: Figures = defaultdict(Decimal)
    deliveries = list(deliveries)
    happenings = [d.happening for d in deliveries if d.fate == "counted"]
    for kind, count in _COUNTERS.items():
        for happening in happenings:
            if happening.kind == kind:
                count(figures, happening)
    _conversations(figures, happenings)
    _tasks(figures, [h for h in happenings if h.kind == "task"])
    for key, number in people_figures(happenings).items():
        figures[key] += number
    for delivery in deliveries:
        if delivery.fate in _FATES:
            figures[delivery.happening.tool.use_case, _FATES[delivery.fate]] += 1
    return figures


_FATES = {
    # Tests are kept, though no figure above counts them.
    "counted": "events counted",
    "test": "events counted",
    "duplicate": "sent twice, not counted again",
    "late": "weeks late, not counted",
    "withdrawn": "withdrawn",
}


def _call(figures: Figures, happening: Happening) -> None:
    use_case, f = happening.tool.use_case, happening.fields
    limit = 30_000_000 if f["operation"] == "generate" else 3_000_000
    figures[use_case, "calls"] += 1
    figures[use_case, "calls that failed"] += f["status"] in ("error", "timeout")
    figures[use_case, "calls in time"] += f["status"] == "ok" and f["duration"] <= limit
    figures[use_case, "waiting for answers, s"] += f["duration"] * _MICRO
    figures[use_case, "waiting for first words, s"] += f.get("first_token", 0) * _MICRO
    figures[use_case, "tokens in"] += f.get("input_tokens", 0)
    figures[use_case, "tokens from cache"] += f.get("cache_read_tokens", 0)
    figures[use_case, "tokens to cache"] += f.get("cache_write_tokens", 0)
    figures[use_case, "tokens out"] += f.get("output_tokens", 0)
    figures[use_case, "priced calls"] += "cost" in f
    figures[use_case, "cost, EUR"] += f.get("cost", 0) * _NANO
    figures[use_case, "calls without a price"] += "output_tokens" in f and "cost" not in f


def _escalation(figures: Figures, happening: Happening) -> None:
    figures[happening.tool.use_case, "handed over to people"] += 1


def _usage(figures: Figures, happening: Happening) -> None:
    figures[happening.tool.use_case, "features used"] += happening.fields.get("count", 1)


def _feedback(figures: Figures, happening: Happening) -> None:
    use_case, f = happening.tool.use_case, happening.fields
    figures[use_case, f"invitations, {f['kind']}"] += f.get("asked", False)
    if "score" in f:
        figures[use_case, f"scores, {f['kind']}"] += 1
        figures[use_case, f"sum of scores, {f['kind']}"] += int(f["score"])


def _review(figures: Figures, happening: Happening) -> None:
    use_case, f = happening.tool.use_case, happening.fields
    figures[use_case, "outputs checked"] += 1
    figures[use_case, "outputs found right"] += f["correct"]
    figures[use_case, "reworking outputs, s"] += f.get("rework", 0)


def _probe(figures: Figures, happening: Happening) -> None:
    use_case, f = happening.tool.use_case, happening.fields
    figures[use_case, "availability checks"] += 1
    if not f["success"]:
        figures[use_case, "out of order, s"] += f["interval"]


def _selection(figures: Figures, happening: Happening) -> None:
    f = happening.fields
    key = happening.tool.use_case, f"people {f['stage']}"
    figures[key] += sum(f["counts"].values())


def _support(figures: Figures, happening: Happening) -> None:
    figures[happening.tool.use_case, "questions about the tool"] += 1


def _measurement(figures: Figures, happening: Happening) -> None:
    f = happening.fields
    figures[happening.tool.use_case, f"reported: {f['name']}"] += Decimal(f["value"])


_COUNTERS = {
    "interaction": _call,
    "escalate": _escalation,
    "used": _usage,
    "feedback": _feedback,
    "review": _review,
    "probe": _probe,
    "selection_counts": _selection,
    "support_request": _support,
    "measure": _measurement,
}


def _tasks(figures: Figures, updates: list[Happening]) -> None:
    """A task is what its updates say, the later ones over the earlier; finished ones count."""
    tasks: defaultdict[tuple[str, ...], dict[str, Any]] = defaultdict(dict)
    for update in sorted(updates, key=lambda h: (h.time, h.id)):
        f = update.fields
        key = (update.tool.use_case, f["process"], f.get("step", ""), f["case"])
        tasks[key].update(f)
    for (use_case, process, step, _), task in tasks.items():
        if "finished" not in task:
            figures[use_case, f"{process}: still open"] += not step
            continue
        how = "with AI" if task["assisted"] else "by hand"
        name = f"{process}, {step}" if step else f"{process}: {how}"
        figures[use_case, name] += 1
        figures[use_case, f"{name}, work, s"] += task["handling"]
        if step:
            continue
        figures[use_case, f"{process}: errors"] += task.get("errors", 0)
        if task.get("outcome") == "won":
            figures[use_case, f"{process}: value won, EUR"] += Decimal(task["value"])
        # A withdrawn request leaves the start of the work as the beginning.
        begun = task.get("requested", task.get("started"))
        if begun is not None:
            waited = (task["finished"] - begun) // timedelta(microseconds=1)
            figures[use_case, f"{name}, request to end, s"] += waited * _MICRO


def _conversations(figures: Figures, happenings: list[Happening]) -> None:
    sessions: defaultdict[tuple[str, str], list[Happening]] = defaultdict(list)
    for happening in happenings:
        if happening.kind in ("interaction", "escalate", "resolve"):
            session = happening.fields.get("session")
            if session is not None:
                sessions[happening.tool.use_case, session].append(happening)
    for (use_case, _), talk in sessions.items():
        ends = [h for h in sorted(talk, key=lambda h: (h.time, h.id)) if h.kind == "resolve"]
        last = ends[-1].fields if ends else {}
        figures[use_case, "conversations"] += 1
        figures[use_case, "conversations handed over"] += any(h.kind == "escalate" for h in talk)
        figures[use_case, "solved by the bot"] += (
            last.get("outcome") == "resolved" and last.get("by") == "bot"
        )
