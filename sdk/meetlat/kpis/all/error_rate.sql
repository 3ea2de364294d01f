/*
id = "error_rate"
level = 1
unit = "share"
better = "lower"
shape = "share"
hourly = true
house = true
inputs = ["interactions_hourly"]
guards = ["no percentage below 20 calls", "says something of calls only: whether the system is up is what probes say"]
target = {low = 0.01, origin = "house"}

[title]
en = "Failed calls"
nl = "Mislukte aanroepen"

[question]
en = "How many calls fail?"
nl = "Hoeveel aanroepen mislukken?"

[definition]
en = "Calls that ended in an error or a timeout, as a share of all calls that nobody cancelled."
nl = "Aanroepen die eindigden in een fout of een time-out, als deel van alle aanroepen die niemand afbrak."
*/
-- Errors and timeouts / calls that were not cancelled.
SELECT hour, use_case, team, segment,
  sum(CASE WHEN status IN ('error', 'timeout') THEN requests ELSE 0 END) AS hits,
  sum(requests) AS n
FROM interactions_hourly
WHERE status <> 'cancelled'
GROUP BY ALL
