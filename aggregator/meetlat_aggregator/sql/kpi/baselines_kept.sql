-- The baselines in force, none of which changed.
CREATE OR REPLACE TEMP TABLE kpi_base AS
SELECT kpi, use_case, team, segment, part, cut, value, low, high, n, source
FROM published.baselines WHERE kpi IN ({kpis})
