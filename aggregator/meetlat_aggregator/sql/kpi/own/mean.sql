-- A measurement that the plan names, as a mean.
SELECT day, use_case, team, segment, sum(value_sum) AS total, sum(value_squares) AS squares,
  sum(count) AS n
FROM measurements_daily
WHERE name = {measurement} AND {use_case}
GROUP BY ALL
