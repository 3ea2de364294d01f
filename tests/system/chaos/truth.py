"""What a seed makes senders send, and what the tables must say of it.

Everything here is plain Python over the events themselves: dictionaries, `Decimal` and `math.log`.
Nothing is shared with the aggregator, so that both can only agree by both being right.
"""

from __future__ import annotations

import json
import math
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

WINDOW = timedelta(days=7)
Identity = tuple[str, str, str]
Row = tuple[Any, ...]
Table = dict[Row, Row]

_USE_CASES = (("support", "chatbot", "chat"), ("quotes", "writer", "generate"), ("", "cv", "rank"))
_BAD = (b"", b"\xff\xfe", b"no json", b"{}", b'{"specversion":"1.0"}', b"[1,2]", b"null", b"\0\0")


@dataclass(frozen=True)
class Parcel:
    """One request: events as bytes, and which of them the collector has to refuse."""

    events: list[bytes]
    refused: frozenset[int] = frozenset()


@dataclass
class Story:
    """What is sent. `parcels` go to the collector or the log, `bad` to the log itself."""

    parcels: list[Parcel]
    bad: list[bytes]
    by_value: dict[bytes, dict[str, Any]] = field(default_factory=dict)

    @property
    def refused(self) -> int:
        """How many events the collector must not take."""
        return sum(len(parcel.refused) for parcel in self.parcels)

    def taken(self) -> list[bytes]:
        """All that is to be in the log at least once, in the order of sending, doubles included."""
        return [
            value
            for parcel in self.parcels
            for index, value in enumerate(parcel.events)
            if index not in parcel.refused
        ]


def identity(event: Mapping[str, Any]) -> Identity:
    """An event's identity."""
    return event["source"], event["id"], event["time"]


def make_story(
    seed: int,
    events: int = 1000,
    parcel: int = 50,
    now: datetime | None = None,
    refuse: bool = True,
) -> Story:
    """A story of about so many events, in parcels, all before `now`.

    Of a hundred: about 6 doubles (in the same request and later ones), 4 withdrawals (before and
    after what they withdraw), 4 that come too late, 6 of history, 3 of no known type or of another
    environment; and 1 that the collector refuses.
    """
    chance = random.Random(seed)
    now = now or datetime.now(UTC)
    # A seed may be told twice on one data directory: its ids say when.
    maker = _Maker(chance, now, f"{seed}-{int(now.timestamp() * 1_000_000)}")
    line: list[dict[str, Any]] = []
    for _ in range(events):
        kind = chance.random()
        if kind < 0.06 and line:
            line.append(chance.choice(line))
        elif kind < 0.10 and line:
            line.append(maker.void(chance.choice(line)))
        else:
            line.append(maker.event())
    # Some withdrawals overtake what they withdraw.
    for at, event in enumerate(list(line)):
        if event["type"] == "meetlat.void.v1" and chance.random() < 0.3:
            line.insert(chance.randrange(at + 1), line.pop(at))
    parcels = []
    by_value = {}
    for start in range(0, len(line), parcel):
        values = []
        refused = set()
        for event in line[start : start + parcel]:
            value = json.dumps(event, separators=(",", ":")).encode()
            by_value[value] = event
            values.append(value)
            if refuse and chance.random() < 0.01:
                refused.add(len(values))
                values.append(maker.refused())
        parcels.append(Parcel(values, frozenset(refused)))
    bad = [chance.choice(_BAD) for _ in range(max(2, events // 100))]
    return Story(parcels, bad, by_value)


class _Maker:
    """Makes events. Durations are whole microseconds, so that their sums are exact."""

    def __init__(self, chance: random.Random, now: datetime, prefix: str) -> None:
        self._chance = chance
        self._now = now
        self._prefix = prefix
        self._made = 0

    def event(self) -> dict[str, Any]:
        """An event of some type, of some age."""
        chance = self._chance
        age = timedelta(seconds=chance.uniform(1, 5 * 86_400))
        history = False
        when = chance.random()
        if when < 0.04:
            age = timedelta(days=chance.uniform(8, 20))
        elif when < 0.10:
            age, history = timedelta(days=chance.uniform(30, 400)), True
        makers = (self._interaction, self._escalation, self._feedback, self._task, self._probe)
        (make,) = chance.choices(makers, weights=(70, 6, 6, 12, 6))
        name, data = make()
        if chance.random() < 0.02:
            data["environment"] = "staging"
        if chance.random() < 0.01:
            name = "walk"
        return self._envelope(name, data, self._now - age, history=history)

    def void(self, target: Mapping[str, Any]) -> dict[str, Any]:
        """The withdrawal of an event (withdrawing a withdrawal has no effect)."""
        source, event_id, time = identity(target)
        data = {"target_source": source, "target_id": event_id, "target_time": time}
        return self._envelope("void", data, self._now - timedelta(seconds=1))

    def refused(self) -> bytes:
        """An event that does not fit the contract."""
        event = self._envelope("interaction", {"tool": "t", "status": "ok"}, self._now)
        event["data"]["duration"] = -1
        return json.dumps(event).encode()

    def _envelope(
        self, name: str, data: dict[str, Any], time: datetime, *, history: bool = False
    ) -> dict[str, Any]:
        self._made += 1
        event = {
            "specversion": "1.0",
            "id": f"{self._prefix}-{self._made}",
            "source": f"/app/{self._chance.randrange(4)}",
            "type": f"meetlat.{name}.v1",
            "time": time.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "data": data,
        }
        if history:
            event["meetlathistory"] = True
        return event

    def _where(self) -> dict[str, Any]:
        use_case, tool, _ = self._chance.choice(_USE_CASES)
        return {"tool": tool, **({"use_case": use_case} if use_case else {})}

    def _seconds(self) -> float:
        return self._micros() / 1_000_000

    def _micros(self) -> int:
        return 0 if self._chance.random() < 0.02 else int(self._chance.lognormvariate(14, 1.5))

    def _interaction(self) -> tuple[str, dict[str, Any]]:
        chance = self._chance
        use_case, tool, operation = chance.choice(_USE_CASES)
        data: dict[str, Any] = {
            "tool": tool,
            "operation": operation,
            "status": chance.choices(("ok", "error", "timeout"), weights=(90, 7, 3))[0],
            "model": chance.choice(("small", "large")),
            "session": f"s{chance.randrange(200)}",
        }
        if use_case:
            data["use_case"] = use_case
        if chance.random() < 0.95:
            data["duration"] = self._seconds()
        if chance.random() < 0.3:
            data |= {"streamed": True, "first_token": self._seconds()}
        if chance.random() < 0.9:
            data |= {"input_tokens": chance.randrange(4000), "output_tokens": chance.randrange(900)}
        if chance.random() < 0.6:
            data |= {"cost": str(Decimal(chance.randrange(10**9)).scaleb(-9)), "currency": "EUR"}
        return "interaction", data

    def _escalation(self) -> tuple[str, dict[str, Any]]:
        chance = self._chance
        return "escalation", {
            **self._where(),
            "reason": chance.choice(("no_answer", "policy")),
            "session": f"s{chance.randrange(200)}",
        }

    def _feedback(self) -> tuple[str, dict[str, Any]]:
        chance = self._chance
        data: dict[str, Any] = {**self._where(), "kind": "csat", "asked": chance.random() < 0.5}
        if chance.random() < 0.8:
            data |= {"score": chance.randint(1, 5), "scale_min": 1, "scale_max": 5}
        return "feedback", data

    def _task(self) -> tuple[str, dict[str, Any]]:
        chance = self._chance
        data: dict[str, Any] = {
            **self._where(),
            "process": chance.choice(("quote", "vacancy")),
            "case": f"c{chance.randrange(60)}",
        }
        if chance.random() < 0.7:
            data["handling"] = self._seconds()
        if chance.random() < 0.5:
            data["outcome"] = chance.choice(("won", "lost"))
        return "task", data

    def _probe(self) -> tuple[str, dict[str, Any]]:
        chance = self._chance
        data = {**self._where(), "success": chance.random() < 0.9, "interval": 60}
        if chance.random() < 0.8:
            data["duration"] = self._seconds()
        return "probe", data


# --- the tables


@dataclass(frozen=True)
class Judged:
    """What the log's records came to: the events that count, and the account of everything."""

    counted: list[dict[str, Any]]
    health: Table
    events_total: Counter[tuple[str, str]]
    refused: int
    dead: dict[str, bytes]


def judge(records: Iterable[Any], topic: str, known: Mapping[bytes, dict[str, Any]]) -> Judged:
    """Judge a log from its beginning to its end. Doubles and withdrawals know no order."""
    events: list[tuple[dict[str, Any], datetime]] = []
    dead: dict[str, bytes] = {}
    refused: dict[tuple[str, str], int] = {}
    health: defaultdict[Row, Counter[str]] = defaultdict(Counter)
    totals: Counter[tuple[str, str]] = Counter()
    for record in records:
        event = known.get(record.value) or _report(record.value)
        if event is None:
            dead[f"{topic}/{record.partition}/{record.offset}"] = record.value
            totals["", "dead"] += 1
            continue
        if "report" in event["type"]:
            told = event["data"]
            so_far = sum((told.get("refused") or {}).values())
            key = (event["source"], told["started"])
            refused[key] = max(refused.get(key, 0), so_far)
        events.append((event, datetime.fromtimestamp(record.append_time / 1_000_000, UTC)))
    withdrawn = {
        (data["target_source"], data["target_id"], data["target_time"])
        for event, appended in events
        if event["type"] == "meetlat.void.v1" and not _is_late(event, appended)
        for data in (event["data"],)
    }
    seen: set[Identity] = set()
    counted = []
    for event, appended in events:
        name = identity(event)
        if _is_late(event, appended):
            verdict = "late"
        elif name in seen:
            verdict = "duplicate"
        else:
            seen.add(name)
            immune = event["type"] == "meetlat.void.v1" or "report" in event["type"]
            verdict = "void" if name in withdrawn and not immune else "counted"
            if verdict == "counted":
                counted.append(event)
        row = health[_hour(event), event["source"]]
        row["received"] += 1
        row[verdict] += 1
        if verdict == "counted":
            row["unpriced"] += _is_unpriced(event)
        # Whether a withdrawn event was counted first depends on which of the two came first.
        totals[event["type"], "counted" if verdict == "void" else verdict] += 1
    names = ("received", "counted", "duplicate", "late", "void", "unpriced")
    table = {key: tuple(row[name] for name in names) for key, row in health.items()}
    return Judged(counted, table, totals, sum(refused.values()), dead)


def expected_tables(events: Sequence[Mapping[str, Any]]) -> dict[str, Table]:
    """The published tables of the events that count."""
    told: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for event in events:
        if event["data"].get("environment", "production") == "production":
            told[event["type"].split(".")[1]].append(event)
    return {
        "interactions_hourly": _sums(map(_of_interaction, told["interaction"])),
        "duration_histogram": _sums(
            row for event in told["interaction"] for row in _waits(event)
        ),
        "escalations_daily": _sums(
            ((_day(e), _said(e, "use_case"), _said(e, "reason")), (1,)) for e in told["escalation"]
        ),
        "feedback_daily": _sums(map(_of_feedback, told["feedback"])),
        "probes_hourly": _sums(map(_of_probe, told["probe"])),
        "tasks_daily": _of_tasks(told["task"]),
        "conversations_daily": _of_conversations(told["interaction"], told["escalation"]),
    }  # fmt: skip


# The published columns in the shape of `expected_tables`: what a row is about, and its measures.
COLUMNS = {
    "interactions_hourly": (
        "hour use_case tool model operation status currency",
        (
            "requests on_time duration_sum duration_count first_token_sum first_token_count "
            "input_tokens output_tokens usage_requests cost priced_requests unpriced_requests"
        ),
    ),
    "duration_histogram": ("hour use_case status measure bucket", "count"),
    "escalations_daily": ("day use_case reason", "escalations"),
    "feedback_daily": ("day use_case", "events asked scores score_sum score_squares"),
    "probes_hourly": (
        "hour tool", "probes successes failures covered downtime duration_sum duration_count",
    ),
    "tasks_daily": ("day use_case process outcome state", "tasks handling_sum handling_count"),
    "conversations_daily": ("day", "conversations turns_sum handed_over"),
    "data_health": ("hour source", "received counted duplicate late void unpriced"),
}  # fmt: skip


def query(table: str) -> str:
    """The published table, added up to the columns that are compared."""
    keys, measures = (names.split() for names in COLUMNS[table])
    shown = ", ".join([*keys, *(f'sum("{name}")' for name in measures)])
    # Dead letters have no source, and are compared apart.
    where = "WHERE received > 0 AND source != ''" if table == "data_health" else ""
    return f"SELECT {shown} FROM {table} {where} GROUP BY ALL"


def _of_interaction(event: Mapping[str, Any]) -> tuple[Row, Row]:
    data = event["data"]
    names = ("use_case", "tool", "model", "operation", "status", "currency")
    wait, first = _us(data.get("duration")), _us(data.get("first_token"))
    limit = 30_000_000 if data["operation"] == "generate" else 3_000_000
    tokens, cost = data.get("input_tokens"), data.get("cost")
    return (_hour(event), *(_said(event, name) for name in names)), (
        1,
        int(data["status"] == "ok" and wait is not None and wait <= limit),
        wait or 0,
        int(wait is not None),
        first or 0,
        int(first is not None),
        tokens or 0,
        data.get("output_tokens", 0),
        int(tokens is not None),
        Decimal(cost or 0),
        int(cost is not None),
        int(cost is None and tokens is not None),
    )


def _waits(event: Mapping[str, Any]) -> Iterable[tuple[Row, Row]]:
    data = event["data"]
    for measure in ("duration", "first_token"):
        wait = _us(data.get(measure))
        if wait is not None:
            bucket = math.ceil(math.log(wait) / math.log(1.01 / 0.99)) if wait else -1
            yield (_hour(event), _said(event, "use_case"), data["status"], measure, bucket), (1,)


def _of_feedback(event: Mapping[str, Any]) -> tuple[Row, Row]:
    data = event["data"]
    score = data.get("score")
    return (_day(event), _said(event, "use_case")), (
        1, int(data["asked"]), int(score is not None), score or 0, (score or 0) ** 2,
    )  # fmt: skip


def _of_probe(event: Mapping[str, Any]) -> tuple[Row, Row]:
    data = event["data"]
    wait = _us(data.get("duration"))
    up = data["success"]
    return (_hour(event), data["tool"]), (
        1, int(up), int(not up), 60_000_000, 0 if up else 60_000_000, wait or 0,
        int(wait is not None),
    )  # fmt: skip


def _of_tasks(events: Sequence[Mapping[str, Any]]) -> Table:
    """Each field of a task keeps the value of the latest event that says it."""
    tasks: defaultdict[Row, dict[str, Any]] = defaultdict(dict)
    for event in sorted(events, key=lambda e: (e["time"], e["source"], e["id"])):
        data = event["data"]
        tasks[_said(event, "use_case"), data["process"], data["case"]] |= {
            **data,
            "day": _day(event),
        }
    return _sums(
        (
            (task["day"], key[0], key[1], task.get("outcome", ""), "open"),
            (1, _us(task.get("handling")) or 0, int("handling" in task)),
        )
        for key, task in tasks.items()
    )


def _of_conversations(
    interactions: Sequence[Mapping[str, Any]], escalations: Sequence[Mapping[str, Any]]
) -> Table:
    sessions: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for event in (*interactions, *escalations):
        sessions[event["data"]["session"]].append(event)
    rows = []
    for told in sessions.values():
        turns = sum("interaction" in event["type"] for event in told)
        rows.append(((min(map(_day, told)),), (1, turns, int(turns < len(told)))))
    return _sums(rows)


def _sums(rows: Iterable[tuple[Row, Row]]) -> Table:
    table: Table = {}
    for key, measures in rows:
        before = table.get(key, (0,) * len(measures))
        table[key] = tuple(a + b for a, b in zip(before, measures, strict=True))
    return table


def _report(value: bytes) -> dict[str, Any] | None:
    """The collector's own account, which it appends about once a minute."""
    if b"meetlat.collector_report.v1" not in value:
        return None
    found: dict[str, Any] = json.loads(value)
    return found


def _is_late(event: Mapping[str, Any], appended: datetime) -> bool:
    return "meetlathistory" not in event and appended - _time(event) > WINDOW


def _is_unpriced(event: Mapping[str, Any]) -> bool:
    data = event["data"]
    production = data.get("environment", "production") == "production"
    priced = "cost" in data or "input_tokens" not in data
    return "interaction" in event["type"] and production and not priced


def _time(event: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(event["time"])


def _hour(event: Mapping[str, Any]) -> datetime:
    return _time(event).replace(minute=0, second=0, microsecond=0, tzinfo=None)


def _day(event: Mapping[str, Any]) -> Any:
    return _time(event).date()


def _said(event: Mapping[str, Any], name: str) -> str:
    return str(event["data"].get(name, ""))


def _us(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1_000_000)
