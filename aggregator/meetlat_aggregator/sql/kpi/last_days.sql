-- The last day with news, per KPI and use case; of tasks the last on which one was finished or begun.
CREATE OR REPLACE TEMP TABLE kpi_last AS
SELECT kpi, use_case, max(day) AS day FROM published.kpi_components GROUP BY ALL
UNION ALL
SELECT kpi, use_case, max(day) AS day FROM published.kpi_buckets GROUP BY ALL
UNION ALL
SELECT k.kpi, t.use_case, max(t.day) AS day
FROM published.tasks_daily AS t, (SELECT unnest($by_row) AS kpi) AS k GROUP BY ALL
