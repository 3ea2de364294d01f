-- KPIs and days whose parts are others than what the company's own SQL gave.
WITH given AS (
  SELECT kpi, day, use_case, team, segment, part, coalesce(hits, total) AS total, squares, n
  FROM company_rows
),
made AS (
  SELECT kpi, day, use_case, team, segment, part, total, squares, n
  FROM published.kpi_components WHERE kpi IN ({kpis})
)
SELECT DISTINCT kpi, day
FROM ((FROM given EXCEPT FROM made) UNION ALL (FROM made EXCEPT FROM given))
