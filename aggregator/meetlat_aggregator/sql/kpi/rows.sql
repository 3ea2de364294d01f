-- How many rows KPIs are made of, but for what nobody has many of. DuckDB keeps such counts.
SELECT (SELECT count(*) FROM published.interactions_hourly)
  + (SELECT count(*) FROM published.duration_histogram)
  + (SELECT count(*) FROM published.probes_hourly)
  + (SELECT count(*) FROM tasks) + (SELECT count(*) FROM uses)
