-- The weeks of which a KPI should have parts and has none, and those of which it has nothing but zeros
-- and should have none.
WITH weeks AS (
  SELECT DISTINCT use_case, week FROM ({weeks})
),
made AS (
  SELECT use_case, day AS week, coalesce(max(total), 0) = 0 AS quiet
  FROM published.kpi_components WHERE kpi = '{kpi}' AND part = ''
  GROUP BY ALL
)
SELECT week FROM weeks ANTI JOIN made USING (use_case, week)
UNION
SELECT week FROM made ANTI JOIN weeks USING (use_case, week) WHERE quiet
