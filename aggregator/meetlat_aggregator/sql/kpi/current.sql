-- What `/metrics` shows: the last 28 days of whole use cases, nothing that privacy hides.
CREATE OR REPLACE TEMP TABLE kpi_shown_now AS
SELECT v.use_case AS use_case, v.kpi AS kpi, v.value AS value,
  CASE WHEN c.better = 'lower' THEN coalesce(v.target_high, v.target_low)
    ELSE coalesce(v.target_low, v.target_high) END AS target,
  v.baseline AS baseline, v.n AS n
FROM published.kpi_values AS v JOIN published.kpi_catalog AS c ON c.kpi = v.kpi
WHERE v.period = 'rolling_28d' AND v.team = '' AND v.segment = '' AND v.part = ''
  AND v.status <> 'suppressed'
