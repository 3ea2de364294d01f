-- The last day with news of the last weeks, per KPI and use case: of what is counted by week its
-- Sunday, of tasks the last day on which one was finished or begun. A week in which nothing
-- happened (`filled`) is no news.
CREATE OR REPLACE TEMP TABLE kpi_last AS
SELECT kpi, use_case, max(CASE WHEN kpi IN ({weekly}) THEN day + 6 ELSE day END) AS day
FROM (
  SELECT kpi, use_case, day FROM published.kpi_components
  WHERE day >= DATE '{since}' AND (kpi NOT IN ({filled}) OR total > 0 OR total IS NULL)
  UNION ALL
  SELECT kpi, use_case, day FROM published.kpi_buckets WHERE day >= DATE '{since}'
  UNION ALL
  -- Of what is made of another KPI's parts, that one's.
  SELECT f.kpi, c.use_case, c.day
  FROM published.kpi_components AS c JOIN kpi_made_of AS f ON f.made_of = c.kpi
  WHERE c.day >= DATE '{since}'
  UNION ALL
  SELECT k.kpi, t.use_case, t.day
  FROM published.tasks_daily AS t, (SELECT unnest($by_row) AS kpi) AS k
  WHERE t.day >= DATE '{since}'
)
GROUP BY ALL
