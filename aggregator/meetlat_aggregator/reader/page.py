"""What `meetlat kpi` prints for people: a table per use case, what changed, and what is missing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import groupby

from meetlat_aggregator.reader.changes import Change, largest_miss, miss
from meetlat_aggregator.reader.form import Form, comparable, compared
from meetlat_aggregator.reader.period import period_text
from meetlat_aggregator.reader.published import Row
from meetlat_aggregator.reader.words import Language, word

_RIGHT = ("value", "n", "baseline")
# Remarks that the table tells already, in the reader's language.
_TOLD = re.compile(
    r"^\d+ (of|van) \d+$"
    r"|has no baseline and is not compared$|heeft geen nulmeting en wordt niet vergeleken$"
)
LACKING = ("dropped", "refused", "late", "dead", "unpriced")


def title(row: Row, language: Language) -> str:
    """What a KPI is called; its id when the catalogue has no words for it."""
    return str(row[f"title_{language}"] or row["title_en"] or row["kpi"])


def remarks(row: Row, language: Language) -> list[str]:
    """What has to be known beside a figure."""
    said = row["remark_nl" if language == "nl" else "remark"] or ""
    return [one for one in said.split("; ") if one]


def head(
    shown: Sequence[Row], name: str, days: tuple[date, date], as_of: datetime, language: Language
) -> str:
    """Of which days, of which moment, and whether it can still change."""
    first, last = days[0], days[1] - timedelta(days=1)
    text = f"{word(name, language)} {first:%Y-%m-%d} {word('until', language)} {last:%Y-%m-%d}"
    if name in ("week", "month", "quarter", "year"):
        text = f"{word(name, language)} {period_text(name, first)} · {first:%Y-%m-%d} "
        text += f"{word('until', language)} {last:%Y-%m-%d}"
    elif first == last:
        text = f"{word(name, language)} {first:%Y-%m-%d}"
    text += f" · {word('as of', language)} {as_of:%Y-%m-%d %H:%M} UTC"
    if any(row["closed"] is False for row in shown):
        text += f" · {word('open', language)}"
    return text


def tables(shown: Sequence[Row], form: Form) -> Iterator[str]:
    """One table per use case, with its notes."""
    for use_case, group in groupby(shown, key=lambda row: row["use_case"]):
        of_it = list(group)
        yield f"{_heading(use_case, of_it, form.language)}\n{_table(of_it, form)}"
        notes = list(_notes(of_it, form))
        if notes:
            yield "\n".join(notes)


def phase(shown: Sequence[Row], language: Language) -> str:
    """The phase of the period; of what nobody measured then, today's. Empty without a plan."""
    phases = [row["phase"] for row in shown if row["phase"] and row["n"]]
    name = next(iter(phases), shown[0]["phase"] or shown[0]["phase_now"])
    return word("before go-live" if name == "baseline" else name, language) if name else ""


def _heading(use_case: str, shown: Sequence[Row], language: Language) -> str:
    row = shown[0]
    text = row["name"] or use_case or word("none named", language)
    if use_case and text != use_case:
        text += f" ({use_case})"
    if name := phase(shown, language):
        text += f" · {word('phase', language)}: {name}"
    if row["go_live"]:
        text += f" · {word('live since', language)} {row['go_live']:%Y-%m-%d}"
    return text


def _table(shown: Sequence[Row], form: Form) -> str:
    language = form.language
    columns: dict[str, list[str]] = {"kpi": [title(row, language) for row in shown]}
    for dimension in ("segment", "part"):
        if any(row[dimension] for row in shown):
            columns[dimension] = [row[dimension] for row in shown]
    columns |= {
        "value": [form.figure(row) for row in shown],
        "range": [form.range(row) for row in shown],
        "n": ["–" if row["status"] == "suppressed" else form.number(row["n"]) for row in shown],
        "baseline": [form.baseline(row) for row in shown],
        "target": [form.target(row) for row in shown],
        "change": [form.change(row) for row in shown],
        "basis": [word(row["basis"], language) if row["basis"] else "–" for row in shown],
        "status": [word(row["status"], language) for row in shown],
    }
    heads = [word(name, language) for name in columns]
    widths = [max(map(len, [h, *cells])) for h, cells in zip(heads, columns.values(), strict=True)]
    lines = [heads, ["─" * width for width in widths], *zip(*columns.values(), strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if name in _RIGHT else cell.ljust(width)
            for cell, width, name in zip(line, widths, columns, strict=True)
        ).rstrip()
        for line in lines
    )


def _hint(row: Row) -> str:
    """The status, but for a provisional one of before go-live, which no review will decide, and
    for what has no baseline as the plan does not say when go-live is.
    """
    if row["status"] == "provisional" and row["phase"] == "baseline":
        return "baseline"
    if row["status"] == "no baseline" and row["name"] and row["go_live"] is None:
        return "no go-live"
    return str(row["status"])


def compared_note(row: Row, form: Form) -> str:
    """What was compared, where value and baseline side by side would tell another story."""
    now = compared(row)
    if now is None:
        return ""
    ends = (form.value(end, row["unit"], row["currency"]) for end in (now, row["baseline"]))
    return word("compared", form.language).format(*ends)


def _notes(shown: Sequence[Row], form: Form) -> Iterator[str]:
    language = form.language
    for hint in ("no baseline", "no go-live", "baseline", "provisional"):
        which = [title(row, language) for row in shown if _hint(row) == hint]
        if which:
            yield f"· {word(f'{hint} hint', language)} ({', '.join(dict.fromkeys(which))})"
    for row in shown:
        name = title(row, language)
        if row["segment"] or row["part"]:
            name += f" ({' · '.join(filter(None, (row['segment'], row['part'])))})"
        share = row["compared_share"]
        if share is not None and share < 1 and comparable(row):
            yield f"· {name}: {form.percentage(share)} {word('share compared', language)}"
        if note := compared_note(row, form):
            yield f"· {name}: {note}"
        if row["control_change"] is not None and comparable(row):
            change = form.percentage(row["control_change"])
            yield f"· {name}: {word('control', language)} ({change})"
        for remark in remarks(row, language):
            if not _TOLD.search(remark):
                yield f"· {name}: {remark}"


def changes(
    found: Sequence[Change], shown: Sequence[Row], form: Form, most: int = 3
) -> Iterator[str]:
    """What changed most, and the largest miss with what the plan decided for it."""
    language = form.language
    known = {(row["use_case"], row["kpi"]): row for row in shown}
    listed = [change for change in found if (change.use_case, change.kpi) in known][:most]
    yield f"{word('changed most', language)} ({word('stayed', language)}): " + (
        "; ".join(_change(change, known[change.use_case, change.kpi], form) for change in listed)
        or word("nothing changed", language)
    )
    row = largest_miss(shown)
    text = f"{word('largest miss', language)}: "
    if row is None:
        yield text + word("no miss", language)
        return
    text += f"{title(row, language)}, {row['name'] or row['use_case']}: {form.figure(row)}"
    if row["kind"] == "relative":
        text += f", {form.change(row)}"
    text += f", {word('target', language)} {form.target(row)}"
    assert miss(row) is not None
    yield text + (f". {word('then', language)}: {row['decision']}" if row["decision"] else "")


def _change(change: Change, row: Row, form: Form) -> str:
    ends = (form.value(end, change.unit, row["currency"]) for end in (change.before, change.now))
    step = f" {word('to', form.language)} "
    where = row["name"] or row["use_case"]
    return f"{title(row, form.language)}, {where}: {word('from', form.language)} {step.join(ends)}"


def health_line(found: Row, form: Form) -> str:
    """What is missing in the period's events, of all use cases."""
    language = form.language
    text = f"{word('data', language)}: "
    if not any(found.values()):
        return text + word("no data", language)
    text += f"{form.number(found['received'])} {word('received', language)}; "
    if not any(found[name] for name in LACKING):
        return text + word("complete", language)
    return text + ", ".join(f"{form.number(found[n])} {word(n, language)}" for n in LACKING)
