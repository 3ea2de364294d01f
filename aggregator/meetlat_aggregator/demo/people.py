"""How many people use a tool in a week, as far as it may be shown. Plain Python, for the truth.

Nothing is shown about fewer than five people: small teams are put together as one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal

from meetlat_aggregator.demo.story import Happening

PRIVACY_LIMIT = 5


def people_figures(happenings: list[Happening]) -> dict[tuple[str, str], Decimal]:
    """People and uses, added up over weeks and shown teams, per use case.

    A use is a session, or a call or use outside of one. What was given up is no use.
    """
    teams: defaultdict[date, defaultdict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    uses: defaultdict[tuple[date, str, str, str], set[str]] = defaultdict(set)
    for h in happenings:
        user = h.fields.get("user")
        if h.kind not in ("interaction", "used") or user is None:
            continue
        if h.fields.get("status") == "cancelled":
            continue
        week = h.time.date() - timedelta(days=h.time.weekday())
        teams[week][h.fields["team"]].add(user)
        key = (week, h.tool.use_case, h.fields["team"], user)
        uses[key].add(h.fields.get("session", h.id))
    shown = {week: shown_teams(found) for week, found in teams.items()}
    rows: defaultdict[tuple[date, str, str], list[int]] = defaultdict(list)
    for (week, use_case, team, _), sessions in uses.items():
        rows[week, use_case, shown[week][team]].append(len(sessions))
    figures: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for (_, use_case, _), per_person in rows.items():
        if len(per_person) >= PRIVACY_LIMIT:
            figures[use_case, "people, added up over weeks"] += len(per_person)
            figures[use_case, "uses in complete weeks"] += sum(per_person)
    return figures


def shown_teams(people: Mapping[str, set[str]]) -> dict[str, str]:
    """Each team's shown name. If one is small, as many of the smallest are hidden together as make
    a group that is large enough: at least two teams, at least five people.
    """
    order = sorted(people, key=lambda team: (len(people[team]), team))
    small = sum(len(people[team]) < PRIVACY_LIMIT for team in order)
    hidden = 0
    if small:
        hidden = len(order)
        for number in range(max(small, 2), len(order) + 1):
            if len(set().union(*(people[team] for team in order[:number]))) >= PRIVACY_LIMIT:
                hidden = number
                break
    return {team: "(small)" if n < hidden else team for n, team in enumerate(order)}
