-- Every local day that a KPI can be of.
SELECT DISTINCT local_day(hour) AS day FROM published.interactions_hourly
UNION SELECT DISTINCT local_day(hour) FROM published.probes_hourly
UNION SELECT DISTINCT day FROM published.tasks_daily
UNION SELECT DISTINCT local_day(coalesce(requested, started)) FROM tasks
  WHERE coalesce(requested, started) IS NOT NULL
UNION SELECT DISTINCT day FROM published.conversations_daily
UNION SELECT DISTINCT week_of(local_day(first_time)) FROM uses
UNION SELECT DISTINCT day FROM published.reviews_daily
UNION SELECT DISTINCT day FROM published.feedback_daily
UNION SELECT DISTINCT day FROM published.usage_daily
UNION SELECT DISTINCT day FROM published.escalations_daily
UNION SELECT DISTINCT day FROM published.measurements_daily
UNION SELECT DISTINCT day FROM published.selection_counts
UNION SELECT DISTINCT day FROM published.support_daily
UNION SELECT DISTINCT day FROM published.kpi_components
