-- The use cases that there are values of.
SELECT DISTINCT use_case FROM published.kpi_components
UNION SELECT DISTINCT use_case FROM published.kpi_buckets
UNION SELECT DISTINCT use_case FROM published.tasks_daily
