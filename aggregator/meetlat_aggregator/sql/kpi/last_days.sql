-- The last day with news, per KPI and use case; of tasks the last on which one was finished or begun.
CREATE OR REPLACE TEMP TABLE kpi_last AS
SELECT kpi, use_case, max(day) AS day FROM published.kpi_components GROUP BY ALL
UNION ALL
SELECT kpi, use_case, max(day) AS day FROM published.kpi_buckets GROUP BY ALL
UNION ALL
-- Of what is made of another KPI's parts, that one's.
SELECT f.kpi, c.use_case, max(c.day) AS day
FROM published.kpi_components AS c JOIN kpi_made_of AS f ON f.made_of = c.kpi GROUP BY ALL
UNION ALL
SELECT k.kpi, t.use_case, max(t.day) AS day
FROM published.tasks_daily AS t, (SELECT unnest($by_row) AS kpi) AS k GROUP BY ALL
