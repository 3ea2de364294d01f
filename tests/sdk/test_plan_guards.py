"""Each guard stops what it is for, in the right line, and says what to do."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

import pytest
from support.plans import STAND_INS, dump

from meetlat.plan.guarding import GUARDS
from meetlat.plan.guards import check
from meetlat.plan.load import Loaded, parse
from meetlat.plan.models import Plan
from meetlat.plan.positions import Path
from meetlat.plan.problems import Problem

TODAY = date(2026, 7, 1)
START = date(2026, 1, 1)
LIVE = date(2026, 4, 1)


def choice(name: str, **given: Any) -> dict[str, Any]:
    return {"id": name, "decision": "We look into it", **given}


def plan() -> dict[str, Any]:
    """A plan that no guard objects to."""
    return {
        "attributes": ["region"],
        "company": {"name": "A", "rates": [{"from": START, "currency": "USD", "rate": 0.9}]},
        "teams": [team("sales"), team("south"), team("support")],
        "use_cases": [
            {
                "id": "quotes",
                "name": "Quotes",
                "pack": "quotes",
                "segments": ["standard", "complex"],
                "tools": ["writer"],
                "teams": ["sales"],
                "go_live": LIVE,
                "review": LIVE + timedelta(days=35),
                "control_team": "south",
                "baseline": {"from": date(2026, 1, 5), "until": date(2026, 3, 29)},
                "kpis": [
                    choice("response_on_time"),
                    choice("end_to_end_lead_time"),
                    choice("cost_saving"),
                    choice("adoption_rate"),
                ],
                "baselines": [by_hand("lead_time")],
            },
            {
                "id": "support",
                "name": "Chatbot",
                "pack": "service",
                "tools": ["bot"],
                "teams": ["support"],
                "go_live": LIVE,
                "kpis": [
                    choice("response_accuracy"),
                    choice("first_contact_resolution"),
                    choice("csat"),
                    choice("satisfaction"),
                ],
            },
        ],
        "kpis": [own("visits")],
        "investments": [
            {"name": "Licences", "kind": "licence", "use_case": "quotes", "from": LIVE,
             "amount": 10, "currency": "USD"},
            {"name": "Training", "kind": "training", "use_case": "quotes", "from": LIVE,
             "hours": 10, "team": "sales"},
            {"name": "Platform", "kind": "running", "from": LIVE, "amount": 5, "currency": "EUR",
             "key": "fixed", "shares": {"quotes": 0.5, "support": 0.5}},
        ],
        "prices": [{"from": LIVE, "model": "m", "currency": "USD", "input": 1,
                    "output": 2}],
        "privacy": {"purpose": "p", "agreement": "a", "impact_assessment": "i"},
        "reports": [
            {"rhythm": "weekly", "audience": "users", "to": ["a@example.com", "folder"],
             "use_cases": ["quotes"]},
        ],
    }  # fmt: skip


def team(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "cost": [{"from": START, "hourly": 50}],
        "people": [{"from": START, "count": 10, "entitled": 8}],
    }


def by_hand(kpi: str, **given: Any) -> dict[str, Any]:
    row = {"kpi": kpi, "value": 50, "low": 40, "high": 60, "n": 30, "source": "log"}
    return {**row, **given}


def own(name: str, **given: Any) -> dict[str, Any]:
    row = {"id": name, "title": "T", "level": 3, "unit": "share", "better": "higher"}
    return {**row, "measurement": "visits", **given}


SQL = "SELECT day, use_case, 1 AS hits, 1 AS n FROM tasks_daily"


def own_sql(text: str) -> dict[str, Any]:
    row = own("visits", sql=text, shape="share")
    del row["measurement"]
    return row


def judge(said: dict[str, Any], today: date = TODAY) -> tuple[Loaded, dict[Path, int]]:
    text, lines = dump(said)
    loaded = parse(text.encode(), catalogue=STAND_INS, today=today)
    assert loaded.read is not None, loaded.problems
    return loaded, lines


@pytest.mark.parametrize(
    "text",
    [
        SQL,
        f"{SQL};",
        f"/* DROP; */ {SQL} -- ; FROM nowhere",
        "FROM tasks_daily SELECT day, use_case, 1 AS hits, tasks AS n",
        "FROM tasks_daily",
        "SELECT t.* FROM main.tasks_daily AS t",
        "SELECT day, use_case, 1 AS hits, count(*) AS n FROM (SELECT * FROM tasks_daily)",
        (
            "WITH a AS (FROM tasks_daily), b (day) AS MATERIALIZED (FROM a) "
            "SELECT day, use_case, 1 AS hits, extract(year FROM day) AS n FROM a JOIN b USING (day)"
        ),
        (
            "SELECT day, use_case, 1 AS hits, 1 AS n FROM tasks_daily "
            "WHERE team IS DISTINCT FROM segment AND team <> 'FROM nowhere; x'"
        ),
        "SELECT day, use_case, i AS hits, 1 AS n FROM tasks_daily, range(3) AS r(i)",
        "SELECT day, use_case, i AS hits, 1 AS n FROM unnest([1]) AS u(i) JOIN Tasks_Daily ON true",
        'SELECT "day", use_case, 1 AS hits, 1 AS n FROM "tasks_daily"',
        "SELECT day, use_case, trim(team) AS hits, substring(team FROM 2) AS n FROM tasks_daily",
    ],
)
def test_sql_that_may_be_right_is_taken(text: str) -> None:
    assert problems(changed(("kpis", 0), own_sql(text)), "own-sql") == []


def problems(said: dict[str, Any], rule: str, today: date = TODAY) -> list[Problem]:
    return [problem for problem in judge(said, today)[0].problems if problem.rule == rule]


def changed(path: Path, value: Any, add: bool = False) -> dict[str, Any]:
    """The plan with another value at a path, or with one more in the list there."""
    said: Any = copy.deepcopy(plan())
    *parents, last = path
    holder = said
    for part in parents:
        holder = holder[part]
    if add:
        holder.setdefault(last, []).append(value)
    elif value is None:
        del holder[last]
    else:
        holder[last] = value
    return said  # type: ignore[no-any-return]


class Trip(NamedTuple):
    """How a guard is tripped: the plan, where its problem stands, words of reason and remedy."""

    said: dict[str, Any]
    path: Path
    reason: Sequence[str]
    remedy: Sequence[str]


Q: Path = ("use_cases", 0)
KPIS: Path = (*Q, "kpis")
ACT = {"decision": "We look into it"}


def put(path: Path, value: Any, at: Path, reason: str, remedy: str) -> Trip:
    return Trip(changed(path, value), at, [reason], [remedy])


def add(path: Path, value: Any, at: Path, reason: str, remedy: str) -> Trip:
    return Trip(changed(path, value, add=True), at, [reason], [remedy])


def hr_without_decider() -> dict[str, Any]:
    said = changed((*Q, "pack"), "hr")
    said["use_cases"][0]["kpis"][0] = choice("response_on_time")
    return said


EIGHT = [
    "response_on_time", "accuracy", "lead_time", "end_to_end_lead_time", "cost_saving",
    "hours_saved", "adoption_rate", "satisfaction",
]  # fmt: skip
NO_RATE = {"from": START, "model": "x", "currency": "GBP", "input": 1}
TRIPS: dict[str, list[Trip]] = {
    "too-many-kpis": [
        put(KPIS, [choice(name) for name in EIGHT], (*KPIS, 7), "has 8 KPIs, more than 7",
            "remove `satisfaction`, or bind KPIs to `phases`"),
        put(KPIS, [choice(n, phases=["early", "review"]) for n in EIGHT], (*KPIS, 7),
            "in phase `early` and `review`", "remove `satisfaction`"),
    ],
    "levels": [
        put(KPIS, plan()["use_cases"][0]["kpis"][:3], Q, "no KPI of level 4 (adoption)", "choose"),
        add(KPIS, choice("lead_time"), (*KPIS, 5),
            "3 KPIs of level 2 (process): `end_to_end_lead_time`, `time_to_first_draft` and "
            "`lead_time`", "keep the 2")._replace(
            said=changed(KPIS, [*plan()["use_cases"][0]["kpis"], choice("time_to_first_draft"),
                                choice("lead_time")])),
    ],
    "no-kpis": [put(KPIS, [], Q, "has no KPIs", "choose 3 to 5")],
    "no-use-cases": [
        Trip({"company": {"name": "A", "demo": True}}, (), ["no use case"], ["meetlat plan init"])
    ],
    "no-decision": [
        put((*KPIS, 1, "decision"), None, (*KPIS, 1), "`end_to_end_lead_time`", "what will be done")
    ],
    "no-reference": [
        add(KPIS, choice("accuracy2"), (*KPIS, 4), "neither a target nor a baseline", "target = {")
        ._replace(said={**changed(KPIS, choice("active_users"), add=True)}),
    ],
    "raw-count": [
        add(KPIS, choice("requests"), (*KPIS, 4), "`requests` of use case \"quotes\" is a raw",
            "give it a target"),
        Trip(
            {**changed(KPIS, choice("visits"), add=True),
             "kpis": [own("visits", shape="sum", unit="count")]},
            (*KPIS, 4), ["`visits`", "raw count"], ["outcome behind it"],
        ),
    ],
    "unknown-kpi": [
        add(KPIS, choice("adoption_rat"), (*KPIS, 4, "id"), "`adoption_rat` is not known",
            "did you mean `adoption_rate`"),
        Trip({**changed(KPIS, choice("visits"), add=True),
              "kpis": [own("visits", use_case="support")]},
             (*KPIS, 4, "id"), ["is for use case `support`"], ["remove `use_case`"]),
    ],
    "kpi-twice": [
        add(KPIS, choice("adoption_rate"), (*KPIS, 4, "id"), "stands twice", "keep one")
    ],
    "other-pack": [
        add(KPIS, choice("csat"), (*KPIS, 4, "id"), "is of pack `service`", "another KPI")
    ],
    "isolated": [
        put(KPIS, [choice("time_to_first_draft")], Q, "not the whole way", "end_to_end_lead_time"),
        Trip({**(said := changed((*Q, "steps"), ["draft"])), "use_cases": [
            {**said["use_cases"][0], "kpis": [choice("response_on_time")]}, said["use_cases"][1]]},
            (*Q, "steps"), ["measures steps"], ["end_to_end_lead_time"]),
    ],
    "learning-curve": [
        Trip({**changed(KPIS, choice("learning_curve", target={"low": 60}), add=True), "privacy": {
            "purpose": "p", "no_agreement_because": "n", "impact_assessment": "i"}}, (*KPIS, 4),
            ["whose task it was"], ["`agreement`", "`meetlat rebuild`"])
    ],
    "reference-prompt": [
        add(KPIS, choice("token_saving", target={"low": 0.3}), (*KPIS, 4), "nothing to compare",
            "[[use_cases.reference_prompts]]")
    ],
    "target": [
        put((*KPIS, 0, "target"), {"low": 85}, (*KPIS, 0, "target"), "not a share from 0 to 1",
            "0.85 for 85 %"),
        put((*KPIS, 0, "target"), {"low": 0.9, "high": 0.8}, (*KPIS, 0, "target"),
            "`low` above its `high`", "exchange"),
        put((*KPIS, 0, "target"), {"kind": "absolute"}, (*KPIS, 0, "target"), "has no figure",
            "trend"),
        put((*KPIS, 1, "target"), {"low": -3}, (*KPIS, 1, "target"), "below 0", "positive")
        ._replace(said=changed((*KPIS, 1), choice("screening_time", target={"low": -3}))),
        put((*KPIS, 1, "target"), {"low": -0.5, "kind": "relative"}, (*KPIS, 1, "target"),
            "negative improvement", "0.5 is 50 % better"),
        put((*KPIS, 1, "target"), {"low": 1.5, "kind": "relative"}, (*KPIS, 1, "target"),
            "more than 100 % less", "0.5 is 50 % less"),
        Trip(changed((*KPIS, 2), choice("customer_rating", target={"low": 80})),
             (*KPIS, 2, "target"), ["not a score from 1 to 10"], ["1 to 10"]),
        Trip(changed((*KPIS, 2), choice("payback_date", target={"low": 12})),
             (*KPIS, 2, "target"), ["is a date"], ["trend"]),
    ],
    "check-this": [
        put((*KPIS, 1, "target"), {"low": 0.9, "kind": "relative"}, (*KPIS, 1, "target"),
            "beyond 80 % better", "what you can defend"),
        Trip(changed((*KPIS, 0), choice("accuracy", target={"low": 0.99})),
             (*KPIS, 0, "target"), ["check this", "beyond 0.9"], ["what you can defend"]),
    ],
    "own-kpi": [
        put(("kpis", 0, "id"), "csat", ("kpis", 0, "id"), "already in the catalogue", "another id"),
        put(("kpis", 0, "sql"), "SELECT 1", ("kpis", 0), "has both", "write one"),
        put(("kpis", 0, "measurement"), None, ("kpis", 0), "has neither", "write one"),
        put(("kpis", 0, "unit"), "furlongs", ("kpis", 0, "unit"), "unit of KPI", "`share`"),
        put(("kpis", 0, "use_case"), "x", ("kpis", 0, "use_case"), "not in the plan", "`id`"),
        add(("kpis",), own("visits"), ("kpis", 1, "id"), "stands twice", "rename"),
    ],
    "own-sql": [
        Trip(changed(("kpis", 0), own_sql(text)), ("kpis", 0, "sql"), [reason], [remedy])
        for text, reason, remedy in (
            ("-- nothing", "is empty", "write one SELECT"),
            (f"{SQL}; DROP TABLE meta", "more than one statement", "write one SELECT"),
            ("DELETE FROM tasks_daily", "begins with `DELETE`", "write one SELECT"),
            ("ATTACH 'x.duckdb' AS x", "begins with `ATTACH`", "write one SELECT"),
            ("SELECT * FROM read_csv('x.csv')", "reads files (`read_csv`)", "as measurements"),
            ("SELECT * FROM 'x.parquet'", "reads files (`'x.parquet'`)", "as measurements"),
            (SQL.replace("tasks_daily", "tasks"), "table `tasks`", "docs/tables.md"),
            (f"{SQL} JOIN main.nowhere USING (day)", "table `nowhere`", "docs/tables.md"),
            (SQL.replace("AS n", "AS count"), "no column `n`", "write … AS n"),
        )
    ],
    "hand-baseline": [
        put((*Q, "baselines", 0, "value"), 70, (*Q, "baselines", 0, "value"),
            "is 70, outside its range 40 to 60", "low, then value, then high"),
        put((*Q, "baselines", 0, "value"), 30, (*Q, "baselines", 0, "value"), "is 30", "range"),
        put((*Q, "baselines", 0, "kpi"), "led_time", (*Q, "baselines", 0, "kpi"), "not known",
            "did you mean `lead_time`"),
        put((*Q, "baselines", 0, "segment"), "odd", (*Q, "baselines", 0, "segment"),
            "segment `odd`", "add it to `segments`"),
        put((*Q, "baselines", 0, "team"), "odd", (*Q, "baselines", 0, "team"), "team `odd`",
            "[[teams]]"),
        add((*Q, "baselines"), by_hand("lead_time"), (*Q, "baselines", 1), "stands there twice",
            "keep one"),
    ],
    "segment-baseline": [
        Trip({**(said := changed((*Q, "baselines", 0, "segment"), "standard")), "use_cases": [
            {k: v for k, v in said["use_cases"][0].items() if k != "baseline"},
            said["use_cases"][1]]},
            (*Q, "baselines", 0), ["no baseline for segment `complex`"], ["add one"]),
    ],
    "no-baseline": [
        put((*Q, "baseline"), None, Q, "no baseline for `end_to_end_lead_time` and `cost_saving`",
            "meetlat import"),
        Trip(changed(("use_cases", 1, "kpis", 0, "target"), {"low": 0.1, "kind": "relative"}),
             ("use_cases", 1), ["`response_accuracy`"], ["by hand", "[use_cases.baseline]"]),
    ],
    "short-baseline": [
        put((*Q, "baseline", "from"), date(2026, 2, 3), (*Q, "baseline"), "55 days", "full cycle")
    ],
    "baseline-window": [
        put((*Q, "baseline", "until"), LIVE, (*Q, "baseline", "until"), "used from 2026-04-01",
            "end it on 2026-03-31"),
        put((*Q, "baseline", "until"), START, (*Q, "baseline", "until"), "before it begins",
            "after 2026-01-05"),
    ],
    "no-go-live": [put((*Q, "go_live"), None, Q, "has no `go_live`", "first day with AI")],
    "go-live-ahead": [
        put((*Q, "go_live"), date(2026, 8, 1), (*Q, "go_live"), "goes live on 2026-08-01",
            "record the baseline")
    ],
    "phases-overlap": [
        put((*Q, "review"), date(2026, 4, 7), (*Q, "review"), "before the end of the settling week",
            "from 2026-04-29 to 2026-05-13"),
        put((*Q, "measured_from"), date(2026, 5, 7), (*Q, "measured_from"), "after its review",
            "four weeks"),
    ],
    "review-time": [
        put((*Q, "review"), LIVE + timedelta(days=27), (*Q, "review"), "27 days after go-live",
            "from 2026-04-29 to 2026-05-13"),
        put((*Q, "review"), LIVE + timedelta(days=43), (*Q, "review"), "43 days", "2026-05-13"),
    ],
    "late": [
        Trip(changed(("use_cases", 1, "measured_from"), LIVE + timedelta(days=184)),
             ("use_cases", 1, "measured_from"), ["more than six months"], ["meetlat import"]),
        put(("use_cases", 1, "go_live"), date(2025, 12, 29), ("use_cases", 1, "go_live"),
            "went live more than six months ago", "`measured_from`"),
    ],
    "dated-twice": [
        add(("teams", 0, "cost"), {"from": START, "hourly": 1}, ("teams", 0, "cost", 1, "from"),
            "begin on 2026-01-01", "its own `from`"),
        add(("company", "rates"), {"from": START, "currency": "USD", "rate": 1},
            ("company", "rates", 1, "from"), "`rates`", "keep one"),
        add(("prices",), {**plan()["prices"][0], "currency": "EUR"}, ("prices", 1, "from"),
            "`prices`", "keep one"),
        add(("investments",), plan()["investments"][0], ("investments", 3, "from"), "`investments`",
            "keep one"),
    ],
    "calendar": [
        put(("company", "calendar"), {"opens": "17:00", "closes": "09:00"},
            ("company", "calendar", "closes"), "ends at 09:00, not after 17:00", "later time"),
        put(("company", "calendar"), {"days": ["mon", "mon"]}, ("company", "calendar", "days", 1),
            "mon stands twice", "keep one"),
    ],
    "no-rate": [
        add(("prices",), NO_RATE, ("prices", 1, "currency"), "rate from GBP to EUR on 2026-01-01",
            'currency = "GBP"'),
        put(("investments", 0, "from"), date(2025, 12, 31), ("investments", 0, "currency"),
            "no rate from USD to EUR on 2025-12-31", "2025-12-31 or before"),
    ],
    "own-rate": [
        put(("company", "rates", 0, "currency"), "EUR", ("company", "rates", 0, "currency"),
            "own currency", "always 1")
    ],
    "no-hourly-cost": [
        put(("teams", 0, "cost"), [], (*Q, "teams", 0), "has no hourly cost: `cost_saving`",
            "[[teams.cost]]"),
        put(("teams", 0, "cost", 0, "from"), date(2026, 4, 2), (*Q, "teams", 0),
            "on 2026-04-01, the day of go-live", "[[teams.cost]]"),
        put((*Q, "teams"), [], Q, "has no teams", "[[teams.cost]]"),
    ],
    "investment": [
        put(("investments", 0, "amount"), None, ("investments", 0), "neither an amount nor hours",
            "`amount` or `hours`"),
        put(("investments", 0, "hours"), 3, ("investments", 0, "hours"), "both", "two investments"),
        put(("investments", 0, "currency"), None, ("investments", 0, "amount"),
            "without a currency", 'currency = "EUR"'),
        put(("investments", 1, "team"), None, ("investments", 1, "hours"), "without a team",
            "`team`"),
        put(("investments", 0, "kind"), "hours", ("investments", 0, "kind"), "of kind `hours`",
            "another kind"),
        put(("investments", 0, "until"), START, ("investments", 0, "until"), "ends on 2026-01-01",
            "later day"),
    ],
    "investment-names": [
        put(("investments", 0, "use_case"), "x", ("investments", 0, "use_case"), "`x`", "`id`"),
        put(("investments", 1, "team"), "x", ("investments", 1, "team"), 'team "x"', "[[teams]]"),
        put(("investments", 2, "shares"), {"quotes": 0.5, "x": 0.5},
            ("investments", 2, "shares", "x"), "share for `x`", "`id`"),
    ],
    "hours-without-cost": [
        put(("investments", 1, "from"), date(2025, 6, 1), ("investments", 1, "hours"),
            "would be free", "2025-06-01 or before")
    ],
    "shares": [
        put(("investments", 2, "shares"), {"quotes": 0.5, "support": 0.4},
            ("investments", 2, "shares"), "add up to 0.9", "add up to 1"),
        put(("investments", 2, "shares"), None, ("investments", 2, "key"), "no shares", "shares ="),
        put(("investments", 2, "key"), "uses", ("investments", 2, "shares"), "its key is `uses`",
            'key = "fixed"'),
        put(("investments", 0, "key"), "uses", ("investments", 0, "key"), "divided as well",
            "remove `use_case`"),
    ],
    "unallocated": [
        put(("investments", 0, "use_case"), None, ("investments", 0), "unallocated", "`use_case`")
    ],
    "empty-price": [
        Trip(changed(("prices", 0), {"from": LIVE, "model": "m", "currency": "USD"}),
             ("prices", 0), ["has no figure"], ["`input`"])
    ],
    "half-price": [
        put(("prices", 0, "output"), None, ("prices", 0), "lacks `output`", "write 0"),
        put(("prices", 0, "input"), None, ("prices", 0), "lacks `input`", "write 0"),
        Trip(changed(("prices", 0), {"from": LIVE, "model": "m", "currency": "USD",
                                     "cache_read": 1, "per_request": 1}),
             ("prices", 0), ["`input` and `output`"], ["write 0"]),
    ],
    "name-twice": [
        put(("teams", 1, "name"), "sales", ("teams", 1, "name"), "twice in `teams`", "rename"),
        put(("use_cases", 1, "id"), "quotes", ("use_cases", 1, "id"), "twice in `use_cases`",
            "rename"),
        put(("attributes",), ["a", "a"], ("attributes", 1), "twice in `attributes`", "remove"),
        put((*Q, "segments"), ["a", "a"], (*Q, "segments", 1), "twice in `segments`", "remove"),
        Trip({**(said := changed((*Q, "tools"), ["writer", "writer"]))}, (*Q, "tools", 1),
             ["twice in `tools`"], ["remove"]),
    ],
    "reserved-name": [
        put(("teams", 2, "name"), "(small)", ("teams", 2, "name"), "used by the tables", "another")
    ],
    "tool-twice": [
        put(("use_cases", 1, "tools"), ["bot", "writer"], ("use_cases", 1, "tools", 1),
            'tool "writer" is named by use case `quotes`', "keep it in one")
    ],
    "unknown-team": [
        put((*Q, "teams"), ["sales", "odd"], (*Q, "teams", 1), 'team "odd"', "add [[teams]]")
    ],
    "control-team": [
        put((*Q, "control_team"), "odd", (*Q, "control_team"), "not in the plan", "[[teams]]"),
        put((*Q, "control_team"), "sales", (*Q, "control_team"), "both uses the AI",
            "works without it"),
    ],
    "reference-tool": [
        put((*Q, "reference_prompts"), [{"tool": "x", "prompt_version": "1"}],
            (*Q, "reference_prompts", 0, "tool"), 'tool "x"', "`tools`")
    ],
    "no-tools": [put((*Q, "tools"), [], Q, "names no tools", "`tools`")],
    "no-head-count": [
        put(("teams", 0, "people"), [], (*Q, "teams", 0), "no head count: `adoption_rate`",
            "[[teams.people]]"),
        put(("teams", 0, "people", 0, "entitled"), None, (*Q, "teams", 0), "`entitled`",
            "`entitled`"),
        put(("teams", 0, "people", 0, "from"), date(2026, 5, 1), (*Q, "teams", 0), "on 2026-04-01",
            "`from`"),
    ],
    "control-head-count": [
        put(("teams", 1, "people"), [], (*Q, "control_team"), "no head count on 2026-01-05",
            "[[teams.people]]"),
        put(("teams", 1, "people", 0, "from"), date(2026, 2, 1), (*Q, "control_team"),
            "on 2026-01-05", "`from`"),
    ],
    "entitled": [
        put(("teams", 0, "people", 0, "entitled"), 11, ("teams", 0, "people", 0, "entitled"),
            "11 people entitled, of 10", "head count")
    ],
    "small-team": [
        Trip(changed(("teams", 0, "people", 0), {"from": START, "count": 4, "entitled": 4}),
             ("teams", 0), ["has 4 people", "(small)"], ["another team"]),
    ],
    "privacy": [
        put(("privacy", "purpose"), None, ("privacy",), "`purpose` is missing", "demo = true"),
        put(("privacy", "agreement"), None, ("privacy",), "`agreement`", "no_agreement_because"),
        put(("privacy", "impact_assessment"), None, ("privacy",), "`impact_assessment`",
            "reference"),
        Trip(hr_without_decider(), ("privacy",), ["`selection_decided_by`"], ["who decides"]),
    ],
    "two-agreements": [
        put(("privacy", "no_agreement_because"), "x", ("privacy", "no_agreement_because"),
            "and a reason why none", "keep the one")
    ],
    "personal-attribute": [
        put(("attributes",), ["region", "email"], ("attributes", 1), "`email`", "leave it out"),
        put(("attributes",), ["user_name"], ("attributes", 0), "`user_name`", "leave it out"),
    ],
    "recipient": [
        put(("reports", 0, "to"), ["a@b@c"], ("reports", 0, "to", 0), '"a@b@c"', "director@"),
        put(("reports", 0, "use_cases"), ["x"], ("reports", 0, "use_cases", 0), "`x`", "`id`"),
    ],
    "report-twice": [
        add(("reports",), {**plan()["reports"][0], "to": ["b@example.com"]}, ("reports", 1),
            "weekly report for users stands there twice", "one `to`")
    ],
    "own-figures": [
        Trip(changed(("privacy",), {"purpose": "p", "no_agreement_because": "n",
                                    "impact_assessment": "i"}),
             ("reports", 0, "audience"), ["own figures stay off"], ["`agreement`"]),
    ],
}  # fmt: skip


def test_the_plan_of_these_tests_has_no_problems() -> None:
    loaded, _ = judge(plan())
    assert loaded.problems == ()
    assert loaded.plan == loaded.read


@pytest.mark.parametrize("rule", GUARDS)
def test_a_guard_is_tripped_in_its_line_and_says_what_to_do(rule: str) -> None:
    for said, path, reasons, remedies in TRIPS[rule]:
        loaded, lines = judge(said)
        tripped = [problem for problem in loaded.problems if problem.rule == rule]
        assert len(tripped) == 1, loaded.problems
        (problem,) = tripped
        assert problem.line == lines.get(path, 1), problem
        assert problem.severity == GUARDS[rule].severity
        for words in reasons:
            assert words in problem.reason
        for words in remedies:
            assert words in problem.remedy
        assert (loaded.plan is None) == bool(loaded.errors)


def test_errors_never_depend_on_the_day() -> None:
    for trips in TRIPS.values():
        for trip in trips:
            text, _ = dump(trip.said)
            found = [
                parse(text.encode(), catalogue=STAND_INS, today=day).errors
                for day in (date(1990, 1, 1), TODAY, date(2099, 12, 31))
            ]
            assert found[0] == found[1] == found[2]


# --- just inside the bounds


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("too-many-kpis", changed(KPIS, [choice(name) for name in EIGHT[:7]])),
        ("too-many-kpis", changed(KPIS, [
            choice(name, phases=["early" if place < 4 else "monthly"])
            for place, name in enumerate(EIGHT)])),
        ("short-baseline", changed((*Q, "baseline", "from"), date(2026, 2, 2))),
        ("baseline-window", changed((*Q, "baseline", "until"), date(2026, 3, 31))),
        ("review-time", changed((*Q, "review"), LIVE + timedelta(days=28))),
        ("review-time", changed((*Q, "review"), LIVE + timedelta(days=42))),
        ("phases-overlap", changed((*Q, "review"), LIVE + timedelta(days=7))),
        ("go-live-ahead", changed((*Q, "go_live"), TODAY)),
        ("late", changed((*Q, "measured_from"), LIVE + timedelta(days=183))),
        ("late", changed(("use_cases", 1, "go_live"), date(2025, 12, 30))),
        ("report-twice", changed(("reports",), {**plan()["reports"][0], "phases": ["early"]},
                                 add=True)),
        ("no-rate", changed(("prices", 0, "from"), START)),
        ("no-hourly-cost", changed(("teams", 0, "cost", 0, "from"), LIVE)),
        ("hand-baseline", changed((*Q, "baselines", 0, "value"), 60)),
        ("entitled", changed(("teams", 0, "people", 0, "entitled"), 10)),
        ("raw-count", changed(KPIS, choice("requests", target={"low": 100}), add=True)),
        ("no-reference", changed(KPIS, choice("active_users", target={"low": 9}), add=True)),
        ("no-reference", changed(KPIS, choice("hours_saved"), add=True)),
        ("check-this", changed((*KPIS, 1, "target"), {"low": 0.8, "kind": "relative"})),
        ("target", changed((*KPIS, 1, "target"), {"low": 24, "high": 8})),  # h: lower is better
        ("tool-twice", changed((*Q, "tools"), ["writer", "translator"])),
        ("dated-twice", changed(("prices",), {**NO_RATE, "model": "other"}, add=True)),
        ("personal-attribute", changed(("attributes",), ["page", "language", "filename"])),
        ("shares", changed(("investments", 2, "shares"),
                           {"quotes": 0.1 + 0.2, "support": 0.7})),
    ],
)  # fmt: skip
def test_what_is_just_inside_a_bound_is_fine(rule: str, said: dict[str, Any]) -> None:
    assert problems(said, rule) == []


def test_made_up_data_need_no_agreements() -> None:
    said = changed(("privacy",), None)
    assert len(problems(said, "privacy")) == 3
    said["company"]["demo"] = True
    assert problems(said, "privacy") == []


def test_a_marked_place_is_a_warning_where_absence_is_an_error() -> None:
    for name in ("purpose", "agreement", "impact_assessment"):
        said = changed(("privacy", name), "FILL IN")
        assert problems(said, "privacy") == []
        (problem,) = problems(said, "unfilled")
        assert (problem.where, problem.severity) == (f"privacy.{name}", "warning")


def test_surplus_kpis_are_all_named() -> None:
    names = [*EIGHT, "first_time_right", "throughput"]
    (problem,) = problems(changed(KPIS, [choice(name) for name in names]), "too-many-kpis")
    assert "`satisfaction`, `first_time_right` and `throughput`" in problem.remedy


def test_without_positions_the_problems_are_the_same_but_for_their_lines() -> None:
    said = changed((*KPIS, 1, "decision"), None)
    loaded, _ = judge(said)
    assert loaded.read is not None
    (bare,) = check(loaded.read, catalogue=STAND_INS, today=TODAY)
    (placed,) = loaded.problems
    assert (bare.line, bare.reason, bare.where) == (1, placed.reason, placed.where)


def test_errors_come_first_and_each_by_line() -> None:
    said = changed(("prices", 0), {"from": LIVE, "model": "m", "currency": "USD"})
    said["use_cases"][0]["kpis"][1].pop("decision")
    said["use_cases"][0]["go_live"] = date(2026, 8, 1)
    found = judge(said)[0].problems
    keys = [(problem.severity, problem.line) for problem in found]
    assert keys == sorted(keys)
    assert {severity for severity, _ in keys} == {"error", "warning"}


def test_every_phase_follows_from_the_dates() -> None:
    use_case = Plan.model_validate(plan()).use_cases[0]
    days = {
        LIVE - timedelta(days=1): "baseline",
        LIVE: "settling",
        LIVE + timedelta(days=6): "settling",
        LIVE + timedelta(days=7): "early",
        LIVE + timedelta(days=34): "early",
        LIVE + timedelta(days=35): "review",
        LIVE + timedelta(days=62): "review",
        LIVE + timedelta(days=63): "monthly",
    }
    assert {day: use_case.phase(day) for day in days} == days


def test_a_name_that_is_like_no_other_gets_no_guess() -> None:
    """`access_rate` and `conversion_rate` share letters, and no meaning."""
    said = changed(KPIS, choice("access_rate"), add=True)
    (problem,) = problems(said, "unknown-kpi")
    assert "did you mean" not in problem.remedy
    assert problem.remedy.startswith("remove it; docs/kpis.md")
