-- The use cases that there are values of.
SELECT DISTINCT use_case FROM published.kpi_months
UNION SELECT DISTINCT use_case FROM published.kpi_month_buckets
UNION SELECT DISTINCT use_case FROM published.tasks_daily
UNION SELECT DISTINCT use_case FROM published.user_weeks
