"""Guards on names: what stands there twice, what is not in the plan, what cannot be told apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from meetlat.plan.guarding import Finding, Subject, again, guard, of
from meetlat.plan.positions import Path
from meetlat.plan.problems import shown

# Names that the tables give a meaning of their own.
RESERVED = frozenset({"(small)", "other"})
LISTS = ("steps", "segments", "tools", "features", "teams")


@guard("name-twice", "error", "A name that should be unique stands there twice.")
def name_twice(subject: Subject) -> Iterator[Finding]:
    plan = subject.plan
    lists: list[tuple[Path, str, Sequence[str]]] = [
        (("use_cases",), "id", [use_case.id for use_case in plan.use_cases]),
        (("teams",), "name", [team.name for team in plan.teams]),
        (("attributes",), "", plan.attributes),
    ]
    for path, use_case in subject.use_cases():
        lists += [((*path, name), "", getattr(use_case, name)) for name in LISTS]
        tools = [row.tool for row in use_case.reference_prompts]
        lists.append(((*path, "reference_prompts"), "tool", tools))
    for path, key, names in lists:
        for index in again(names):
            here: Path = (*path, index, key) if key else (*path, index)
            yield Finding(
                here,
                f"{shown(names[index])} stands twice in `{path[-1]}`",
                "rename or remove one of the two",
            )


@guard("reserved-name", "error", "A team has a name that the tables use themselves.")
def reserved_name(subject: Subject) -> Iterator[Finding]:
    for index, team in enumerate(subject.plan.teams):
        if team.name in RESERVED:
            yield Finding(
                ("teams", index, "name"),
                f"the team name {shown(team.name)} is used by the tables themselves",
                "give the team another name, in events too",
            )


@guard(
    "tool-twice",
    "error",
    "Two use cases name the same tool: then a call cannot be told to be of one or the other.",
)
def tool_twice(subject: Subject) -> Iterator[Finding]:
    owner: dict[str, str] = {}
    for path, use_case in subject.use_cases():
        for index, tool in enumerate(use_case.tools):
            first = owner.setdefault(tool, use_case.id)
            if first != use_case.id:
                yield Finding(
                    (*path, "tools", index),
                    f"tool {shown(tool)} is named by use case `{first}` and by {of(use_case)}",
                    "keep it in one; let the other's events carry their own tool name",
                )


@guard("unknown-team", "error", "A use case names a team that is not in `[[teams]]`.")
def unknown_team(subject: Subject) -> Iterator[Finding]:
    for path, use_case in subject.use_cases():
        for index, name in enumerate(use_case.teams):
            if name not in subject.team_names:
                yield Finding(
                    (*path, "teams", index),
                    f"team {shown(name)} of {of(use_case)} is not in the plan",
                    f"add [[teams]] with `name = {shown(name, 200)}`, or mend the name",
                )


@guard("control-team", "error", "The control team is not in the plan, or works with AI itself.")
def control_team(subject: Subject) -> Iterator[Finding]:
    for path, use_case in subject.use_cases():
        name = use_case.control_team
        if name is None:
            continue
        if name not in subject.team_names:
            yield Finding(
                (*path, "control_team"),
                f"the control team {shown(name)} of {of(use_case)} is not in the plan",
                "add it in [[teams]], or mend the name",
            )
        if name in use_case.teams:
            yield Finding(
                (*path, "control_team"),
                f"team {shown(name)} of {of(use_case)} both uses the AI and is its control team",
                "name a team that works without it",
            )


@guard("reference-tool", "error", "A reference prompt of a tool that the use case does not have.")
def reference_tool(subject: Subject) -> Iterator[Finding]:
    for path, use_case in subject.use_cases():
        for index, row in enumerate(use_case.reference_prompts):
            if row.tool not in use_case.tools:
                yield Finding(
                    (*path, "reference_prompts", index, "tool"),
                    f"tool {shown(row.tool)} is not one of {of(use_case)}",
                    "add it to `tools`, or mend the name",
                )


@guard("no-tools", "warning", "A use case without tools: events have to name the use case.")
def no_tools(subject: Subject) -> Iterator[Finding]:
    for path, use_case in subject.use_cases():
        if not use_case.tools:
            yield Finding(
                path,
                f"{of(use_case)} names no tools, so only events that name it count for it",
                "list the AI programs in `tools`, as events name them",
            )
