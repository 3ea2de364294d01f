/*
id = "repair_cost"
level = 3
unit = "money"
better = "lower"
shape = "ratio"
scale = 100
baseline = true
inputs = ["measurements_daily", "tasks_daily"]
parts = {unconverted = {shape = "sum", unit = "count", minimum = 1}}
guards = [
  "unknown, not zero, as long as nobody reports repair cost: a period without is reported as 0",
  "money in a currency that the plan has no rate for on that day is not added up; how many such amounts there are is a part",
  "for the use case as a whole",
]

[title]
en = "Repair cost"
nl = "Herstelkosten"

[question]
en = "What does it cost to put mistakes right?"
nl = "Wat kost het om fouten te herstellen?"

[definition]
en = "Cost of putting mistakes right (measurement `repair_cost`, in the company's currency at the rate of its day), per 100 finished tasks of the use case."
nl = "Kosten om fouten te herstellen (meting `repair_cost`, in de munt van het bedrijf tegen de koers van die dag), per 100 afgeronde taken van de use case."
*/
-- Repair cost / finished tasks. A task says nothing of cost, so its total is NULL: the sum is NULL,
-- which is unknown, where nobody reported any.
SELECT
  day, use_case, '' AS team, '' AS segment, '' AS part,
  sum(in_company_money(value_sum, unit, day)) AS total, 0 AS n
FROM measurements_daily
WHERE name = 'repair_cost'
GROUP BY ALL
UNION ALL
SELECT day, use_case, '' AS team, '' AS segment, '' AS part, NULL AS total, sum(tasks) AS n
FROM tasks_daily
WHERE step = '' AND state = 'finished'
GROUP BY ALL
UNION ALL
SELECT
  day, use_case, '' AS team, '' AS segment, 'unconverted' AS part,
  sum(count)::DECIMAL(38, 9) AS total, sum(count) AS n
FROM measurements_daily
WHERE name = 'repair_cost' AND in_company_money(1, unit, day) IS NULL
GROUP BY ALL
