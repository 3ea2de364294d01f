"""The page docs/kpis.md, made from the catalogue, so that the words people read are those that
stand beside the SQL.
"""

from __future__ import annotations

from collections.abc import Iterable

from meetlat.kpis.catalogue import Kpi, Target, catalogue

LEVELS = {1: "technical", 2: "process", 3: "business", 4: "adoption"}
PACKS = {
    "all": "for every use case",
    "quotes": "quotes and documents",
    "hr": "HR",
    "service": "customer service",
    "general": "general productivity",
    "people": "the people side, for the works council",
}
_HEAD = """# KPIs

Every KPI that Meetlat knows, as its file in `sdk/meetlat/kpis/` says it: the question it answers,
what is counted and what is left out, and the SELECT that does it over the tables of
[tables.md](tables.md). How to add one: [kpis-add.md](kpis-add.md). The plan chooses 3 to 7 of them
per use case, and may give another target: [plan.md](plan.md).

A value has a range, a number of observations (n), and where there is one a baseline beside it. A
KPI marked *house* is not in the article that Meetlat is made from.
"""


def kpis_page() -> str:
    """The catalogue by level and pack, as Markdown."""
    text = _HEAD
    kpis = list(catalogue().values())
    for level, name in LEVELS.items():
        text += f"\n## Level {level}: {name}\n"
        for pack, title in PACKS.items():
            found = [kpi for kpi in kpis if (kpi.level, kpi.pack) == (level, pack)]
            if found:
                text += f"\n### Level {level}, {title}\n" + "".join(map(_kpi, found))
    return text


def _kpi(kpi: Kpi) -> str:
    house = " (house)" if kpi.house else ""
    facts = [
        ("unit", kpi.unit),
        ("better", kpi.better or "neither"),
        ("target", target_words(kpi.target, kpi.unit)),
        ("smallest n", str(kpi.minimum)),
        ("compared with a baseline of work without AI", "yes" if kpi.baseline else "no"),
        ("value", _value_words(kpi)),
        *_more(kpi),
        ("reads", ", ".join(f"`{name}`" for name in kpi.inputs)),
    ]
    rows = "".join(f"| {name} | {said} |\n" for name, said in facts)
    guards = "".join(f"- {guard}\n" for guard in kpi.guards)
    text = f"\n#### `{kpi.id}`\n\n**{kpi.title.en}**{house}: {kpi.question.en}\n\n"
    text += f"{kpi.definition.en}\n\n| | |\n| --- | --- |\n{rows}"
    if guards:
        text += f"\nGuards:\n\n{guards}"
    text += f"\nNederlands: **{kpi.title.nl}**: {kpi.question.nl} {kpi.definition.nl}\n"
    if kpi.sql:
        text += f"\n<details><summary>SQL</summary>\n\n```sql\n{kpi.sql}\n```\n\n</details>\n"
    return text


def _more(kpi: Kpi) -> Iterable[tuple[str, str]]:
    if kpi.weekly:
        yield "made of", "complete ISO weeks"
    if kpi.hourly:
        yield "per hour too", "yes"
    if kpi.maturity_days:
        yield "provisional for", f"{kpi.maturity_days} days after a task began"


def target_words(target: Target | None, unit: str) -> str:
    """A target in words, with its origin: '0.85 to 0.9 share (article)'."""
    if target is None:
        return "none but the plan's"
    ends = [f"{end:g}" for end in (target.low, target.high) if end is not None]
    between = " to ".join(ends)
    if target.kind == "trend":
        words = "a trend to the better"
    elif target.kind == "relative":
        words = f"an improvement on the baseline by {between} (1 is all of it)"
    else:
        words = f"{between} {unit}"
    return f"{words} ({target.origin})"


def _value_words(kpi: Kpi) -> str:
    words = {
        "share": "hits / n",
        "weighted": "hits / weight",
        "mean": "total / n",
        "ratio": "total / n",
        "sum": "total",
        "weeks": "mean of the totals of complete weeks",
        "quantile": f"the {kpi.quantile:g} quantile of log buckets",
        "survival": f"the {kpi.quantile:g} quantile, unfinished ones included (Kaplan-Meier)",
        "composed": "composed of several sums, as the definition says",
        "formula": "made of other figures, as the definition says",
    }[kpi.shape]
    return words if kpi.scale == 1 else f"{words}, × {kpi.scale:g}"
