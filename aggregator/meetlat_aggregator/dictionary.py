"""The published tables and what every column means: comments in the file, a page of the docs."""

from __future__ import annotations

import duckdb

from meetlat_aggregator.kpi.dictionary import PLAN_TABLES
from meetlat_aggregator.table import Table

TABLES = (
    Table(
        "meta", "One row: what this file holds, and up to where the log was read",
        columns={
            "currency": "ISO 4217 code of the company's money, of targets too; '' without a plan"
        },
    ),
    Table(
        "interactions_hourly",
        "Calls of AI tools per hour (UTC). Shares and means leave status = 'cancelled' out",
        "interactions_hourly",
    ),
    Table(
        "duration_histogram",
        "Waits in log buckets, mergeable by SUM; a quantile from them is off by at most 1 %",
        "duration_histogram",
        {"count": "Number of calls in the bucket"},
    ),
    Table(
        "tasks_daily", "Tasks of business processes, by the day they were finished", rows="tasks"
    ),
    Table(
        "task_errors_daily",
        "Errors of finished tasks by kind",
        columns={"tasks": "Tasks that name this kind", "errors": "Errors of this kind"},
        rows="tasks",
    ),
    Table("conversations_daily", "Conversations, by the day they began", rows="conversations"),
    Table(
        "user_weeks", "People per complete ISO week; nothing below the privacy limit", rows="uses"
    ),
    Table("reviews_daily", "Human checks of outputs", "reviews_hourly"),
    Table(
        "feedback_daily", "Judgements by people, one scale a row", "feedback_hourly",
        {"events": "Feedback events, invitations included"},
    ),
    Table(
        "usage_daily", "Uses of features without a model call", "usage_hourly",
        {"events": "Usage events", "uses": "Uses that the events report"},
    ),
    Table("escalations_daily", "Hand-overs to a human", "escalations_hourly"),
    Table("probes_hourly", "Availability checks per hour (UTC)", "probes_hourly"),
    Table(
        "measurements_daily", "Anything else with a number", "measurements_hourly",
        {"count": "Number of measurements"},
    ),
    Table(
        "selection_counts", "Selection counts per group, for parity", "selection_counts_hourly",
        {"events": "Events that report the group", "count": "People in the group, added up"},
    ),
    Table(
        "support_daily", "Questions about the AI tool itself", "support_hourly",
        {"requests": "Number of questions"},
    ),
    Table(
        "price_rates",
        "What models cost, as far as they were called: per token, call and second, over the days "
        "from since up to until; without input, a call costs the same whatever its tokens are",
        columns={
            "provider": "Provider, as events name it",
            "model": "Model, as events name it",
            "since": "First day: the company's when source is 'pricebook', else of UTC",
            "until": "First day after the last",
            "currency": "ISO 4217 code of these prices; '' without any",
            "input": "One uncached input token",
            "output": "One output token; NULL when unknown",
            "cache_read": "One input token read from a cache",
            "cache_write": "One input token written to a cache",
            "per_request": "One call",
            "per_second": "One second of a call",
            "source": "pricebook (the plan's), genai-prices, or none",
            "version": "From which day the price book's row is; which genai-prices it was",
            "matched_model": "What the source calls the model: a pattern, or provider/model",
            "note": "Why there is no price",
        },
    ),
    Table(
        "model_costs_daily",
        "Models that are paid by the month: the month's price spread over its calendar days, in "
        "the company's time zone, whether they were called or not; not a part of any other cost",
        columns={
            "provider": "Provider, as the plan writes it",
            "model": "Model, as the plan writes it",
            "cost": "The day's part of the price, in units of the currency",
        },
    ),
    Table(
        "data_health",
        "What became of every event, per hour of the event (UTC) and source; a dead letter stands "
        "in the hour it was appended, with an empty source",
    ),
    *PLAN_TABLES,
)  # fmt: skip

COLUMNS = {
    "as_of": "When the last batch in this file was committed (UTC)",
    "watermark": "Append time of the newest record read (UTC)",
    "offsets": "Next offset to read, per partition of the log",
    "records": "Records read so far",
    "version": "Version of meetlat that wrote the file",
    "schema_version": "Version of the database's layout",
    "timezone": "Time zone in which days and weeks are made",
    "publication": "Tells one publication from every other",
    "basis": "Tells the plan and catalogue that KPIs were made by from every other",
    "hour": "Start of the hour, UTC",
    "day": "Day in the company's time zone",
    "week": "Monday of the ISO week, in the company's time zone",
    "use_case": "The application of AI that is judged; '' when the event names none",
    "tool": "The AI program",
    "feature": "Part of the tool; '' when the event names none",
    "team": "Team; '(small)' when it is below the privacy limit in that week",
    "segment": "Class of tasks that is not averaged with others",
    "provider": "Provider of the model",
    "model": "Model that answered",
    "operation": "Kind of call: chat, generate, embeddings, …",
    "prompt_version": "Version of the prompt",
    "status": "ok, error, timeout or cancelled",
    "error_type": "What failed; '' for none",
    "currency": "ISO 4217 code of the money beside it; '' without money",
    "requests": "Calls",
    "on_time": "Calls that ended ok within the limit: 30 s for operation 'generate', else 3 s",
    "usage_requests": "Calls with token usage",
    "input_tokens": "Uncached input tokens",
    "cache_read_tokens": "Input tokens read from a cache",
    "cache_write_tokens": "Input tokens written to a cache",
    "output_tokens": "Output tokens, reasoning included",
    "reasoning_tokens": "Output tokens that were reasoning",
    "tokens_squares": "Sum of squares of a call's tokens (all four kinds)",
    "cost": "Known cost, in units of the currency",
    "cost_squares": "Sum of squares of a call's cost, each taken as a million at most; of costs "
    "that came with the events only",
    "cost_source": "Where cost is from: event (it came with the call), pricebook (the plan), "
    "genai-prices, or '' when it is unknown",
    "priced_requests": "Calls whose cost is known",
    "unpriced_requests": "Calls with token usage whose cost is unknown",
    "output_pages": "Pages that were written",
    "output_pages_count": "Calls that say how many pages",
    "measure": "duration or first_token",
    "bucket": "ceil(ln(v) / ln(1.01/0.99)) of v in microseconds; -1 for zero",
    "reason": "Why it was handed over",
    "to": "To whom it was handed over",
    "escalations": "Hand-overs",
    "action": "What was done with the feature",
    "template": "Template that was used",
    "kind": "Kind",
    "by": "Who was judged: bot or human",
    "assisted": "Was AI used: true, false or '' for unknown",
    "automated": "Did no human touch it: true, false or '' for unknown",
    "question": "The question that was asked",
    "scale_min": "Lowest score of the scale; 0 on rows without scores",
    "scale_max": "Highest score of the scale; 0 on rows without scores",
    "asked": "Invitations that went out",
    "scores": "Scores given",
    "positives": "Scores in the upper third: (score - min) / (max - min) >= 2/3",
    "score_sum": "Sum of scores, on the row's scale",
    "score_squares": "Sum of squares of scores",
    "sampled": "Drawn at random: true, false or '' for unknown",
    "sampling_rate": "Chance of being drawn; 0 when unknown",
    "stratum": "Stratum of the sample",
    "reviews": "Checks",
    "correct": "Checks that found the content right",
    "correct_count": "Checks that judge the content",
    "language_correct": "Checks that found the language right",
    "language_count": "Checks that judge the language",
    "first_time_right": "Checks that found it barely needs rework",
    "first_time_right_count": "Checks that judge whether it needs rework",
    "check": "Name of the check",
    "location": "Where the check ran",
    "maintenance": "Planned maintenance: true or false",
    "probes": "Checks",
    "successes": "Checks that succeeded",
    "failures": "Checks that failed",
    "covered": "Time that the checks stand for, microseconds",
    "downtime": "Time that failed checks stand for, microseconds",
    "interval_count": "Checks that say what time they stand for",
    "name": "Name of the measurement",
    "unit": "Unit; an ISO 4217 code for money",
    "period": "Period that the sender names",
    "value_sum": "Sum of values",
    "value_count": "How many have a value",
    "value_squares": "Sum of squares of values, each rounded to four decimals",
    "dimension": "What the groups are of",
    "stage": "Stage of the selection",
    "group": "Group",
    "topic": "Topic of the question",
    "process": "Business process",
    "step": "Step of the process; '' is the whole process: only those are tasks in a KPI",
    "outcome": "Outcome; '' when open or unknown",
    "state": "finished or open",
    "tasks": "Tasks",
    "without_revision": "Tasks with 0 revisions",
    "at_most_2_revisions": "Tasks with at most 2 revisions",
    "with_errors": "Tasks with at least one error",
    "quality_at_least_7": "Tasks with a quality of at least 7",
    "template_reused": "Tasks that reused an AI text block",
    "template_reused_count": "Tasks that say whether they did",
    "channel": "Channel of the conversation",
    "conversations": "Conversations",
    "ended": "Silent for 30 minutes, by the watermark",
    "mature": "Seven days old, by the watermark",
    "turns_sum": "Calls in the conversations",
    "turns_squares": "Sum of squares of calls per conversation",
    "handed_over": "Handed over to a human",
    "mature_handed_over": "Handed over to a human, of the mature ones",
    "reopened": "Reopened",
    "resolved_by_bot": "Resolved by the bot, as last reported",
    "resolved_without_ticket": "Resolved by the bot, and no ticket reported",
    "resolved_by_human": "Resolved by a human, as last reported",
    "unresolved": "Unresolved, as last reported",
    "abandoned": "Abandoned, as last reported",
    "silent": "Ended without a reported outcome",
    "first_contact": "Mature, resolved by the bot, not handed over, not reopened",
    "tickets": "With a ticket",
    "tickets_count": "That say whether a ticket was made",
    "people": "People with at least one use",
    "regular_people": "People with at least three uses; NULL from 1 to below the privacy limit",
    "uses": "Uses: sessions, or events without one",
    "uses_squares": "Sum of squares of uses per person",
    "source": "Which program sent the events",
    "received": "Events read",
    "counted": "Events in the tables (production or not)",
    "duplicate": "Events that were counted before",
    "late": "Events too late to count (more than the dedup window)",
    "dead": "Records that do not fit the contract",
    "refused": "Events refused to a sender, by the collector's or SDK's own account",
    "void": "Events that were withdrawn",
    "unpriced": "Counted calls with token usage that came without a cost, whether or not a price "
    "was found since (interactions_hourly.unpriced_requests says for how many none was)",
    "dropped": "Events that the SDK dropped, by its own account",
}

_MEASURES = {
    "duration": ("duration of the call", "microseconds"),
    "first_token": ("wait for the first words", "microseconds"),
    "rework": ("rework on AI output", "microseconds"),
    "handling": ("human work, rework included", "microseconds"),
    "lead_time": ("requested (or started) to finished", "microseconds"),
    "draft_time": ("requested to first draft", "microseconds"),
    "revisions": ("revisions", "number"),
    "errors": ("errors", "number"),
    "quality": ("quality, 1 to 10", "points"),
    "correctness": ("correctness, 1 to 10", "points"),
    "completeness": ("completeness, 1 to 10", "points"),
    "customer_focus": ("customer focus, 1 to 10", "points"),
    "takeover": ("share that the customer takes over", "share"),
}
_KINDS = {
    "_sum": "Sum of {0} ({1})",
    "_count": "How many rows of the sum say {0}",
    "_squares": "Sum of squares of {0} ({1})",
}


def describe(con: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Say in comments what a table of the attached database `published` and its columns mean.

    Raises KeyError for a column that nobody described.
    """
    con.execute(f"COMMENT ON TABLE published.{table.name} IS {_quoted(table.meaning)}")
    for name, *_ in con.execute(f"DESCRIBE published.{table.name}").fetchall():
        meaning = _quoted(column_meaning(table, name))
        con.execute(f'COMMENT ON COLUMN published.{table.name}."{name}" IS {meaning}')


def column_meaning(table: Table, column: str) -> str:
    """What a column means. Raises KeyError for a column nobody described."""
    if column in table.columns:
        return table.columns[column]
    if column in COLUMNS:
        return COLUMNS[column]
    for ending, text in _KINDS.items():
        if column.endswith(ending):
            return text.format(*_MEASURES[column.removesuffix(ending)])
    raise KeyError(f"{table.name}.{column} has no description in dictionary.py")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
