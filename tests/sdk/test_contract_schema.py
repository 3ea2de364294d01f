"""The JSON Schema is the models', and between versions only additions are allowed."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from meetlat.contract import schema
from meetlat.contract.events import EVENT_MODELS

BASELINE = Path(__file__).parent.parent / "api" / "events.v1.released.json"
INTERACTION = "meetlat.interaction.v1"
TASK = "meetlat.task.v1"


def test_the_committed_schema_is_what_the_models_say() -> None:
    assert schema.main([]) == 0
    assert set(schema.committed()["$defs"]) == set(EVENT_MODELS)


def test_the_contract_only_adds_to_the_released_one() -> None:
    released = msgspec.json.decode(BASELINE.read_bytes())
    assert schema.breaking_changes(released, schema.generate()) == []


def test_a_schema_breaks_nothing_of_itself() -> None:
    assert schema.breaking_changes(schema.generate(), schema.generate()) == []


def fields(tree: dict[str, Any], type_name: str = INTERACTION) -> dict[str, Any]:
    found: dict[str, Any] = tree["$defs"][type_name]["properties"]["data"]["properties"]
    return found


def required(tree: dict[str, Any]) -> list[str]:
    found: list[str] = tree["$defs"][INTERACTION]["properties"]["data"]["required"]
    return found


def kind(tree: dict[str, Any], field: str, type_name: str = INTERACTION) -> dict[str, Any]:
    """The part of an optional field's schema that is not null."""
    found: dict[str, Any] = fields(tree, type_name)[field]["anyOf"][0]
    return found


BREAKING: dict[str, Callable[[dict[str, Any]], Any]] = {
    "a type is gone": lambda t: t["$defs"].pop(INTERACTION),
    "a field is gone": lambda t: fields(t).pop("model"),
    "an attribute is gone": lambda t: t["$defs"][INTERACTION]["properties"].pop("traceparent"),
    "a field became required": lambda t: required(t).append("model"),
    "a new field is required": lambda t: (
        fields(t).update(shiny={"type": "string"}), required(t).append("shiny")
    ),
    "an attribute became required": lambda t: (
        t["$defs"][INTERACTION]["required"].append("traceparent")
    ),
    "null is no longer taken": lambda t: fields(t).update(model=kind(t, "model")),
    "the type of a field changed": lambda t: kind(t, "duration").update(type="string"),
    "a number became an integer": lambda t: kind(t, "duration").update(type="integer"),
    "a maximum fell": lambda t: kind(t, "duration").update(maximum=60),
    "a minimum rose": lambda t: kind(t, "duration").update(minimum=1),
    "a length fell": lambda t: kind(t, "model").update(maxLength=50),
    "a least length rose": lambda t: kind(t, "model").update(minLength=2),
    "a pattern changed": lambda t: kind(t, "currency").update(pattern="^E.*$"),
    "a pattern came": lambda t: kind(t, "model").update(pattern="^[a-z]+$"),
    "a word is no longer taken": lambda t: fields(t)["status"]["enum"].remove("timeout"),
    "free text became a list of words": lambda t: kind(t, "model").update(enum=["a", "b"]),
    "the default changed": lambda t: fields(t)["environment"].update(default="test"),
    "a map takes fewer entries": lambda t: kind(t, "error_kinds", TASK).update(maxProperties=3),
    "a map's values are bounded": lambda t: (
        kind(t, "error_kinds", TASK)["additionalProperties"].update(maximum=3)
    ),
    "a map's keys are bounded": lambda t: (
        kind(t, "error_kinds", TASK)["propertyNames"].update(maxLength=3)
    ),
    "unknown fields are refused": lambda t: (
        t["$defs"][INTERACTION]["properties"]["data"].update(additionalProperties=False)
    ),
    "a format came": lambda t: kind(t, "model").update(format="date-time"),
    "an open bound closed": lambda t: kind(t, "duration").update(exclusiveMaximum=5),
}  # fmt: skip


@pytest.mark.parametrize("change", BREAKING)
def test_the_gate_catches(change: str) -> None:
    old, new = schema.generate(), copy.deepcopy(schema.generate())
    BREAKING[change](new)
    assert schema.breaking_changes(old, new) != []


ADDITIVE: dict[str, Callable[[dict[str, Any]], Any]] = {
    "a new type": lambda t: t["$defs"].update({"meetlat.new.v1": t["$defs"][INTERACTION]}),
    "a new optional field": lambda t: fields(t).update(shiny={"type": "string"}),
    "a field is no longer required": lambda t: required(t).remove("tool"),
    "a maximum rose": lambda t: kind(t, "duration").update(maximum=10**9),
    "a bound went": lambda t: kind(t, "duration").pop("maximum"),
    "a length rose": lambda t: kind(t, "model").update(maxLength=500),
    "a new word": lambda t: fields(t)["status"]["enum"].append("throttled"),
    "an integer became a number": lambda t: kind(t, "input_tokens").update(type="number"),
    "a description changed": lambda t: fields(t)["environment"].update(description="else"),
}  # fmt: skip


@pytest.mark.parametrize("change", ADDITIVE)
def test_the_gate_lets_pass(change: str) -> None:
    old, new = schema.generate(), copy.deepcopy(schema.generate())
    ADDITIVE[change](new)
    assert schema.breaking_changes(old, new) == []


def test_write_refuses_a_change_that_is_not_additive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    richer = schema.generate()
    fields(richer)["gone_tomorrow"] = {"type": "string"}
    file = tmp_path / "schema.json"
    file.write_bytes(msgspec.json.encode(richer))
    monkeypatch.setattr(schema, "SCHEMA_FILE", file)
    assert schema.main(["--write"]) == 1
    assert "gone_tomorrow: the field is gone" in capsys.readouterr().err
    assert file.read_bytes() == msgspec.json.encode(richer)


def test_a_schema_that_differs_from_the_models_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "schema.json"
    monkeypatch.setattr(schema, "SCHEMA_FILE", file)
    assert schema.main([]) == 1
    assert "--write" in capsys.readouterr().err
    assert schema.main(["--write"]) == 0
    assert schema.main([]) == 0
