/*
id = "unpriced_share"
level = 1
unit = "share"
better = "lower"
shape = "share"
hourly = true
house = true
inputs = ["interactions_hourly"]
guards = ["stands beside every amount of token cost", "no percentage below 20 calls"]
target = {low = 0.0, origin = "house"}

[title]
en = "Calls without a price"
nl = "Aanroepen zonder prijs"

[question]
en = "How much of the token cost do we not know?"
nl = "Welk deel van de tokenkosten kennen we niet?"

[definition]
en = "Calls that report their token usage but whose cost is unknown, as a share of all calls that report their usage. Calls that somebody cancelled are left out. An unknown cost is never counted as zero."
nl = "Aanroepen die hun tokenverbruik melden maar waarvan de kosten onbekend zijn, als deel van alle aanroepen die hun verbruik melden. Aanroepen die iemand afbrak, tellen niet mee. Onbekende kosten tellen nooit als nul."
*/
-- Calls with token usage and no known cost / calls with token usage.
SELECT hour, use_case, team, segment, sum(unpriced_requests) AS hits, sum(usage_requests) AS n
FROM interactions_hourly
WHERE status <> 'cancelled' AND usage_requests > 0
GROUP BY ALL
