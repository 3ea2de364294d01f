-- Checks with their times in microseconds.
SELECT
  *,
  microseconds(duration) AS duration_us,
  microseconds("interval") AS interval_us
FROM staged
