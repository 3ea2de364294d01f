"""Writes the pages that are made from the code: settings, metrics, events, commands, the plan,
tables, KPIs.

`python docs/generate.py` rewrites them, `--check` says which differ. Whoever changes a catalogue,
a model or a command regenerates the page in the same commit; `make check` holds that.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from datetime import datetime
from importlib.metadata import entry_points
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import click
from annotated_types import Ge, Le, MaxLen, MinLen
from pydantic.fields import FieldInfo
from pydantic.types import StringConstraints

from meetlat.cli import meetlat
from meetlat.contract import fields
from meetlat.contract.envelope import MAX_EVENT_BYTES, Attributes
from meetlat.contract.events import EVENT_MODELS, EventData
from meetlat.kpis._docs import kpis_page
from meetlat.metrics import MAX_LABEL_VALUES, METRICS, Metric
from meetlat.plan._docs import plan_page
from meetlat.settings import CONFIG_ENV, SETTINGS, Secret, Setting
from meetlat_aggregator._docs import tables_page

DOCS = Path(__file__).parent
NOTE = "<!-- Made by docs/generate.py; do not edit. -->\n\n"


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join("| " + " | ".join(_cell(c) for c in line) + " |\n" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


# --- settings


def settings_page() -> str:
    """Every setting by who uses it."""
    text = f"""# Settings

A setting comes from the environment, else from the table `[settings]` in `meetlat.toml` (in the
working directory, or where `{CONFIG_ENV}` points), else it has its default. In the file its name
is the part behind `MEETLAT_`, in lower case:

```toml
[settings]
log = "kafka://broker-1:9092,broker-2:9092"
publish_seconds = 5
```

An unknown name in the file, or a value that does not fit, is an error that names it. Secrets are
never shown: not in logs, errors or reprs; keep them in the environment.
"""
    for user in dict.fromkeys(setting.used_by for setting in SETTINGS):
        rows = (
            (f"`{setting.env}`", _default(setting), setting.meaning + _secret(setting))
            for setting in SETTINGS
            if setting.used_by == user
        )
        title = user[0].upper() + user[1:] if user != "sdk" else "SDK"
        title = title.replace("Sdk", "SDK")
        text += f"\n## {title}\n\n" + table(("setting", "default", "meaning"), rows)
    return text


def _default(setting: Setting[Any]) -> str:
    default = setting.default
    if isinstance(default, Secret) or default == "":
        return "–"
    if isinstance(default, tuple):
        return f"`{default[0]}:{default[1]}`"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, float) and default.is_integer():
        return f"`{int(default)}`"
    return f"`{default}`"


def _secret(setting: Setting[Any]) -> str:
    return " (secret)" if setting.secret else ""


# --- metrics


def metrics_page() -> str:
    """Every Prometheus metric by service."""
    text = f"""# Metrics

The collector and the aggregator answer `GET /metrics` in the text format of Prometheus. Base
units; counters end in `_total`; no `_created` series. A label has at most {MAX_LABEL_VALUES}
values, what comes after them is `other` and counted in `meetlat_labels_folded_total`; a label
never holds a user, session, case or path of the caller's.
"""
    for service, address in (("aggregator", "127.0.0.1:9464"), ("collector", "127.0.0.1:4318")):
        rows = (
            (f"`{m.name}`", m.kind, ", ".join(f"`{label}`" for label in m.labels) or "–", m.meaning)
            for m in METRICS
            if m.service == service
        )
        text += f"\n## {service.capitalize()} (`{address}` by default)\n\n"
        text += table(("metric", "kind", "labels", "meaning"), rows)
    return (
        text
        + "\n## Buckets of the histograms\n\n"
        + table(
            ("metric", "upper bounds"),
            (
                (f"`{m.name}`", ", ".join(f"{bound:,}" for bound in m.buckets))
                for m in _histograms()
            ),
        )
    )


def _histograms() -> Iterable[Metric]:
    return (metric for metric in METRICS if metric.kind == "histogram")


# --- events


def events_page() -> str:
    """The envelope, the common fields, and every type with its fields, units and bounds."""
    text = f"""# Events, version 1

An event is a [CloudEvent 1.0](https://cloudevents.io) in JSON, at most {MAX_EVENT_BYTES:,} bytes.
`source`, `id` and `time` are its identity: an event never changes, a resend has the same three,
and it counts once however often it arrives. Unknown fields are kept and ignored; an unknown type
is stored, not refused.

The machine-readable form is the JSON Schema `meetlat/contract/meetlat.events.v1.schema.json` in
the package. Both are made from the models in `sdk/meetlat/contract/events.py`; changes to them
only add.

## Envelope

"""
    rows = [_field_row(name, info) for name, info in Attributes.model_fields.items()]
    text += table(FIELD_HEAD, rows)
    text += f"""
## Kinds of values

Numbers are finite. Absent is not zero: every field keeps its own count; `null` is absent.

{table(("kind", "takes"), ((name, takes) for name, _, takes in KINDS))}
## Fields of every type

"""
    text += table(FIELD_HEAD, [_field_row(n, i) for n, i in EventData.model_fields.items()])
    for type_name, model in EVENT_MODELS.items():
        own = [
            _field_row(name, info)
            for name, info in model.model_fields.items()
            if name not in EventData.model_fields
            or (info.is_required() and not EventData.model_fields[name].is_required())
        ]
        text += f"\n## `{type_name}`\n\n{_paragraph(model.__doc__ or '')}\n"
        if own:
            text += "\n" + table(FIELD_HEAD, own)
        if model.rule is not EventData.rule:
            text += f"\nRule: {RULES[type_name]}\n"
    return text


FIELD_HEAD = ("field", "takes", "meaning")
# In words, what a model's `rule` says of several fields at once; one that has none here fails.
RULES = {
    "meetlat.interaction.v1": "`cost` needs `currency` beside it.",
    "meetlat.feedback.v1": (
        "`score` needs `scale_min` and `scale_max`, and lies within them. A survey answer carries "
        "no `user`, and its time is cut to its week (Monday 00:00 UTC)."
    ),
    "meetlat.review.v1": "`sampling_rate` lies above 0.",
    "meetlat.task.v1": "`value` needs `currency` beside it.",
    "meetlat.selection_counts.v1": (
        "never with `user`, `session` or `case`; `counts` has at least one group."
    ),
}


def _field_row(name: str, info: FieldInfo) -> tuple[str, str, str]:
    takes = _takes(info.annotation, list(info.metadata))
    if info.is_required():
        takes += "; required"
    elif info.default is not None:
        takes += f"; default `{info.default}`"
    return (f"`{name}`", takes, info.description or "")


def _takes(annotation: Any, metadata: list[Any]) -> str:
    """What a field takes, in words: its type, unit and bounds."""
    kind = _KIND_OF.get(_signature(annotation, metadata))
    if kind:
        return kind
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *more = get_args(annotation)
        return _takes(inner, [*more, *metadata])
    if origin in (Union, UnionType):
        part = next(part for part in get_args(annotation) if part is not NoneType)
        return _takes(part, metadata)
    if origin is Literal:
        return ", ".join(f"`{word}`" for word in get_args(annotation))
    if annotation is bool:
        return "`true` or `false`"
    raise TypeError(f"no words for a field of type {annotation!r}; add it to KINDS")


def _signature(annotation: Any, metadata: Iterable[Any]) -> tuple[Any, ...]:
    """What makes two annotated types the same: pydantic takes the name of an alias away."""
    if get_origin(annotation) is Annotated:
        inner, *more = get_args(annotation)
        return _signature(inner, [*more, *metadata])
    seen: list[Any] = []
    for item in metadata:
        parts = item.metadata if isinstance(item, FieldInfo) else [item]
        seen += [part for part in parts if isinstance(part, Ge | Le | MaxLen | MinLen)]
        seen += [part.pattern for part in parts if isinstance(part, StringConstraints)]
    return (str(annotation), *sorted(map(str, seen)))


# Name of a kind of value, its type in the models, what it takes.
KINDS: tuple[tuple[str, Any, str], ...] = (
    ("text", fields.Text, "1 to 200 characters, no control characters"),
    (
        "time",
        fields.Timestamp,
        f"RFC 3339 with a zone, {fields.EARLIEST.year} to {fields.LATEST.year - 1}; kept in UTC",
    ),
    ("seconds", fields.Seconds, "a number, 0 to 31,622,400 (a leap year)"),
    ("count", fields.Count, "an integer, 0 to 10¹²"),
    ("share", fields.Share, "a number, 0 to 1"),
    ("rating", fields.Rating, "a number, 1 to 10"),
    ("score", fields.Score, "a number, −1,000,000 to 1,000,000"),
    ("cost", fields.Cost, "a decimal as a string, not below 0: 9 digits, point, 9 digits"),
    ("amount", fields.Amount, "a decimal as a string: 12 digits, point, 9 digits"),
    ("currency", fields.Currency, "an ISO 4217 code, as `EUR`"),
    ("pseudonym", fields.Pseudonym, "`u_`, a key id and `_` where there is one, 32 hex digits"),
    ("attributes", fields.Attributes, "a flat map of text to text, at most 16 entries"),
    ("counts", fields.Counts, "a map of text to counts, at most 64 entries"),
)
_KIND_OF = {_signature(alias, []): name for name, alias, _ in KINDS}
_KIND_OF[_signature(datetime, [])] = "time"


def _paragraph(text: str) -> str:
    return "\n".join(line.strip() for line in text.strip().splitlines())


# --- commands


def commands_page() -> str:
    """The help of every command, as the terminal shows it."""
    text = """# Commands

Exit status: 0 done, 1 the answer is "no" (a check failed), 2 wrong use. An error is one line that
says what, where and what to do; `--debug` adds the traceback.
"""
    for point in sorted(entry_points(group="meetlat.commands"), key=lambda point: point.name):
        text += _command(point.load(), f"meetlat {point.name}", 2)
    return text


def _command(command: click.Command, path: str, depth: int) -> str:
    context = click.Context(
        command,
        info_name=path,
        max_content_width=90,
        terminal_width=90,
        help_option_names=meetlat.context_settings["help_option_names"],  # as below `meetlat`
    )
    help_text = "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
    text = f"\n{'#' * depth} `{path}`\n\n```text\n{help_text}\n```\n"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            text += _command(below, f"{path} {name}", depth + 1)
    return text


PAGES: dict[str, Callable[[], str]] = {
    "settings.md": settings_page,
    "metrics.md": metrics_page,
    "events.md": events_page,
    "commands.md": commands_page,
    "plan.md": plan_page,
    "tables.md": tables_page,
    "kpis.md": kpis_page,
}


def render(name: str) -> str:
    """The text of a page as it should stand."""
    title, _, rest = PAGES[name]().partition("\n\n")
    return f"{title}\n\n{NOTE}{rest}"


def main(arguments: list[str]) -> int:
    """Write the pages, or with `--check` name those that differ."""
    differ = []
    for name in PAGES:
        file = DOCS / name
        text = render(name)
        if not file.exists() or file.read_text() != text:
            differ.append(name)
            if arguments != ["--check"]:
                file.write_text(text)
    if arguments == ["--check"] and differ:
        sys.stderr.write(f"docs: {', '.join(differ)} differ from the code; run: make docs\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
