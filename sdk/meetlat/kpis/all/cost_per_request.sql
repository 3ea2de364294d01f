/*
id = "cost_per_request"
level = 1
unit = "money"
better = "lower"
shape = "ratio"
hourly = true
inputs = ["interactions_hourly"]
parts = {unconverted = {shape = "sum", unit = "count", minimum = 1}}
guards = ["stands beside unpriced_share: calls without a price are in neither number", "a mean only from 20 calls on"]

[title]
en = "Cost per request"
nl = "Kosten per request"

[question]
en = "What does one answer cost in tokens?"
nl = "Wat kost één antwoord aan tokens?"

[definition]
en = "The token cost of the calls whose price is known, divided by the number of those calls, in the company's currency at the rate of the day of the call. Left out of both: calls that somebody cancelled, calls whose price is unknown, and calls in a currency for which the plan has no rate on that day, which are a part of their own. Licences and other fixed costs are not in it."
nl = "De tokenkosten van de aanroepen waarvan de prijs bekend is, gedeeld door het aantal van die aanroepen, in de munt van het bedrijf tegen de koers van de dag van de aanroep. In geen van beide meegeteld: aanroepen die iemand afbrak, aanroepen waarvan de prijs onbekend is, en aanroepen in een munt waarvoor het plan op die dag geen koers heeft en die een eigen onderdeel zijn. Licenties en andere vaste kosten zitten er niet in."
*/
-- Known cost in the company's currency / calls whose cost is known.
WITH priced AS (
  SELECT hour, use_case, team, segment, currency, sum(cost) AS cost, sum(priced_requests) AS n
  FROM interactions_hourly
  WHERE status <> 'cancelled' AND priced_requests > 0
  GROUP BY ALL
),
money AS (
  SELECT hour, use_case, team, segment, in_company_money(cost, currency, local_day(hour)) AS cost, n
  FROM priced
)
SELECT hour, use_case, team, segment, '' AS part, sum(cost) AS total, sum(n) AS n
FROM money
WHERE cost IS NOT NULL
GROUP BY ALL
UNION ALL
SELECT hour, use_case, team, segment, 'unconverted', sum(n)::DECIMAL(38, 9), sum(n)
FROM money
WHERE cost IS NULL
GROUP BY ALL
