"""The JSON Schema of the contract, generated from the models, committed, and gated.

`python -m meetlat.contract.schema --write` regenerates the committed file; a test fails when it
differs from the models. `breaking_changes` says what a new schema would refuse, or drop, that an
old one took: between versions only additions are allowed.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import msgspec

from meetlat.contract.envelope import Attributes
from meetlat.contract.events import EVENT_MODELS

# Keywords of a field that forbid nothing, or that `_accepts` compares apart.
_NO_CONSTRAINT = {"title", "description", "default", "type", "const", "enum"}
_LEAST = {"minimum", "exclusiveMinimum", "minLength", "minProperties", "minItems"}
_MOST = {"maximum", "exclusiveMaximum", "maxLength", "maxProperties", "maxItems"}

SCHEMA_FILE = Path(__file__).with_name("meetlat.events.v1.schema.json")


def generate() -> dict[str, Any]:
    """One schema document: per event type the whole structured CloudEvent."""
    definitions: dict[str, Any] = {}
    for type_name, model in EVENT_MODELS.items():
        event = Attributes.model_json_schema()
        event["title"] = type_name
        event["description"] = (model.__doc__ or "").strip()
        event["properties"]["type"] = {"const": type_name}
        data = model.model_json_schema()
        data.pop("description", None)
        event["properties"]["data"] = data
        event["required"] = [*event["required"], "data"]
        definitions[type_name] = event
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Meetlat events, version 1",
        "$defs": definitions,
        "oneOf": [{"$ref": f"#/$defs/{name}"} for name in definitions],
    }


def committed() -> dict[str, Any]:
    """The schema that the package ships."""
    schema: dict[str, Any] = msgspec.json.decode(SCHEMA_FILE.read_bytes())
    return schema


def breaking_changes(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """What events that fit `old` would find changed in `new`; empty when only added to."""
    problems: list[str] = []
    for type_name, definition in old["$defs"].items():
        if type_name not in new["$defs"]:
            problems.append(f"{type_name}: the type is gone")
            continue
        _compare(type_name, definition, new["$defs"][type_name], problems)
    return problems


def _compare(where: str, old: dict[str, Any], new: dict[str, Any], problems: list[str]) -> None:
    added = set(new.get("required", [])) - set(old.get("required", []))
    problems.extend(f"{where}.{name}: became required" for name in sorted(added))
    if new.get("additionalProperties") != old.get("additionalProperties"):
        problems.append(f"{where}: no longer takes the same unknown fields")
    for name, field in old.get("properties", {}).items():
        here = f"{where}.{name}"
        if name not in new.get("properties", {}):
            problems.append(f"{here}: the field is gone")
            continue
        _compare_field(here, field, new["properties"][name], problems)


def _compare_field(where: str, old: Any, new: Any, problems: list[str]) -> None:
    if "properties" in old:
        _compare(where, old, new, problems)
        return
    problems.extend(
        f"{where}: no longer takes all of {_show(old_kind)}"
        for old_kind in _kinds(old)
        if not any(_accepts(new_kind, old_kind) for new_kind in _kinds(new))
    )
    if old.get("default") != new.get("default"):
        problems.append(f"{where}: the default changed, and with it what absence means")


def _kinds(field: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = field.get("anyOf", [field])
    return found


def _accepts(new: dict[str, Any], old: dict[str, Any]) -> bool:
    """True when every value that fits `old` fits `new`."""
    if "const" in new or "enum" in new:
        allowed = new.get("enum", [new.get("const")])
        given = old.get("enum", [old["const"]] if "const" in old else None)
        return given is not None and set(given) <= set(allowed)
    if new.get("type") != old.get("type") and not (
        new.get("type") == "number" and old.get("type") == "integer"
    ):
        return False
    for key in set(new) - _NO_CONSTRAINT:
        if key in _LEAST:
            ok = key in old and new[key] <= old[key]
        elif key in _MOST:
            ok = key in old and new[key] >= old[key]
        elif isinstance(new[key], dict):
            ok = _accepts(new[key], old.get(key) or {})
        else:
            ok = new[key] == old.get(key)
        if not ok:
            return False
    return True


def _show(kind: dict[str, Any]) -> str:
    return msgspec.json.encode({k: v for k, v in kind.items() if k != "description"}).decode()


def _render(schema: dict[str, Any]) -> bytes:
    return msgspec.json.format(msgspec.json.encode(schema), indent=2) + b"\n"


def main(arguments: list[str]) -> int:
    """Write the schema file (`--write`), or say whether it matches the models."""
    rendered = _render(generate())
    if arguments == ["--write"]:
        if SCHEMA_FILE.exists():
            problems = breaking_changes(committed(), generate())
            if problems:
                sys.stderr.write("not additive:\n" + "".join(f"  {p}\n" for p in problems))
                return 1
        SCHEMA_FILE.write_bytes(rendered)
        return 0
    if not SCHEMA_FILE.exists() or SCHEMA_FILE.read_bytes() != rendered:
        sys.stderr.write(
            f"{SCHEMA_FILE.name} differs from the models; "
            "run: python -m meetlat.contract.schema --write\n"
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
