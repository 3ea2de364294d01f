-- Totals of full weeks of a use case, for the charts.
SELECT start, kpi, value, n, unit, currency, baseline, target_low, target_high,
  status
FROM kpi_values
WHERE period = 'week' AND use_case = $use_case AND team = '' AND segment = '' AND part = ''
  AND ($until IS NULL OR start < $until)
ORDER BY start, kpi
