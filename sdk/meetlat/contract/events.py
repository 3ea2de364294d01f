"""The event types, version 1: the only source of what an event may say.

The JSON Schema, the fast decoder, the SDK's checks and the aggregator's columns are made from
these models. A change here must be additive; a breaking one is a new `.v2` type.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from meetlat.contract.fields import (
    Amount,
    Attributes,
    Cost,
    Count,
    Counts,
    Currency,
    Pseudonym,
    Rating,
    Score,
    Seconds,
    Share,
    Text,
    Timestamp,
)

TYPE_PREFIX = "meetlat."
TYPE_SUFFIX = ".v1"


class NeedsCurrency:
    """The rule that an amount has a currency beside it. An object, so that it can be read in
    columns too.
    """

    def __init__(self, amount: str) -> None:
        self.amount = amount

    def __call__(self, data: Any, time: datetime) -> None:  # noqa: ARG002 - the rule's signature
        """Raise ValueError when the amount stands alone."""
        if getattr(data, self.amount) is not None and data.currency is None:
            raise ValueError(
                f"data.currency: is missing beside a {self.amount}; give an ISO 4217 code"
            )


class EventData(BaseModel):
    """The fields that every event may carry. Unknown fields are ignored (and kept in the raw)."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)

    type_name: ClassVar[str]

    tool: Text | None = Field(None, description="The AI program that was called")
    use_case: Text | None = Field(None, description="The application of AI that is judged")
    feature: Text | None = Field(None, description="The part of the tool that was used")
    team: Text | None = Field(None, description="The team of the person who worked with it")
    segment: Text | None = Field(None, description="A class of tasks not averaged with others")
    environment: Text = Field("production", description="Others than production never count")
    user: Pseudonym | None = Field(None, description="Keyed pseudonym, never a name or address")
    session: Text | None = Field(None, description="One conversation")
    case: Text | None = Field(None, description="One business case: quote, vacancy, ticket")
    attributes: Attributes | None = Field(None, description="Short strings on the plan's list")

    @staticmethod
    def rule(data: Any, time: datetime) -> None:
        """Check what concerns several fields at once.

        `data` is this model or the fast decoder's struct with the same field names, so that one
        rule serves both. Raises ValueError with the field's name first.
        """


class Interaction(EventData):
    """One call of an AI tool. Its time is when it started."""

    type_name = "meetlat.interaction.v1"

    tool: Text = Field(description="The AI program that was called")
    status: Literal["ok", "error", "timeout", "cancelled"] = Field(description="How the call ended")
    duration: Seconds | None = Field(
        None, description="Seconds from start to the last of the answer"
    )
    first_token: Seconds | None = Field(None, description="Seconds to the first token; streamed")
    error_type: Text | None = Field(
        None, description="What went wrong: an exception's class, a code"
    )
    streamed: bool | None = Field(None, description="Did the answer come in pieces")
    operation: Text | None = Field(None, description="chat, generate, embeddings, …")
    provider: Text | None = Field(None, description="Who ran the model: openai, anthropic, …")
    model: Text | None = Field(None, description="The model that answered")
    prompt_version: Text | None = Field(None, description="Version of the prompt that was used")
    output_pages: Count | None = Field(None, description="Pages that were made")
    input_tokens: Count | None = Field(None, description="Uncached input tokens")
    cache_read_tokens: Count | None = Field(
        None, description="Input tokens read from the provider's cache"
    )
    cache_write_tokens: Count | None = Field(
        None, description="Input tokens written to the provider's cache"
    )
    output_tokens: Count | None = Field(None, description="Output tokens, reasoning included")
    reasoning_tokens: Count | None = Field(None, description="How many of output_tokens")
    cost: Cost | None = Field(None, description="Decimal string; unknown cost is absent, never 0")
    currency: Currency | None = Field(None, description="Of the cost")
    cost_source: Literal["provider", "pricebook", "none"] | None = Field(
        None, description="Where the cost was known from"
    )
    price_version: Text | None = Field(None, description="Which price list the cost was made with")

    rule: ClassVar[NeedsCurrency] = NeedsCurrency("cost")


class Escalation(EventData):
    """A conversation or case was handed over to a human."""

    type_name = "meetlat.escalation.v1"

    tool: Text = Field(description="The AI program that handed over")
    reason: Text | None = Field(
        None, description="no_answer, user_request, low_confidence, policy, error, or an own code"
    )
    to: Text | None = Field(None, description="Who took over: a desk, a role")


class Resolution(EventData):
    """A conversation's end, as far as it is known."""

    type_name = "meetlat.resolution.v1"

    outcome: Literal["resolved", "unresolved", "abandoned", "reopened"] = Field(
        description="How it ended"
    )
    by: Literal["bot", "human"] | None = Field(None, description="Who brought the end about")
    ticket: bool | None = Field(None, description="Was a ticket made")
    channel: Text | None = Field(None, description="chat, mail, phone, …")


class Usage(EventData):
    """A feature was used without a model call."""

    type_name = "meetlat.usage.v1"

    tool: Text = Field(description="The AI program whose feature it is")
    action: Text | None = Field(None, description="opened, copied, accepted, template_reused, …")
    count: Count = Field(1, description="How many times")
    template: Text | None = Field(None, description="Which template")
    origin_case: Text | None = Field(
        None, description="The case that the reused content was made for"
    )


class Feedback(EventData):
    """A judgement by a person, or an invitation to give one."""

    type_name = "meetlat.feedback.v1"

    kind: Literal["csat", "survey", "thumbs", "interviewer", "candidate", "customer"] = Field(
        description="Who judged, and in which way"
    )
    by: Literal["bot", "human"] | None = Field(None, description="Who was judged")
    assisted: bool | None = Field(None, description="Was the work that is judged done with AI")
    asked: bool | None = Field(None, description="An invitation went out")
    score: Score | None = Field(None, description="The judgement, on its scale")
    scale_min: Score | None = Field(None, description="The worst score possible")
    scale_max: Score | None = Field(None, description="The best score possible")
    question: Text | None = Field(None, description="Which question was answered")

    @staticmethod
    def rule(data: Any, time: datetime) -> None:
        if data.score is not None:
            if data.scale_min is None or data.scale_max is None:
                raise ValueError("data.scale_min: a score needs scale_min and scale_max beside it")
            if not data.scale_min < data.scale_max:
                raise ValueError("data.scale_max: must lie above scale_min")
            if not data.scale_min <= data.score <= data.scale_max:
                raise ValueError("data.score: lies outside its scale")
        if data.kind == "survey":
            if data.user is not None:
                raise ValueError("data.user: a survey answer carries no user; leave it out")
            if time != start_of_week(time):
                raise ValueError(
                    "time: a survey answer's time is cut to its week (Monday 00:00 UTC)"
                )


class Review(EventData):
    """A human check of an output."""

    type_name = "meetlat.review.v1"

    subject: Text | None = Field(None, description="The id of the interaction that was checked")
    prompt_version: Text | None = Field(
        None, description="Version of the prompt that made the output"
    )
    correct: bool | None = Field(None, description="Was the output right")
    correctness: Rating | None = Field(None, description="How right it was")
    language_correct: bool | None = Field(None, description="Was its language right")
    first_time_right: bool | None = Field(None, description="Right without a correction")
    rework: Seconds | None = Field(None, description="Seconds that the correction took")
    quality: Rating | None = Field(None, description="How good it was")
    completeness: Rating | None = Field(None, description="How complete it was")
    customer_focus: Rating | None = Field(None, description="How well it served the customer")
    sampled: bool | None = Field(None, description="Drawn at random or not")
    sampling_rate: Share | None = Field(None, description="The chance of being drawn, above 0")
    stratum: Text | None = Field(None, description="The group that the sample was drawn from")

    @staticmethod
    def rule(data: Any, time: datetime) -> None:  # noqa: ARG004 - the rule's signature
        if data.sampling_rate == 0:
            raise ValueError("data.sampling_rate: must lie above 0; a rate of 0 draws nothing")


class Task(EventData):
    """The state of a business process, or of one step of it.

    Key: use case, process, step, case (without a case: the event's identity). Each field keeps
    the value with the greatest (time, source, id).
    """

    type_name = "meetlat.task.v1"

    process: Text = Field(description="The business process: quote, vacancy, ticket, …")
    step: Text | None = Field(None, description="Absent: the whole process")
    assisted: bool | None = Field(None, description="Was it done with AI")
    automated: bool | None = Field(None, description="Was it done without a human")
    requested: Timestamp | None = Field(None, description="When the customer asked")
    started: Timestamp | None = Field(None, description="When the work started")
    first_draft: Timestamp | None = Field(None, description="When the first draft was there")
    finished: Timestamp | None = Field(None, description="When the work was done")
    decided: Timestamp | None = Field(None, description="When the customer decided")
    handling: Seconds | None = Field(
        None, description="Human work, prompting and checking included"
    )
    rework: Seconds | None = Field(None, description="Seconds of corrections")
    rework_in_handling: bool | None = Field(
        None, description="Is rework part of handling; absent means true"
    )
    revisions: Count | None = Field(None, description="How often it was revised")
    errors: Count | None = Field(None, description="Mistakes that were found")
    error_kinds: Counts | None = Field(
        None, description="Mistakes by kind: typo, inconsistency, missing_attachment, …"
    )
    quality: Rating | None = Field(None, description="How good the result is")
    takeover_share: Share | None = Field(
        None, description="Share of the output that the customer took over"
    )
    template_reused: bool | None = Field(None, description="Was it made from an earlier one")
    outcome: Text | None = Field(None, description="won, lost, expired, open, hired, rejected, …")
    value: Amount | None = Field(None, description="What it is worth; may be negative")
    currency: Currency | None = Field(None, description="Of the value")

    rule: ClassVar[NeedsCurrency] = NeedsCurrency("value")


class SelectionCounts(EventData):
    """For parity: counts only, never beside a user, session or case."""

    type_name = "meetlat.selection_counts.v1"

    dimension: Text = Field(description="What the groups are of, e.g. gender")
    stage: Text = Field(description="applied, selected, …")
    counts: Counts = Field(description="Group to number")
    assisted: bool | None = Field(None, description="Was the selection done with AI")
    period: Text | None = Field(None, description="What time the counts are of, as 2026-11")

    @staticmethod
    def rule(data: Any, time: datetime) -> None:  # noqa: ARG004 - the rule's signature
        for name in ("user", "session", "case"):
            if getattr(data, name) is not None:
                raise ValueError(f"data.{name}: selection counts are never beside a person")
        if not data.counts:
            raise ValueError("data.counts: is empty; give a number per group")


class SupportRequest(EventData):
    """A question about the AI tool itself."""

    type_name = "meetlat.support_request.v1"

    topic: Text | None = Field(None, description="What the question was about")


class Probe(EventData):
    """One availability check."""

    type_name = "meetlat.probe.v1"

    tool: Text = Field(description="The AI program that was checked")
    success: bool = Field(description="Did it answer as it should")
    duration: Seconds | None = Field(None, description="Seconds that the check took")
    interval: Seconds | None = Field(None, description="The time that this check stands for")
    check: Text | None = Field(None, description="Which check it was")
    http_status: Count | None = Field(None, description="The answer's HTTP status")
    error_type: Text | None = Field(None, description="What went wrong")
    location: Text | None = Field(None, description="Where the check ran")
    maintenance: bool | None = Field(None, description="Was the tool down on purpose")
    certificate_days: Count | None = Field(None, description="Days until the TLS certificate ends")


class Measurement(EventData):
    """Anything else with a number."""

    type_name = "meetlat.measurement.v1"

    name: Text = Field(description="What was measured: orders, tickets, training_hours, …")
    value: Amount = Field(description="The number")
    unit: Text | None = Field(None, description="An ISO 4217 code for money")
    period: Text | None = Field(None, description="What time it is of, as 2026-11")


class Void(EventData):
    """Withdraws an earlier event. Withdrawing a void has no effect, and a void from another
    environment than production withdraws nothing.
    """

    type_name = "meetlat.void.v1"

    target_source: Text = Field(description="The source of the event that is withdrawn")
    target_id: Text = Field(description="Its id")
    target_time: Timestamp = Field(description="Its time")
    reason: Text | None = Field(None, description="Why")


class SdkReport(EventData):
    """An SDK's own account since `started`: totals that only grow."""

    type_name = "meetlat.sdk_report.v1"

    started: Timestamp = Field(description="When the sender started to count")
    emitted: Count = Field(description="Events that were handed to the sender")
    spooled: Count = Field(0, description="Events that wait on disk")
    dropped: Counts | None = Field(None, description="Events that were lost, by reason")
    refused: Counts | None = Field(
        None, description="Events that did not fit the contract, by reason"
    )


class CollectorReport(SdkReport):
    """A collector's own account since `started`: totals that only grow."""

    type_name = "meetlat.collector_report.v1"


EVENT_MODELS: dict[str, type[EventData]] = {
    model.type_name: model
    for model in (
        Interaction,
        Escalation,
        Resolution,
        Usage,
        Feedback,
        Review,
        Task,
        SelectionCounts,
        SupportRequest,
        Probe,
        Measurement,
        Void,
        SdkReport,
        CollectorReport,
    )
}


def start_of_week(time: datetime) -> datetime:
    """Monday 00:00 UTC of the ISO week of `time`, whatever the zone it is written in."""
    day = time.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return day - timedelta(days=day.weekday())
