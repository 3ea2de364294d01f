INSERT INTO published.baselines BY NAME
SELECT b.use_case, b.kpi, b.team, b.segment, b.part, b.cut, b.value, b.low, b.high,
  b.n::BIGINT AS n, b.source,
  CASE WHEN b.source = 'measured' THEN u.baseline_from END AS since,
  CASE WHEN b.source = 'measured' THEN u.baseline_until END AS until
FROM kpi_base AS b LEFT JOIN plan_use_cases AS u ON u.use_case = b.use_case
WHERE b.kpi IN ({kpis})
