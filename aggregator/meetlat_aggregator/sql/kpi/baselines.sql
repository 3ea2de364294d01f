-- The baselines in force: what the plan says by hand, else what was measured in its window.
CREATE OR REPLACE TEMP TABLE kpi_base AS
SELECT kpi, use_case, team, segment, part, cut, value, low, high, n, source
FROM hand WHERE kpi IN ({kpis})
UNION ALL
SELECT m.kpi, m.use_case, m.team, m.segment, m.part, m.cut, m.value, m.low, m.high, m.n,
  'measured' AS source
FROM kpi_measured AS m ANTI JOIN hand AS h
  ON h.kpi = m.kpi AND h.use_case = m.use_case AND h.team = m.team
  AND h.segment = m.segment AND h.part = m.part AND h.cut = m.cut
WHERE m.period = 'baseline' AND m.value IS NOT NULL
