"""One function for each event type beside the interaction.

All take the fields that every event may carry (`tool`, `use_case`, `feature`, `team`, `segment`,
`environment`, `user`, `session`, `case`, `attributes`; absent ones come from the context) and
`time` (aware datetime or RFC 3339 text; default now), `id` (default a new one) and `history`
(takes any age, for what is sent long after). They return the event's identity, for `void`.

None raises for a value: what does not fit the contract is refused on the worker, counted and
logged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Unpack

from meetlat._call import When
from meetlat._context import Common, Fields, current_scope
from meetlat._values import rfc3339, start_of_week, uuid7

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from decimal import Decimal

    from meetlat._client import Client

_PERSONAL = ("user", "session", "case")
_WHEN = frozenset(("time", "id", "history"))
_SCALES = {"thumbs": (0, 1)}
_DEFAULT_SCALE = (1, 5)


class Ref(NamedTuple):
    """The identity of an event: what `void` withdraws. `time` is RFC 3339 text."""

    source: str
    id: str
    time: str


class Given(Common, When, total=False):
    """What every event function takes beside its own arguments."""


class Events:
    """The event functions; `Client` and the module share them."""

    @property
    def client(self) -> Client:
        """Whom the events go to."""
        raise NotImplementedError

    def emit(
        self,
        type: str,  # noqa: A002 - CloudEvents' own name for it
        data: Mapping[str, Any],
        *,
        time: datetime | str | None = None,
        id: str | None = None,  # noqa: A002 - CloudEvents' own name for it
        source: str | None = None,
        history: bool | None = None,
    ) -> Ref:
        """Send one event as it is, e.g. `meetlat.task.v1`: nothing comes from the context.

        `user` in `data` becomes a pseudonym here too. For replays and imports; programs that are
        measured use the functions named after what happened.
        """
        return self._send(type, dict(data), None, time, id, history, source)

    def escalate(
        self, *, reason: str | None = None, to: str | None = None, **given: Unpack[Given]
    ) -> Ref:
        """A conversation or case was handed over to a human.

        `reason`: `no_answer`, `user_request`, `low_confidence`, `policy`, `error`, or an own code.
        """
        return self._event("escalation", {"reason": reason, "to": to}, given)

    def resolve(
        self,
        outcome: Literal["resolved", "unresolved", "abandoned", "reopened"],
        *,
        by: Literal["bot", "human"] | None = None,
        ticket: bool | None = None,
        channel: str | None = None,
        **given: Unpack[Given],
    ) -> Ref:
        """A conversation ended, as far as known. `ticket`: was one made."""
        own = {"outcome": outcome, "by": by, "ticket": ticket, "channel": channel}
        return self._event("resolution", own, given)

    def used(
        self,
        action: str | None = None,
        *,
        count: int | None = None,
        template: str | None = None,
        origin_case: str | None = None,
        **given: Unpack[Given],
    ) -> Ref:
        """A feature was used without a model call: `opened`, `copied`, `accepted`, …"""
        own = {
            "action": action,
            "count": count,
            "template": template,
            "origin_case": origin_case,
        }
        return self._event("usage", own, given)

    def feedback(
        self,
        kind: Literal["csat", "survey", "thumbs", "interviewer", "candidate", "customer"],
        score: float | bool | None = None,
        *,
        scale: tuple[float, float] | None = None,
        question: str | None = None,
        by: Literal["bot", "human"] | None = None,
        assisted: bool | None = None,
        asked: bool | None = None,
        **given: Unpack[Given],
    ) -> Ref:
        """A judgement by a person, or with `asked=True` and no score an invitation to give one.

        `scale` is (lowest, highest); default 0 to 1 for thumbs, where True and False do too, and
        1 to 5 for all others. A survey answer is anonymous: `user` is left out, as are session
        and case of the context and the trace; its time is cut to Monday 00:00 UTC of its week,
        and it counts as history, so that it cannot come late.
        """
        own: Fields = {"kind": kind, "question": question, "by": by}
        own |= {"assisted": assisted, "asked": asked}
        if score is not None:
            lowest, highest = _SCALES.get(kind, _DEFAULT_SCALE) if scale is None else scale
            own["score"] = int(score) if isinstance(score, bool) else score
            own["scale_min"], own["scale_max"] = lowest, highest
        if kind != "survey":
            return self._event("feedback", own, given)
        given.pop("user", None)
        time: Any = given.get("time")
        try:
            time = start_of_week(self.client.time_ns() if time is None else time)
        except (ValueError, TypeError) as error:
            self.client.own_error("feedback", error)
        given["time"] = time
        given["history"] = True
        return self._event("feedback", own, given, impersonal=True)

    def review(
        self,
        *,
        subject: str | None = None,
        prompt_version: str | None = None,
        correct: bool | None = None,
        correctness: float | None = None,
        language_correct: bool | None = None,
        first_time_right: bool | None = None,
        rework: float | None = None,
        quality: float | None = None,
        completeness: float | None = None,
        customer_focus: float | None = None,
        sampled: bool | None = None,
        sampling_rate: float | None = None,
        stratum: str | None = None,
        **given: Unpack[Given],
    ) -> Ref:
        """A human checked an output. `subject` is the interaction's id (`call.id`).

        Ratings are 1 to 10, `rework` seconds, `sampling_rate` the chance of being drawn.
        """
        own = {
            "subject": subject,
            "prompt_version": prompt_version,
            "correct": correct,
            "correctness": correctness,
            "language_correct": language_correct,
            "first_time_right": first_time_right,
            "rework": rework,
            "quality": quality,
            "completeness": completeness,
            "customer_focus": customer_focus,
            "sampled": sampled,
            "sampling_rate": sampling_rate,
            "stratum": stratum,
        }
        return self._event("review", own, given)

    def task(
        self,
        process: str,
        *,
        step: str | None = None,
        assisted: bool | None = None,
        automated: bool | None = None,
        requested: datetime | str | None = None,
        started: datetime | str | None = None,
        first_draft: datetime | str | None = None,
        finished: datetime | str | None = None,
        decided: datetime | str | None = None,
        handling: float | None = None,
        rework: float | None = None,
        rework_in_handling: bool | None = None,
        revisions: int | None = None,
        errors: int | None = None,
        error_kinds: Mapping[str, int] | None = None,
        quality: float | None = None,
        takeover_share: float | None = None,
        template_reused: bool | None = None,
        outcome: str | None = None,
        value: Decimal | float | str | None = None,
        currency: str | None = None,
        **given: Unpack[Given],
    ) -> Ref:
        """The state of a business process, or of one `step` of it, of one `case`.

        A later event of the same use case, process, step and case updates the fields it carries.
        `handling` and `rework` are seconds of human work; `value` is money in `currency`.
        """
        own = {
            "process": process,
            "step": step,
            "assisted": assisted,
            "automated": automated,
            "requested": requested,
            "started": started,
            "first_draft": first_draft,
            "finished": finished,
            "decided": decided,
            "handling": handling,
            "rework": rework,
            "rework_in_handling": rework_in_handling,
            "revisions": revisions,
            "errors": errors,
            "error_kinds": error_kinds if error_kinds is None else dict(error_kinds),
            "quality": quality,
            "takeover_share": takeover_share,
            "template_reused": template_reused,
            "outcome": outcome,
            "value": value,
            "currency": currency,
        }
        return self._event("task", own, given)

    def support_request(self, topic: str | None = None, **given: Unpack[Given]) -> Ref:
        """A question about the AI tool itself."""
        return self._event("support_request", {"topic": topic}, given)

    def probe(
        self,
        success: bool,
        *,
        duration: float | None = None,
        interval: float | None = None,
        check: str | None = None,
        http_status: int | None = None,
        error_type: str | None = None,
        location: str | None = None,
        maintenance: bool | None = None,
        certificate_days: int | None = None,
        **given: Unpack[Given],
    ) -> Ref:
        """One availability check of a tool. `duration` and `interval` are seconds."""
        own = {
            "success": success,
            "duration": duration,
            "interval": interval,
            "check": check,
            "http_status": http_status,
            "error_type": error_type,
            "location": location,
            "maintenance": maintenance,
            "certificate_days": certificate_days,
        }
        return self._event("probe", own, given)

    def measure(
        self,
        name: str,
        value: Decimal | float | str,
        *,
        unit: str | None = None,
        period: str | None = None,
        **given: Unpack[Given],
    ) -> Ref:
        """Anything else with a number: `complaint`, `orders`, … `unit`: a currency for money."""
        own = {"name": name, "value": value, "unit": unit, "period": period}
        return self._event("measurement", own, given)

    def selection_counts(
        self,
        dimension: str,
        stage: str,
        counts: Mapping[str, int],
        *,
        assisted: bool | None = None,
        period: str | None = None,
        **given: Unpack[Given],
    ) -> Ref:
        """For parity: numbers per group, as `("gender", "applied", {"f": 40, "m": 60})`.

        User, session and case of the context are left out: it is never about one person.
        """
        own = {
            "dimension": dimension,
            "stage": stage,
            "counts": dict(counts),
            "assisted": assisted,
            "period": period,
        }
        return self._event("selection_counts", own, given, impersonal=True)

    def void(self, target: Ref, *, reason: str | None = None, **given: Unpack[Given]) -> Ref:
        """Withdraw an earlier event, as what its function returned, or `Ref(source, id, time)`."""
        own = {
            "target_source": target.source,
            "target_id": target.id,
            "target_time": target.time,
            "reason": reason,
        }
        return self._event("void", own, given)

    def _event(self, name: str, own: Fields, given: Given, *, impersonal: bool = False) -> Ref:
        given_fields: Fields = dict(given)
        when = {key: given_fields.pop(key, None) for key in _WHEN}
        fields = {k: v for k, v in (own | given_fields).items() if v is not None}
        scope = current_scope.get()
        inherited = {} if scope is None else scope.inherited
        if impersonal:
            inherited = {k: v for k, v in inherited.items() if k not in _PERSONAL}
        if isinstance(fields.get("attributes"), dict):
            fields["attributes"] = dict(fields["attributes"])
        return self._send(
            f"meetlat.{name}.v1",
            fields,
            inherited,
            when["time"],
            when["id"],
            when["history"],
            None,
            traced=not impersonal,
        )

    def _send(
        self,
        type_name: str,
        fields: Fields,
        inherited: Fields | None,
        time: Any,
        ident: str | None,
        history: bool | None,
        source: str | None,
        *,
        traced: bool = False,
    ) -> Ref:
        client = self.client
        if time is None:
            time = client.time_ns()
        if ident is None:
            ident = uuid7(time)
        try:
            shown = rfc3339(time)
        except (ValueError, TypeError):
            shown = ""  # the worker refuses the event and says why
        if not client.off:
            client.put_event(type_name, ident, time, inherited, fields, history, source, traced)
        return Ref(source or client.source, ident, shown)
