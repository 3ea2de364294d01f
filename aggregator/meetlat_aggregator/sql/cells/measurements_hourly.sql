-- Anything else with a number, by name and unit.
SELECT
  date_trunc('hour', e."time") AS hour,
  said(e.use_case) AS use_case,
  said(e.tool) AS tool,
  said(e.team) AS team,
  said(e.segment) AS segment,
  e.name AS name,
  said(e.unit) AS unit,
  said(e.period) AS period,
  sum(sign) AS count,
  total(sign, e.value::DECIMAL(21, 9)) AS value_sum,
  -- Squares keep four decimals of the value, so that twelve digits before the point fit.
  decimal_squares(sign, e.value::DECIMAL(19, 4)) AS value_squares
FROM staged_measurement AS e
GROUP BY ALL
