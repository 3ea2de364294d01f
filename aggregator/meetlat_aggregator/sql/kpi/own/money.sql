-- A measurement of money that the plan names, in the company's currency at the rate of its day. Of a
-- currency without a rate it is not known what it is worth.
SELECT day, use_case, team, segment, sum(value_sum::DOUBLE * rate) AS total,
  sum(value_squares::DOUBLE * rate * rate) AS squares, sum(count) AS n
FROM (SELECT *, in_company_money(1, unit, day)::DOUBLE AS rate FROM measurements_daily)
WHERE name = {measurement} AND {use_case} AND rate IS NOT NULL
GROUP BY ALL
