-- A measurement that the plan names, each value yes (1) or no (0). Such values are their own
-- squares; where they are not, no share can be made of them.
SELECT day, use_case, team, segment, sum(value_sum) AS hits, sum(count) AS n
FROM measurements_daily
WHERE name = {measurement} AND {use_case} AND value_sum = value_squares AND value_sum BETWEEN 0 AND count
GROUP BY ALL
