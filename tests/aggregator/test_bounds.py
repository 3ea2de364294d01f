"""A valid event never stops the aggregator: every number at the bounds of the contract fits."""

from __future__ import annotations

from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import pytest
from annotated_types import Ge, Le
from pydantic.fields import FieldInfo
from support.aggregating import Bench, event, void

from meetlat.contract.events import EVENT_MODELS, EventData
from meetlat_aggregator.batch import short_name


def extremes(model: type[EventData], great: bool) -> dict[str, Any]:
    """Every number of an event type at its bound."""
    found: dict[str, Any] = {}
    for name, info in model.model_fields.items():
        bounds = _bounds(info)
        if name == "sampling_rate":
            found[name] = 1.0 if great else 1e-9
        elif bounds:
            found[name] = bounds[1] if great else bounds[0]
        elif name == "cost":
            found |= {"cost": "999999999.999999999" if great else "0", "currency": "EUR"}
        elif name == "value":
            found["value"] = ("" if great else "-") + "999999999999.999999999"
            if "currency" in model.model_fields:
                found["currency"] = "EUR"
    if "score" in found:
        found |= {"scale_min": -1_000_000, "scale_max": 1_000_000}
    if "counts" in model.model_fields:
        found["counts"] = {"f": 10**12}
    return found


def _bounds(info: FieldInfo) -> tuple[Any, Any] | None:
    """The least and greatest of a number's field, wherever pydantic keeps them."""
    found: dict[str, Any] = {}

    def walk(annotation: Any, metadata: Any) -> None:
        for item in metadata:
            if isinstance(item, Ge):
                found["ge"] = item.ge
            if isinstance(item, Le):
                found["le"] = item.le
            if isinstance(item, FieldInfo):
                walk(None, item.metadata)
        if get_origin(annotation) is Annotated:
            inner, *more = get_args(annotation)
            walk(inner, more)
        elif get_origin(annotation) in (Union, UnionType):
            for part in get_args(annotation):
                walk(part, [])

    walk(info.annotation, info.metadata)
    return (found["ge"], found["le"]) if len(found) == 2 else None


@pytest.mark.parametrize("great", [True, False], ids=["greatest", "least"])
def test_numbers_at_the_bounds_of_the_contract_fit_every_sum_a_thousand_times(
    bench: Bench, great: bool
) -> None:
    kinds = {
        short_name(name): extremes(model, great)
        for name, model in EVENT_MODELS.items()
        if name != "meetlat.void.v1"
    }
    assert sum(len(data) for data in kinds.values()) > 25
    bench.feed(*[event(kind, **data) for kind, data in kinds.items() for _ in range(1000)])
    assert bench.verdicts() == {"received": 13_000, "counted": 13_000}
    with bench.published() as con:
        query = "SELECT sum(tasks)::BIGINT, sum(value_squares) FROM tasks_daily"
        (row,) = con.execute(query).fetchall()
    assert row[0] == 1000
    assert row[1] == 1000 * 10**24


def test_a_task_over_the_longest_time_fits(bench: Bench) -> None:
    bench.feed(
        *[
            event(
                "task", case=str(n), requested="2000-01-01T00:00:00Z",
                first_draft="2199-12-31T23:59:59Z", finished="2199-12-31T23:59:59Z",
            )
            for n in range(10)
        ]
    )  # fmt: skip
    with bench.published() as con:
        found = con.execute("SELECT lead_time_squares, lead_time_count FROM tasks_daily").fetchall()
    span = (200 * 365 + 49) * 86_400_000_000 - 1_000_000
    assert found == [(10 * span**2, 10)]


def test_texts_of_the_greatest_length_and_any_script_fit(bench: Bench) -> None:
    long = "💬" * 200
    bench.feed(event(session=long, team=long, feature=long, id=long, source=long, user=None))
    bench.feed(event("task", case=long, use_case=long, step=long, source=long))
    assert bench.cell("conversations", "session, team, last_source, last_id") == (long,) * 4
    assert bench.cell("tasks", '"case", step') == (long,) * 2


def test_no_text_of_an_event_is_read_as_sql(bench: Bench) -> None:
    nasty = """'"; DROP TABLE tasks; -- {within} $seq % \\ """
    bench.feed(event(session=nasty, team=nasty, id=nasty, source=nasty))
    target = event("task", case=nasty, use_case=nasty, id=nasty)
    bench.feed(target)
    bench.feed(void(target))
    assert bench.cell("conversations", "session") == (nasty,)
    assert bench.rows("SELECT * FROM tasks") == []
