"""Meetlat measures whether an AI tool is worth it: wrap its calls, and say what came of them.

    import meetlat

    @meetlat.track(tool="chatbot", use_case="customer-service")
    def answer(question: str) -> str: ...

Everything is configured by environment (docs/settings.md) or `init`. Nothing here raises into,
blocks or slows the program that is measured.
"""

from meetlat._account import Delivery
from meetlat._call import Call
from meetlat._client import Client, Clock
from meetlat._default import default as _default
from meetlat._events import Ref
from meetlat.errors import MeetlatError

init = _default.init
track = _default.track
interaction = _default.interaction
context = _default.context
current = _default.current
escalate = _default.escalate
resolve = _default.resolve
used = _default.used
feedback = _default.feedback
review = _default.review
task = _default.task
support_request = _default.support_request
probe = _default.probe
measure = _default.measure
selection_counts = _default.selection_counts
void = _default.void
emit = _default.emit
flush = _default.flush
shutdown = _default.shutdown
stats = _default.stats

__all__ = [
    "Call",
    "Client",
    "Clock",
    "Delivery",
    "MeetlatError",
    "Ref",
    "context",
    "current",
    "emit",
    "escalate",
    "feedback",
    "flush",
    "init",
    "interaction",
    "measure",
    "probe",
    "resolve",
    "review",
    "selection_counts",
    "shutdown",
    "stats",
    "support_request",
    "task",
    "track",
    "used",
    "void",
]
