"""The published tables that show the plan and the catalogue, and what their columns mean."""

from __future__ import annotations

from meetlat_aggregator.table import Table

_TARGET = {
    "target_low": "What it should reach at least; NULL for none",
    "target_high": "Plausible upper end: a figure beyond it wants a look; NULL for none",
}
_KIND = (
    "absolute (in the KPI's unit), relative (improvement on the baseline) or trend; '' without a "
    "target"
)

PLAN_TABLES = (
    Table(
        "use_cases",
        "The applications of AI that the plan judges",
        columns={
            "use_case": "Its id, as events name it",
            "name": "What it is called",
            "pack": "Pack of KPIs: quotes, hr, service or general",
            "process": "Business process that its tasks belong to; '' when the plan names none",
            "go_live": "Day on which the AI went into use",
            "baseline_from": "First day of the baseline window",
            "baseline_until": "Last day of the baseline window, included",
            "review": "Day of the first review",
            "control_team": "Team without AI whose change is subtracted; '' for none",
            "owner": "Who answers for it; '' when the plan names nobody",
            "hours": "How lead times are counted: calendar or working hours",
            "phase": "Phase on the watermark's day: baseline, settling, early, review or monthly; "
            "'' without a go-live",
        },
        plan=True,
    ),
    Table(
        "kpi_catalog",
        "Every KPI: what it asks, how it is made, and its target where the plan says none",
        columns={
            "kpi": "Its id",
            "level": "1 technical, 2 process, 3 business, 4 adoption",
            "pack": "Pack that it belongs to; all: every use case; own: the company's, by the plan",
            "unit": "Unit of its value",
            "better": "Which way is better: higher, lower, earlier, or '' for neither",
            "title_en": "Title, in English",
            "title_nl": "Title, in Dutch",
            "question_en": "The question it answers, in English",
            "question_nl": "The question it answers, in Dutch",
            "definition_en": "How it is defined, in English",
            "definition_nl": "How it is defined, in Dutch",
            **_TARGET,
            "target_kind": _KIND,
            "target_origin": "Where that comes from: article or house; '' without a target",
            "minimum": "Below so many observations a value is too few",
            "sql": "The query that its parts are made by; '' when it is made of other KPIs",
        },
        plan=True,
    ),
    Table(
        "targets",
        "The KPIs that each use case is judged by, and what they should reach",
        columns={
            "kpi": "Id of the KPI",
            **_TARGET,
            "kind": _KIND,
            "origin": "Where the target comes from: plan, article or house; '' without one",
            "decision": "What is done when it is missed; '' when the plan does not say",
            "phases": "Phases in which it counts, with commas between; '' for all",
        },
        plan=True,
    ),
    Table(
        "investments",
        "What went into the use cases, by the plan",
        columns={
            "name": "What it was",
            "kind": "licence, hardware, training, hours, running, baseline or other",
            "use_case": "The use case it was for; '' when several share it",
            "since": "Day of it; of what comes every month or year, and of a licence, the first",
            "until": "Last day; NULL when the plan names none",
            "amount": "Amount, in units of the currency; NULL when it names none",
            "currency": "ISO 4217 code of the amount; '' without one",
            "hours": "Hours of work; NULL when it names none",
            "team": "Team whose hours they are; '' when it names none",
            "every": "once, or every month or year",
            "key": "How it is shared: direct, uses, hours or fixed",
            "shares": "Share of each use case as JSON, where the key is fixed; else ''",
        },
        plan=True,
    ),
    Table(
        "plan_history",
        "What each version of the plan made different; names and addresses of people are left out",
        columns={
            "version": "Version of the plan",
            "seen_at": "When the aggregator took it (UTC)",
            "kind": "new, change (leaves the past alone), correction (of the past too) or removed",
            "path": "What in the plan; '' is the whole of it",
            "since": "First day for which it holds; NULL: for all",
            "before": "What it was, as JSON",
            "after": "What it became, as JSON",
        },
        plan=True,
    ),
)
