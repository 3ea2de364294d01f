# ruff: noqa: DTZ001, E501 - DuckDB's times are naive; the catalogue below is a table
"""A published file with KPI values as a company would have them: every status, several use cases.

The numbers are chosen, not computed: what reads them must show just these.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from meetlat_aggregator.database import open_database
from meetlat_aggregator.publish import Publisher

AS_OF = datetime(2026, 11, 25, 4, 30)
ROLLING = datetime(2026, 10, 28)  # 28 days up to 24 November
WEEK = datetime(2026, 11, 16)
NOVEMBER = datetime(2026, 11, 1)

# id, level, unit, better, English, Dutch, target low, high, kind
CATALOGUE = (
    ("availability", 1, "share", "higher", "Availability", "Beschikbaarheid", 0.995, None, "absolute"),
    ("response_time_p95", 1, "s", "lower", "Response time (p95)", "Antwoordtijd (p95)", 3, None, "absolute"),
    ("error_rate", 1, "share", "lower", "Failed calls", "Mislukte aanroepen", 0.01, None, "absolute"),
    ("cost_per_request", 1, "money", "lower", "Cost per request", "Kosten per vraag", None, None, None),
    ("lead_time", 2, "h", "lower", "Lead time", "Doorlooptijd", 0.5, 0.7, "relative"),
    ("automation_rate", 2, "share", "higher", "Automated", "Geautomatiseerd", 0.8, 0.9, "absolute"),
    ("revision_rounds", 2, "share", "higher", "At most two revisions", "Hooguit twee revisies", 0.8, None, "absolute"),
    ("screening_time", 2, "min", "lower", "Screening time", "Screeningstijd", 0.8, None, "relative"),
    ("csat", 2, "share", "higher", "Customer satisfaction", "Klanttevredenheid", 0.8, None, "absolute"),
    ("escalation_rate", 2, "share", "lower", "Handed over", "Doorverwezen", None, None, "trend"),
    ("deflection_rate", 2, "share", "higher", "Avoided tickets", "Vermeden tickets", 0.3, None, "absolute"),
    ("cost_saving", 3, "money", "higher", "Cost saving", "Kostenbesparing", None, None, None),
    ("repair_cost", 3, "money", "lower", "Repair cost", "Herstelkosten", None, None, None),
    ("payback_date", 3, "date", "earlier", "Paid for itself", "Terugverdiend", None, None, None),
    ("satisfaction", 4, "score", "higher", "Satisfaction", "Tevredenheid", 7, None, "absolute"),
    ("adoption_rate", 4, "share", "higher", "Adoption", "Adoptie", 0.7, None, "absolute"),
)  # fmt: skip
USE_CASES = (
    ("quotes", "Quotes", "quotes", date(2026, 3, 2), "monthly"),
    ("service", "Customer service", "service", date(2026, 10, 19), "review"),
    ("hr", "Recruiting", "hr", date(2026, 11, 9), "early"),
)
TARGETS = (
    ("quotes", "lead_time", 0.5, 0.7, "relative", "Stop when it stays above a day", ""),
    ("quotes", "cost_saving", 2000, None, "absolute", "Ask for a cheaper model", ""),
    ("quotes", "revision_rounds", 0.8, None, "absolute", "Mend the templates", ""),
    ("quotes", "error_rate", 0.01, None, "absolute", "Call the vendor", ""),
    ("quotes", "payback_date", None, None, None, None, ""),
    ("service", "csat", 0.8, None, "absolute", "Train the bot again", ""),
    ("service", "escalation_rate", None, None, "trend", "Mend the hand-over", ""),
    ("service", "deflection_rate", 0.3, None, "absolute", "Rewrite the help pages", ""),
    ("service", "repair_cost", None, 250, "absolute", "Check drafts before they go out", ""),
    ("service", "availability", 0.995, None, "absolute", "Call the vendor", ""),
    ("hr", "screening_time", 0.8, None, "relative", "Go back to two readers", ""),
    ("hr", "satisfaction", 7, None, "absolute", "Ask why", ""),
    ("hr", "adoption_rate", 0.7, None, "absolute", "Train more people", "review, monthly"),
)


def value(use_case: str, kpi: str, **said: Any) -> dict[str, Any]:
    """A row of kpi_values; what is not said is empty."""
    unit = next((row[2] for row in CATALOGUE if row[0] == kpi), "count")
    return {
        "period": "rolling_28d", "start": ROLLING, "use_case": use_case, "team": "",
        "segment": "", "part": "", "kpi": kpi, "unit": unit, "basis": "measured",
        "phase": "monthly", "closed": False, "as_of": AS_OF, "n": 0, **said,
    }  # fmt: skip


def lead_time(**said: Any) -> dict[str, Any]:
    """Three days to one."""
    return value("quotes", "lead_time", **{
        "value": 24.0, "low": 21.5, "high": 26.0, "n": 412, "baseline": 72.0, "baseline_n": 300,
        "target_low": 21.6, "target_high": 36.0, "improvement": 2 / 3, "improvement_low": 0.6,
        "improvement_high": 0.72, "status": "on target", **said,
    })  # fmt: skip


def rolling() -> Iterator[dict[str, Any]]:
    """The last 28 days: every status once or more."""
    yield lead_time(
        compared_share=0.8,
        remark="20 % has no baseline and is not compared; =2 tasks without an end",
        remark_nl="20 % heeft geen nulmeting en wordt niet vergeleken; =2 taken zonder einde",
    )
    yield lead_time(segment="standard", value=20.0, low=18.0, high=22.0, n=330, improvement=0.5,
                    improvement_low=0.45, improvement_high=0.55, baseline=40.0)  # fmt: skip
    yield lead_time(segment="complex", value=90.0, low=70.0, high=110.0, n=82, improvement=0.1,
                    improvement_low=-0.05, improvement_high=0.25, baseline=100.0,
                    status="undecided")  # fmt: skip
    yield lead_time(team="sales", value=30.0, low=28.0, high=33.0, n=120, improvement=0.55,
                    improvement_low=0.5, improvement_high=0.6)  # fmt: skip
    yield value("quotes", "cost_saving", value=1234.4, low=-120.0, high=2600.0, n=412,
                currency="EUR", basis="estimated", target_low=2000, status="undecided")  # fmt: skip
    yield value("quotes", "revision_rounds", value=None, low=0.686, high=0.971, n=19, counted=17,
                baseline=0.5, baseline_n=12, improvement=0.79, improvement_low=0.2,
                improvement_high=1.4, target_low=0.8, status="too few")  # fmt: skip
    yield value("quotes", "error_rate", value=0.024, low=0.021, high=0.0273, n=9120,
                target_low=0.01, status="off target")  # fmt: skip
    yield value("quotes", "error_rate", part="timeout", value=0.02, low=0.017, high=0.023, n=9120,
                status="off target")  # fmt: skip
    yield value("quotes", "payback_date", value_date=date(2027, 2, 14), n=412, basis="estimated",
                status="no baseline")  # fmt: skip
    yield value("quotes", "response_time_p95", value=2.84, low=2.7, high=2.98, n=9120,
                target_low=3, status="on target")  # fmt: skip
    yield value("quotes", "cost_per_request", value=0.01234, low=0.0121, high=0.0126, n=9120,
                currency="USD", status="no baseline")  # fmt: skip
    yield value("quotes", "automation_rate", value=0.43, low=0.38, high=0.48, n=412,
                baseline=0.2, baseline_n=300, improvement=1.15, improvement_low=0.8,
                improvement_high=1.5, target_low=0.8, target_high=0.9, control_change=0.02,
                status="off target")  # fmt: skip
    service = {"phase": "review"}
    yield value("service", "csat", value=0.812, low=0.77, high=0.848, n=380, target_low=0.8,
                status="undecided", **service)  # fmt: skip
    yield value("service", "escalation_rate", value=0.31, low=0.29, high=0.33, n=2104,
                status="no baseline", **service)  # fmt: skip
    yield value("service", "deflection_rate", value=0.35, low=0.33, high=0.37, n=900,
                target_low=0.3, status="stale", **service)  # fmt: skip
    early = {"phase": "early"}
    yield value("hr", "screening_time", value=6.5, low=5.9, high=7.2, n=64, baseline=30.0,
                baseline_n=200, improvement=0.783, improvement_low=0.75, improvement_high=0.81,
                status="provisional", **early)  # fmt: skip
    yield value("hr", "satisfaction", n=0, status="suppressed", target_low=7, **early)
    yield value("hr", "adoption_rate", value=0.55, low=0.35, high=0.73, n=22, counted=12,
                target_low=0.7, status="provisional", **early)  # fmt: skip


def history() -> Iterator[dict[str, Any]]:
    """Weeks and months of quotes: the lead time fell three months ago and stayed low."""
    for back in range(20):
        start = WEEK - timedelta(weeks=back)
        hours = 24.0 if back < 12 else 40.0
        yield lead_time(
            period="week", start=start, value=hours + back % 3 / 4, n=100, closed=back > 1
        )
        yield value("quotes", "error_rate", period="week", start=start, value=0.02 + back / 5000,
                    low=0.01, high=0.03, n=2000 if back != 5 else 12, target_low=0.01,
                    status="off target" if back != 5 else "too few", closed=back > 1)  # fmt: skip
    for month, hours in ((9, 40.0), (10, 25.0), (11, 24.0)):
        yield lead_time(period="month", start=datetime(2026, month, 1), value=hours,
                        low=hours - 2, high=hours + 2, closed=month < 11)  # fmt: skip
        yield value("quotes", "error_rate", period="month", start=datetime(2026, month, 1),
                    value=0.02 + month / 10000, low=0.01, high=0.03, n=9000, target_low=0.01,
                    status="off target", closed=month < 11)  # fmt: skip
    yield lead_time(period="since_go_live", start=datetime(2026, 3, 2))
    yield lead_time(period="quarter", start=datetime(2026, 10, 1))
    yield lead_time(period="year", start=datetime(2026, 1, 1))
    yield lead_time(period="day", start=datetime(2026, 11, 24), n=17)
    yield lead_time(start=ROLLING - timedelta(days=1), value=99.0)  # not the newest


def publish_empty(directory: Path, timezone: str = "Europe/Amsterdam") -> Path:
    """A file as the aggregator publishes it before anything happened."""
    with open_database(directory / "empty.duckdb") as con:
        publisher = Publisher(con, directory, timezone)
        publisher.publish()
    return publisher.path


@contextmanager
def writing(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The published file, to be changed by a test."""
    path.chmod(0o644)
    with duckdb.connect(str(path)) as con:
        yield con
    path.chmod(0o444)


def insert(con: duckdb.DuckDBPyConnection, rows: list[dict[str, Any]]) -> None:
    """Put rows into kpi_values."""
    names = [name for (name, *_) in con.execute("DESCRIBE kpi_values").fetchall()]
    assert not {name for row in rows for name in row} - set(names)
    marks = ", ".join("?" for _ in names)
    con.executemany(
        f"INSERT INTO kpi_values VALUES ({marks})", [[row.get(n) for n in names] for row in rows]
    )


def kpi_file(directory: Path) -> Path:
    """`DIRECTORY/kpi.duckdb` of a company with three use cases."""
    path = publish_empty(directory)
    with writing(path) as con:
        con.execute((Path(__file__).parent / "kpi_tables.sql").read_text())
        con.execute("UPDATE meta SET as_of = ?, currency = 'EUR'", [AS_OF])
        for row in CATALOGUE:
            kpi, level, unit, better, english, dutch, low, high, kind = row
            con.execute(
                "INSERT INTO kpi_catalog VALUES (?, ?, 'all', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
                "'house', 20, '')",
                [kpi, level, unit, better, english, dutch, f"{english}?", f"{dutch}?",
                 f"What {kpi} is", f"Wat {kpi} is", low, high, kind],
            )  # fmt: skip
        for use_case, name, pack, live, phase in USE_CASES:
            con.execute(
                "INSERT INTO use_cases VALUES (?, ?, ?, '', ?, NULL, '=owner', ?)",
                [use_case, name, pack, live, phase],
            )
        con.executemany("INSERT INTO targets VALUES (?, ?, ?, ?, ?, ?, ?)", TARGETS)
        insert(con, [*rolling(), *history()])
        con.execute(
            "INSERT INTO data_health (hour, source, received, counted, duplicate, late, dead, "
            "refused, void, unpriced, dropped) VALUES "
            "('2026-11-20 10:00:00', '/bot', 10000, 9900, 20, 3, 0, 2, 0, 99, 12), "
            "('2026-10-31 23:30:00', '', 1, 0, 0, 0, 1, 0, 0, 0, 0), "
            "('2026-10-27 22:30:00', '/bot', 7, 7, 0, 7, 0, 0, 0, 0, 0)"
        )
        con.execute(
            "INSERT INTO interactions_hourly (hour, tool, requests, usage_requests, "
            "unpriced_requests) VALUES ('2026-11-20 10:00:00', 'bot', 99, 99, 44), "
            "('2026-10-27 22:30:00', 'bot', 5, 5, 5)"
        )
        con.execute(
            "INSERT INTO usage_daily (day, use_case, tool, feature, team, segment, action, "
            "template, events, uses) VALUES "
            "('2026-11-20', 'quotes', '=1+1', '', 'sales', '', '', '', 3, 4), "
            "('2026-10-02', 'service', 'bot', '', '-dash', '', '', '', 1, 1)"
        )
    return path
