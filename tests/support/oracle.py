"""What the tables have to hold after a story, in plain Python: no SQL, no batches, no merging.

Written from the contract and from what each column says it is, and sharing nothing with the
aggregator, so that a mistake that is the same however the log is read shows as well.
"""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext
from typing import Any

from support.aggregating import Bench, Sent

Key = tuple[Any, ...]
Row = dict[str, Any]
WINDOW = timedelta(days=7)
AHEAD = timedelta(minutes=5)
WHERE = ("use_case", "tool", "feature", "team", "segment")
ACCOUNTS = ("sdk_report", "collector_report")
STAMPS, LAST = "(stamps)", "(last)"  # beside the columns of a row


@dataclass(frozen=True)
class Told:
    """One event that was read."""

    kind: str
    time: datetime
    source: str
    id: str
    data: Mapping[str, Any]

    @property
    def identity(self) -> Key:
        return (self.source, self.id, self.time)

    @property
    def hour(self) -> datetime:
        return self.time.replace(minute=0, second=0, microsecond=0)

    @property
    def in_production(self) -> bool:
        return bool(self.data.get("environment", "production") == "production")

    def said(self, *names: str) -> Key:
        """Dimensions as text, '' where one is absent."""
        texts = (self.data.get(name) for name in names)
        return tuple(
            "" if t is None else str(t).lower() if isinstance(t, bool) else t for t in texts
        )


class Oracle:
    """Reads a story whose records are whole events, or no JSON objects with an `id` at all."""

    def __init__(self, story: Sequence[Sent]) -> None:
        self.rows: defaultdict[str, dict[Key, Row]] = defaultdict(dict)
        taken = list(self._judged(story))
        withdrawn = {
            (v.data["target_source"], v.data["target_id"], _time(v.data["target_time"]))
            for v in taken
            if v.kind == "void" and v.in_production
        }
        for source, id_, time in withdrawn:
            self._at("voids", {"time": time, "source": source, "id": id_}, {})
        known: set[Key] = set()
        for one in taken:
            verdict = "counted"
            if one.identity in known:
                verdict = "duplicate"
            elif one.identity in withdrawn and one.kind not in ("void", *ACCOUNTS):
                verdict = "void"
            known.add(one.identity)
            self._health(one.hour, one.source, verdict)
            if verdict == "counted" and (one.in_production or one.kind in ACCOUNTS):
                getattr(self, f"_{one.kind}", lambda _: None)(one)

    def table(self, name: str) -> Counter[Key]:
        """The rows of a table: (column, value) pairs by name."""
        return Counter(
            _frozen({n: v for n, v in row.items() if n not in (STAMPS, LAST)})
            for row in self.rows[name].values()
        )

    def _judged(self, story: Sequence[Sent]) -> Iterator[Told]:
        """Events that are neither dead nor late; the others are put to their account."""
        for one in story:
            appended = one.appended.astimezone(UTC).replace(tzinfo=None)
            try:
                tree = json.loads(one.value)
                told = Told(
                    tree["type"].split(".")[1],
                    _time(tree["time"]),
                    tree["source"],
                    tree["id"],
                    {k: v for k, v in tree["data"].items() if v is not None},
                )
            except (ValueError, KeyError, TypeError):
                told = None
            if told is None or told.time - appended > AHEAD:
                self._health(appended.replace(minute=0, second=0, microsecond=0), "", "dead")
            elif not tree.get("meetlathistory") and appended - told.time > WINDOW:
                self._health(told.hour, told.source, "late")
                key = {"partition": one.partition, "offset": one.offset}
                more = {"time": told.time, "append_time": appended, "type": tree["type"]}
                self._at("late", key, {**more, "source": told.source, "id": told.id})
            else:
                yield told

    def _at(self, table: str, key: Row, first: Row) -> Row:
        return self.rows[table].setdefault(tuple(key.values()), {**key, **first})

    def _add(self, table: str, names: Sequence[str], key: Key, measures: Row) -> None:
        row = self._at(table, dict(zip(names, key, strict=True)), {})
        with localcontext(prec=60):
            for name, value in measures.items():
                row[name] = row.get(name, 0) + value

    def _health(self, hour: datetime, source: str, verdict: str) -> None:
        names = ("received", "counted", "duplicate", "late", "dead", "void", "unpriced")
        self._add(
            "health_hourly",
            ("hour", "source"),
            (hour, source),
            {name: int(name in ("received", verdict)) for name in names},
        )

    # --- cells

    def _interaction(self, one: Told) -> None:
        data, wait = one.data, _us(one.data.get("duration"))
        first = _us(data.get("first_token"))
        buckets = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens")
        used = any(name in data for name in buckets)
        tokens = sum(data.get(name, 0) for name in buckets) if used else None
        cost = None if "cost" not in data else Decimal(data["cost"])
        limit = 30_000_000 if data.get("operation") == "generate" else 3_000_000
        names = (*WHERE, "provider", "model", "operation", "prompt_version", "status")
        unpriced = int(used and cost is None)
        self._add(
            "interactions_hourly",
            ("hour", *names, "error_type", "currency"),
            (one.hour, *one.said(*names, "error_type", "currency")),
            {
                "requests": 1,
                "on_time": int(data["status"] == "ok" and wait is not None and wait <= limit),
                **_measured("duration", wait),
                **_measured("first_token", first),
                **{name: data.get(name, 0) for name in (*buckets, "reasoning_tokens")},
                "tokens_squares": (tokens or 0) ** 2,
                "usage_requests": int(used),
                "cost": cost or 0,
                "cost_squares": _square(cost or 0),
                "priced_requests": int(cost is not None),
                "unpriced_requests": unpriced,
                "output_pages": data.get("output_pages", 0),
                "output_pages_count": int("output_pages" in data),
            },
        )
        self._at("health_hourly", {"hour": one.hour, "source": one.source}, {})["unpriced"] += (
            unpriced
        )
        names = (*WHERE, "model", "operation", "prompt_version", "status")
        for measure, value in (("duration", wait), ("first_token", first)):
            if value is not None:
                self._add(
                    "duration_histogram",
                    ("hour", *names, "measure", "bucket"),
                    (one.hour, *one.said(*names), measure, _bucket(value)),
                    {"count": 1},
                )
        self._turn(one, turns=1)
        if data["status"] != "cancelled":
            self._use(one)

    def _escalation(self, one: Told) -> None:
        self._count("escalations_hourly", one, (*WHERE, "reason", "to"), {"escalations": 1})
        self._turn(one, escalations=1)

    def _usage(self, one: Told) -> None:
        measures = {"events": 1, "uses": one.data.get("count", 1)}
        self._count("usage_hourly", one, (*WHERE, "action", "template"), measures)
        self._use(one)

    def _support_request(self, one: Told) -> None:
        self._count("support_hourly", one, (*WHERE, "topic"), {"requests": 1})

    def _count(self, table: str, one: Told, names: Key, measures: Row) -> None:
        self._add(table, ("hour", *names), (one.hour, *one.said(*names)), measures)

    def _feedback(self, one: Told) -> None:
        data, score = one.data, _decimal(one.data.get("score"))
        low, high = Decimal(0), Decimal(0)
        if score is not None:
            low, high = Decimal(str(data["scale_min"])), Decimal(str(data["scale_max"]))
        names = (*WHERE, "kind", "by", "assisted", "question")
        self._add(
            "feedback_hourly",
            ("hour", *names, "scale_min", "scale_max"),
            (one.hour, *one.said(*names), low, high),
            {
                "events": 1,
                "asked": int(data.get("asked", False)),
                "scores": int(score is not None),
                "positives": int(score is not None and 3 * (score - low) >= 2 * (high - low)),
                "score_sum": score or 0,
                "score_squares": _square(score or 0),
            },
        )

    def _review(self, one: Told) -> None:
        data = one.data
        measures: Row = {"reviews": 1, **_measured("rework", _us(data.get("rework")))}
        for name, count in (
            ("correct", "correct_count"),
            ("language_correct", "language_count"),
            ("first_time_right", "first_time_right_count"),
        ):
            measures |= {name: int(data.get(name, False)), count: int(name in data)}
        for name in ("correctness", "quality", "completeness", "customer_focus"):
            measures |= _measured(name, _decimal(data.get(name)))
        names = (*WHERE, "prompt_version", "sampled")
        self._add(
            "reviews_hourly",
            ("hour", *names, "sampling_rate", "stratum"),
            (
                one.hour,
                *one.said(*names),
                _decimal(data.get("sampling_rate", 0)),
                *one.said("stratum"),
            ),
            measures,
        )

    def _probe(self, one: Told) -> None:
        data, stands_for = one.data, _us(one.data.get("interval"))
        names = ("use_case", "tool", "check", "location")
        maintenance = str(data.get("maintenance", False)).lower()
        failed = int(not data["success"])
        self._add(
            "probes_hourly",
            ("hour", *names, "maintenance", "error_type"),
            (one.hour, *one.said(*names), maintenance, *one.said("error_type")),
            {
                "probes": 1,
                "successes": 1 - failed,
                "failures": failed,
                "covered": stands_for or 0,
                "downtime": failed * (stands_for or 0),
                "interval_count": int(stands_for is not None),
                **_measured("duration", _us(data.get("duration"))),
            },
        )
        tool, location = one.said("tool", "location")
        row = self._at("last_probes", {"tool": tool, "location": location}, {})
        beside = {"success": {"duration": _us(data.get("duration"))}}
        _keep_latest(row, one, {"success": data["success"]}, beside)

    def _measurement(self, one: Told) -> None:
        value = Decimal(one.data["value"])
        names = ("use_case", "tool", "team", "segment", "name", "unit", "period")
        rounded = _rounded(value, 4)
        measures = {"count": 1, "value_sum": value, "value_squares": _square(rounded)}
        self._count("measurements_hourly", one, names, measures)

    def _selection_counts(self, one: Told) -> None:
        names = ("use_case", "tool", "team", "segment", "dimension", "stage", "assisted", "period")
        for group, count in one.data["counts"].items():
            self._add(
                "selection_counts_hourly",
                ("hour", *names, "group"),
                (one.hour, *one.said(*names), group),
                {"events": 1, "count": count},
            )

    # --- row-level state

    def _task(self, one: Told) -> None:
        data = one.data
        times = ("requested", "started", "first_draft", "finished", "decided")
        kept = ("tool", "feature", "team", "segment", "assisted", "automated", "rework_in_handling",
                "revisions", "errors", "error_kinds", "template_reused", "outcome")  # fmt: skip
        fields = {
            **{name: data.get(name) for name in kept},
            **{name: _time(data[name]) if name in data else None for name in times},
            **{name: _us(data.get(name)) for name in ("handling", "rework")},
            **{name: _decimal(data.get(name)) for name in ("quality", "takeover_share")},
            "value": Decimal(data["value"]) if "value" in data else None,
            "user": None,  # kept only while a plan records an agreement; here is none
        }
        key = dict(zip(("use_case", "process", "step"), one.said("use_case", "process", "step"),
                       strict=True))  # fmt: skip
        key["case"] = data.get("case", _itself(one))
        row = self._at("tasks", key, {"events": 0})
        row["events"] += 1
        _keep_latest(row, one, fields, {"value": {"currency": data.get("currency")}})
        row["moment"] = row["finished"] or row["last_time"]

    def _resolution(self, one: Told) -> None:
        self._turn(one, reopened=int(one.data["outcome"] == "reopened"))

    def _turn(self, one: Told, **counts: int) -> None:
        """What an event says about its conversation."""
        data = one.data
        session = data.get("session")
        if one.kind == "resolution":
            session = session or data.get("case")
        if session is None:
            return
        fields: Row = {name: data.get(name) for name in WHERE}
        ends = one.kind == "resolution"
        ending = ("channel", "ticket", "outcome")
        fields |= {name: data.get(name) if ends else None for name in ending}
        zero = dict.fromkeys(("turns", "escalations", "reopened"), 0)
        row = self._at("conversations", {"session": session}, zero)
        for name, count in counts.items():
            row[name] += count
        _keep_latest(row, one, fields, {"outcome": {"by": data.get("by")}})

    def _use(self, one: Told) -> None:
        data = one.data
        if "user" not in data:
            return
        use_case, team, feature = one.said("use_case", "team", "feature")
        key = {"use_case": use_case, "team": team, "user": data["user"]}
        key |= {"use": data.get("session", _itself(one)), "feature": feature}
        row = self._at("uses", key, {"events": 0, "first_time": one.time})
        row["events"] += 1
        row["first_time"] = min(row["first_time"], one.time)

    def _sdk_report(self, one: Told) -> None:
        data = one.data
        totals = {("emitted", ""): data["emitted"], ("spooled", ""): data.get("spooled", 0)}
        for account in ("dropped", "refused"):
            totals |= {(account, why): n for why, n in data.get(account, {}).items()}
        for (account, reason), total in totals.items():
            key = {"hour": one.hour, "source": one.source, "started": _time(data["started"])}
            key |= {"account": account, "reason": reason}
            row = self._at("sender_totals", key, {"total": total})
            row["total"] = max(row["total"], total)

    _collector_report = _sdk_report


def shown(bench: Bench, table: str) -> Counter[Key]:
    """A table as it is, in the shape of `Oracle.table`."""
    if table == "voids":  # an identity is kept as a digest there
        raise ValueError("compare what is withdrawn, not how it is kept")
    con = bench.con
    found = con.execute(f"SELECT * FROM {table}")
    columns = [column[0] for column in found.description or ()]
    return Counter(
        _frozen({n: v for n, v in zip(columns, row, strict=True) if n != "key_hash"})
        for row in found.fetchall()
    )


def _frozen(value: Any) -> Any:
    if isinstance(value, dict):
        return tuple(sorted((name, _frozen(inner)) for name, inner in value.items()))
    if isinstance(value, list):
        return tuple(sorted(_frozen(inner) for inner in value))
    return value


def _keep_latest(row: Row, one: Told, fields: Row, beside: dict[str, Row]) -> None:
    """Each field keeps the value with the greatest (time, source, id), and what stands `beside` it;
    the row names the greatest stamp of all, and those of fields that have another one.
    """
    mine = (one.time, one.source, one.id)
    stamps = row.setdefault(STAMPS, {})
    for name, value in fields.items():
        if value is not None and mine > stamps.get(name, ()):
            stamps[name] = mine
            row |= {name: value, **beside.get(name, {})}
        for column in (name, *beside.get(name, {})):
            row.setdefault(column, None)
    last = max(mine, row.get(LAST, ()))
    row |= {LAST: last, **dict(zip(("last_time", "last_source", "last_id"), last, strict=True))}
    row["older"] = [
        dict(zip(("field", "t", "s", "i"), (name, *stamps[name]), strict=True))
        for name in fields
        if stamps.get(name, last) != last
    ]
    if "success" not in fields:  # of a probe the last one counts only
        row["first_time"] = min(row.get("first_time", one.time), one.time)


def _measured(name: str, value: Any) -> Row:
    known = int(value is not None)
    value = value or 0
    return {f"{name}_sum": value, f"{name}_count": known, f"{name}_squares": _square(value)}


def _square(value: Any) -> Any:
    with localcontext(prec=60):
        return value * value


def _bucket(micros: int) -> int:
    return -1 if micros == 0 else math.ceil(math.log(micros) / math.log(1.01 / 0.99))


def _itself(one: Told) -> str:
    micros = (one.time - datetime(1970, 1, 1)) // timedelta(microseconds=1)  # noqa: DTZ001
    return f"{one.source}\0{one.id}\0{micros}"


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None)


def _us(seconds: float | None) -> int | None:
    return None if seconds is None else int(_rounded(Decimal(str(seconds)) * 1_000_000, 0))


def _decimal(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def _rounded(value: Decimal, places: int) -> Decimal:
    """Halves away from zero, as DuckDB casts decimals."""
    return value.quantize(Decimal(1).scaleb(-places), rounding="ROUND_HALF_UP")
