-- Values that may have nothing to stand on any more: all when everything is made anew (also those of
-- days that only said "unknown"), else the hours of the days that changed.
DELETE FROM published.kpi_values
WHERE kpi IN ({kpis}) AND ({everything} OR period = 'hour' AND local_day(start) IN ({days}))
