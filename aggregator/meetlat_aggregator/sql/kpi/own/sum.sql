-- A measurement that the plan names, added up.
SELECT day, use_case, team, segment, sum(value_sum) AS total, sum(count) AS n
FROM measurements_daily
WHERE name = {measurement} AND {use_case}
GROUP BY ALL
