-- The days of each period at hand. `whole` is whether the week that begins on the day lies in it.
CREATE OR REPLACE TEMP TABLE kpi_period_days AS
SELECT use_case, period, start, day,
  extract('isodow' FROM day) = 1 AND day + INTERVAL 6 DAY <= last AS whole
FROM (
  SELECT use_case, period, start, last,
    unnest(generate_series(first, last, INTERVAL 1 DAY))::DATE AS day
  FROM kpi_periods
)
