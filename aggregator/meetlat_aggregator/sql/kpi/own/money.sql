-- A measurement of money that the plan names, in the company's currency at the rate of its day. Of a
-- currency without a rate it is not known what it is worth: how many such amounts there are is a part.
WITH amounts AS (
  SELECT *, in_company_money(1, unit, day)::DOUBLE AS rate FROM measurements_daily
  WHERE name = {measurement} AND {use_case}
)
SELECT day, use_case, team, segment, '' AS part, sum(value_sum::DOUBLE * rate) AS total,
  sum(value_squares::DOUBLE * rate * rate) AS squares, sum(count) AS n
FROM amounts WHERE rate IS NOT NULL
GROUP BY ALL
UNION ALL
SELECT day, use_case, team, segment, 'unconverted' AS part, sum(count)::DOUBLE AS total,
  NULL AS squares, sum(count) AS n
FROM amounts WHERE rate IS NULL
GROUP BY ALL
