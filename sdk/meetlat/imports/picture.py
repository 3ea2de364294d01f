"""The picture of an import in the terminal: what came out, and what was left out and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from statistics import fmean, median

import msgspec

from meetlat.imports.collecting import SHOWN
from meetlat.imports.measuring import Group
from meetlat.imports.moments import SECOND, moment_of
from meetlat.imports.preparing import Prepared

_MINUTE, _HOUR, _DAY = 60 * SECOND, 3600 * SECOND, 86_400 * SECOND
_EDGES = (
    ("1 min", _MINUTE), ("10 min", 10 * _MINUTE), ("1 h", _HOUR), ("4 h", 4 * _HOUR),
    ("1 day", _DAY), ("2 days", 2 * _DAY), ("4 days", 4 * _DAY), ("1 week", 7 * _DAY),
    ("2 weeks", 14 * _DAY), ("4 weeks", 28 * _DAY), ("8 weeks", 56 * _DAY),
    ("16 weeks", 112 * _DAY), ("1 year", 365 * _DAY),
)  # fmt: skip
_WIDTH = 40
_LOOKED_AT = 1000


def account(done: Prepared) -> Iterator[str]:
    """What was read, and everything that was left out: a line each."""
    read = done.collected
    yield (
        f"{_many(read.rows, 'row')}, {_many(read.duplicates, 'exact duplicate')} dropped, "
        f"{_many(read.bad_rows, f'bad {read.word}')}, {_many(done.cases, 'case')}, "
        f"{_many(len(done.events), 'event')}"
    )
    if read.bad_cases:
        yield f"bad {read.word}s belong to {_many(len(read.bad_cases), 'case')}"
    for reason, number in sorted(done.without.items()):
        yield f"{_many(number, 'case')} {reason}: no resolution made"
    if done.pairs or done.alone:
        yield f"{_many(done.pairs, 'pair')} of start and complete"
    for (activity, kind), number in done.alone.most_common(SHOWN):
        lacks = "complete" if kind == "start" else "start"
        yield f"{activity}: {_many(number, kind)} without a {lacks}, no handling time"
    for what, number in sorted(read.changes.items()):
        yield f"{_many(number, 'time')} {what}"
    if done.measures.backwards:
        many = _many(done.measures.backwards, "case")
        yield f"{many} with an end before the begin, left out of lead times: check the map"
    for name, texts in sorted(read.unnamed.items()):
        yield f"{name}: the map has no name for {_listed(texts)}; left out"
    if done.unknown:
        yield f"activities that the map does not name: {_listed(done.unknown)}"
    if done.absent:
        yield f"activities of the map that are not in the file: {', '.join(done.absent)}"


def picture(done: Prepared) -> Iterator[str]:
    """What the events say: segments, outcomes, a histogram of lead time, medians, an example."""
    all_, found = done.measures.all, done.measures
    if found.first is not None and found.last is not None:
        period = f"{moment_of(found.first):%Y-%m-%d} to {moment_of(found.last):%Y-%m-%d} (UTC)"
        yield f"period        {period}"
        open_ = all_.cases - all_.finished
        yield f"finished      {all_.finished:,}, not yet {open_:,}"
    yield from _shares("team", found.teams)
    yield from _shares("segment", {name: group.cases for name, group in found.segments.items()})
    yield from _shares("outcome", found.outcomes, "(none yet)")
    if all_.lead:
        yield ""
        yield f"lead time, from asked (or started) to finished, {_many(len(all_.lead), 'case')}"
        yield from histogram(all_.lead)
    yield ""
    yield from _medians({"all": all_, **_named(found.segments)}, "segment")
    if found.steps:
        yield ""
        yield from _medians(found.steps, "step")
    yield "* median"
    if done.events:
        yield ""
        yield "an event:"
        fullest = max(done.events[:_LOOKED_AT], key=len)
        yield from msgspec.json.format(fullest, indent=2).decode().splitlines()


def histogram(values: Sequence[int]) -> Iterator[str]:
    """Bars of the numbers of spans, in microseconds, by their length."""
    edges = [-1 << 62, *(edge for _, edge in _EDGES), 1 << 62]
    names = [f"< {_EDGES[0][0]}", *(f"< {name}" for name, _ in _EDGES[1:]), f"≥ {_EDGES[-1][0]}"]
    counts = [sum(low <= value < high for value in values) for low, high in pairwise(edges)]
    used = [place for place, number in enumerate(counts) if number]
    most = max(counts)
    for place in range(used[0], used[-1] + 1):
        number = counts[place]
        bar = "█" * round(number / most * _WIDTH) or ("▏" if number else "")
        yield f"{names[place]:>10}  {number:>9,}  {bar}".rstrip()


def span(microseconds: float) -> str:
    """A span as people say it."""
    size = abs(microseconds)
    for unit, name in ((_DAY, "days"), (_HOUR, "h"), (_MINUTE, "min")):
        if size >= 2 * unit or (size >= unit and unit != _DAY):
            return f"{microseconds / unit:.1f} {name}"
    return f"{microseconds / SECOND:.1f} s"


def _medians(groups: dict[str, Group], what: str) -> Iterator[str]:
    rows = {name: [show(group) for _, show in _COLUMNS] for name, group in groups.items()}
    used = [place for place in range(len(_COLUMNS)) if any(row[place] for row in rows.values())]
    width = max(len(name) for name in (what, *groups))
    yield f"{what:<{width}}" + "".join(f"  {_COLUMNS[place][0]:>15}" for place in used)
    for name, row in rows.items():
        yield f"{name:<{width}}" + "".join(f"  {row[place] or '–':>15}" for place in used)


def _median(values: list[int]) -> str:
    return span(median(values)) if values else ""


_COLUMNS: tuple[tuple[str, Callable[[Group], str]], ...] = (
    ("cases", lambda group: f"{group.cases:,}"),
    ("finished", lambda group: f"{group.finished:,}"),
    ("lead time*", lambda group: _median(group.lead)),
    ("to first draft*", lambda group: _median(group.draft)),
    ("handling*", lambda group: _median(group.handling)),
    ("mean handling", lambda group: span(fmean(group.handling)) if group.handling else ""),
    ("mean revisions", lambda group: f"{fmean(group.revisions):.2f}" if group.revisions else ""),
)


def _named(groups: dict[str, Group]) -> dict[str, Group]:
    return {name or "(none)": groups[name] for name in sorted(groups)} if set(groups) - {""} else {}


def _shares(what: str, counts: Mapping[str, int], none: str = "(none)") -> Iterator[str]:
    if not set(counts) - {""}:
        return
    total = sum(counts.values())
    for place, (name, number) in enumerate(Counter(counts).most_common(SHOWN)):
        head = what if place == 0 else ""
        yield f"{head:<12}  {name or none:<20}  {number:>9,}  {number / total:>4.0%}"
    if len(counts) > SHOWN:
        yield f"{'':<12}  … and {len(counts) - SHOWN} more"


def _listed(counts: Counter[str]) -> str:
    shown: Iterable[str] = (f"{name} ({number:,})" for name, number in counts.most_common(SHOWN))
    more = len(counts) - SHOWN
    return ", ".join(shown) + (f" … and {more} more" if more > 0 else "")


def _many(number: int, word: str) -> str:
    return f"{number:,} {word}" + ("" if number == 1 else "s")
