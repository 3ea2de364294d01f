"""Which use cases have which KPIs, and that nothing is measured of the others."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from support.judging import Judged, plan_of, tasks, use_case

from meetlat.kpis.catalogue import catalogue
from meetlat.plan.models import UseCase
from meetlat_aggregator.kpi import observations
from meetlat_aggregator.kpi.aims import use_cases_of


def test_a_use_case_has_the_kpis_of_its_pack_those_of_all_and_what_it_chose() -> None:
    chosen = {"id": "hiring", "pack": "hr", "kpis": [{"id": "deflection_rate"}]}
    plan = plan_of(use_case(), use_case(**chosen))
    unplanned = UseCase.model_construct(id="found", name="found", pack="general")
    have = use_cases_of([*plan.use_cases, unplanned], plan, catalogue())
    assert have["lead_time"] == {"quotes", "hiring", "found"}
    assert have["time_to_first_draft"] == {"quotes", "found"}
    assert have["time_to_hire"] == {"hiring", "found"}
    assert have["deflection_rate"] == {"hiring", "found"}


@pytest.mark.parametrize(("pack", "read"), [("quotes", False), ("hr", True)])
def test_rows_of_a_kpi_are_read_for_use_cases_that_have_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pack: str, read: bool
) -> None:
    seen: list[str] = []
    of = observations.Observations.of

    def noted(kpi: str, batches: object) -> observations.Observations:
        seen.append(kpi)
        return of(kpi, batches)  # type: ignore[arg-type]

    monkeypatch.setattr(observations.Observations, "of", noted)
    company = Judged(tmp_path, plan_of(use_case(pack=pack)))
    company.feed(tasks(40, date(2026, 3, 2), 20, 5.0, outcome="hired")).publish()
    assert ("time_to_hire" in seen) == read
    assert bool(company.values("time_to_hire", "since_go_live")) == read
    assert company.value("lead_time")["n"] == 40
    company.close()
