"""Remarks are in both languages, whatever made them."""

from __future__ import annotations

import re

from meetlat_aggregator.kpi.remark import NOTHING, Remark, together
from meetlat_aggregator.sqlfiles import sql


def test_remarks_are_put_together_in_each_language_and_nothing_stays_nothing() -> None:
    assert not NOTHING
    assert together([]) == together([NOTHING]) == NOTHING
    both = together([Remark("one", "één"), NOTHING, Remark("two", "twee")])
    assert both == ("one; two", "één; twee")
    assert both


def test_what_judging_says_in_english_it_says_in_dutch_on_the_same_conditions() -> None:
    english, dutch = re.findall(r"concat_ws\('; ',(.*?)\) AS remark", sql("kpi/judged"), re.DOTALL)
    conditions = [re.findall(r"CASE WHEN (.*?) THEN", text) for text in (english, dutch)]
    assert conditions[0] == conditions[1]
    assert len(conditions[0]) == 5
