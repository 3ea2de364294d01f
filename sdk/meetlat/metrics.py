"""Every Prometheus metric of the services in one typed catalogue, which is also its page.

Code that exposes a metric names it through this catalogue; `docs/metrics.md` is generated from it.
Base units, counters end in `_total`, label values are bounded, and never a user, session or case.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# They hold the limits that are judged: 3 s for a chat answer, 30 s for a one-page summary.
DURATION_BUCKETS = (0.1, 0.25, 0.5, 1, 1.5, 2, 2.5, 3, 4, 5, 7.5, 10, 20, 30, 60, 120)
TOKEN_BUCKETS = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304)
SCORE_BUCKETS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
BATCH_BUCKETS = (1, 10, 100, 1_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000)
COMMIT_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

MAX_LABEL_VALUES = 100
OTHER = "other"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: its Prometheus name, kind, labels in order, what it means, who exposes it."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    meaning: str
    labels: tuple[str, ...] = ()
    service: Literal["collector", "aggregator"] = "aggregator"
    buckets: tuple[float, ...] = ()


_GEN_AI = (
    "use_case",
    "tool",
    "gen_ai_operation_name",
    "gen_ai_provider_name",
    "gen_ai_request_model",
    "error_type",
)

OPERATION_DURATION = Metric(
    "gen_ai_client_operation_duration_seconds",
    "histogram",
    "How long calls of the AI tool took, cancelled ones left out",
    _GEN_AI,
    buckets=DURATION_BUCKETS,
)
TIME_TO_FIRST_CHUNK = Metric(
    "gen_ai_client_operation_time_to_first_chunk_seconds",
    "histogram",
    "Wait for the first words of streamed calls",
    _GEN_AI,
    buckets=DURATION_BUCKETS,
)
TOKEN_USAGE = Metric(
    "gen_ai_client_token_usage",
    "histogram",
    "Tokens per call and kind: input (uncached), cache_read, cache_write, output",
    (*_GEN_AI, "gen_ai_token_type"),
    buckets=TOKEN_BUCKETS,
)
REQUESTS = Metric(
    "meetlat_requests_total",
    "counter",
    "Calls of the AI tool by status: ok, error, timeout, cancelled",
    ("use_case", "tool", "status"),
)
COST = Metric(
    "meetlat_cost_total",
    "counter",
    "Cost that calls came with, in units of the currency in the label",
    ("use_case", "tool", "model", "currency"),
)
UNPRICED = Metric(
    "meetlat_unpriced_requests_total",
    "counter",
    "Calls with token usage that came without a cost, and for which no price is known either",
    ("tool", "model"),
)
ESCALATIONS = Metric(
    "meetlat_escalations_total",
    "counter",
    "Hand-overs to a human",
    ("use_case", "tool", "reason"),
)
FEEDBACK_SCORE = Metric(
    "meetlat_feedback_score",
    "histogram",
    "Feedback scores, brought to a scale of 1 to 10",
    ("use_case", "kind"),
    buckets=SCORE_BUCKETS,
)
FEATURE_USES = Metric(
    "meetlat_feature_uses_total", "counter", "Uses per feature", ("use_case", "feature")
)
ACTIVE_USERS = Metric(
    "meetlat_active_users",
    "gauge",
    "People who used the tool in the last day and week, and regularly (3 uses in the last full "
    "ISO week); absent below the privacy limit",
    ("use_case", "window"),
)
KPI_VALUE = Metric(
    "meetlat_kpi_value",
    "gauge",
    "A KPI's value over the last 28 full days, of a whole use case, in the KPI's unit",
    ("use_case", "kpi"),
)
KPI_TARGET = Metric(
    "meetlat_kpi_target",
    "gauge",
    "What that value should reach, in the KPI's unit",
    ("use_case", "kpi"),
)
KPI_BASELINE = Metric(
    "meetlat_kpi_baseline",
    "gauge",
    "The same before AI, weighed by the current mix of segments",
    ("use_case", "kpi"),
)
KPI_OBSERVATIONS = Metric(
    "meetlat_kpi_observations",
    "gauge",
    "How many observations that value rests on",
    ("use_case", "kpi"),
)
PROBE_SUCCESS = Metric(
    "meetlat_probe_success",
    "gauge",
    "1 when the last probe of the tool from this location succeeded",
    ("tool", "location"),
)
PROBE_DURATION = Metric(
    "meetlat_probe_duration_seconds", "gauge", "How long the last probe took", ("tool", "location")
)
AVAILABILITY = Metric(
    "meetlat_availability_ratio",
    "gauge",
    "1 − downtime / covered time by probes, maintenance left out; absent without probes",
    ("tool", "window"),
)
EVENTS = Metric(
    "meetlat_events_total",
    "counter",
    "Events read from the log by verdict: counted, duplicate, late, dead, void",
    ("type", "result"),
)
LAG_SECONDS = Metric(
    "meetlat_lag_seconds",
    "gauge",
    "Age of the oldest record that is not yet in the tables; 0 when none waits",
    ("topic", "partition"),
)
LAG_EVENTS = Metric(
    "meetlat_lag_events", "gauge", "Records not yet in the tables", ("topic", "partition")
)
COMMIT_DURATION = Metric(
    "meetlat_commit_duration_seconds",
    "histogram",
    "How long one transaction took",
    buckets=COMMIT_BUCKETS,
)
BATCH_EVENTS = Metric(
    "meetlat_batch_events", "histogram", "Records per transaction", buckets=BATCH_BUCKETS
)
SDK_DROPPED = Metric(
    "meetlat_sdk_dropped_total",
    "counter",
    "Events that senders had to drop or that were refused to them, by their own account",
    ("source", "reason"),
)
LABELS_FOLDED = Metric(
    "meetlat_labels_folded_total",
    "counter",
    "Observations whose label value became `other`, since the label has 100 values already",
    ("label",),
)
DEAD_WAITING = Metric(
    "meetlat_dead_letters_waiting",
    "gauge",
    "Dead letters committed but not yet relayed to their topic",
)
PUBLISHED = Metric(
    "meetlat_last_publication_timestamp_seconds",
    "gauge",
    "When kpi.duckdb was last published, or last found to be current",
)
COMMITTED = Metric(
    "meetlat_last_commit_timestamp_seconds", "gauge", "When the last transaction was committed"
)
PLAN_VALID = Metric(
    "meetlat_plan_valid",
    "gauge",
    "0 when the plan's file has errors, so that it is not the plan in force",
)
COMPANY_SQL_FAILING = Metric(
    "meetlat_company_sql_failing",
    "gauge",
    "KPIs of the company's own whose SQL was refused, failed or was stopped; the log says why",
)
COLLECTOR_REQUESTS = Metric(
    "meetlat_collector_requests_total",
    "counter",
    "Requests by path and answer code",
    ("path", "code"),
    "collector",
)
COLLECTOR_EVENTS = Metric(
    "meetlat_collector_events_total",
    "counter",
    "Events by result: accepted (safe in the log) or refused",
    ("result",),
    "collector",
)
COLLECTOR_APPEND_DURATION = Metric(
    "meetlat_collector_append_duration_seconds",
    "histogram",
    "How long the log took to make events safe",
    (),
    "collector",
    COMMIT_BUCKETS,
)
COLLECTOR_IN_FLIGHT = Metric(
    "meetlat_collector_requests_in_flight", "gauge", "Requests being answered", (), "collector"
)

METRICS: tuple[Metric, ...] = tuple(value for value in vars().values() if isinstance(value, Metric))
