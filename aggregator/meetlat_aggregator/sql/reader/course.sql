-- The totals of a period and of the two before it, per use case and KPI: what changed, and stayed.
WITH starts AS (
  SELECT use_case, max(start) AS start FROM kpi_values
  WHERE period = $period AND ($start IS NULL OR start = $start) GROUP BY use_case
)
SELECT k.use_case, k.kpi, k.value, k.low, k.high, k.n, k.status, k.unit,
  CASE k.start WHEN s.start THEN 2 WHEN s.start - $step::INTERVAL THEN 1 ELSE 0 END AS place
FROM kpi_values AS k JOIN starts AS s USING (use_case)
WHERE k.period = $period AND k.team = $team AND k.segment = $segment AND k.part = ''
  AND k.start IN (s.start, s.start - $step::INTERVAL, s.start - 2 * $step::INTERVAL)
ORDER BY k.use_case, k.kpi, place
