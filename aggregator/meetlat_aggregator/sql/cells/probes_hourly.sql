-- Availability checks. Each stands for its interval; times in microseconds.
SELECT
  date_trunc('hour', e."time") AS hour,
  said(e.use_case) AS use_case,
  e.tool AS tool,
  said(e."check") AS "check",
  said(e.location) AS location,
  coalesce(e.maintenance, false)::VARCHAR AS maintenance,
  said(e.error_type) AS error_type,
  sum(sign) AS probes,
  times(sign, e.success) AS successes,
  times(sign, NOT e.success) AS failures,
  total(sign, interval_us) AS covered,
  total(sign, CASE WHEN NOT e.success THEN interval_us END) AS downtime,
  known(sign, interval_us) AS interval_count,
  total(sign, duration_us) AS duration_sum,
  known(sign, duration_us) AS duration_count,
  squares(sign, duration_us) AS duration_squares
FROM staged_probe AS e
GROUP BY ALL
