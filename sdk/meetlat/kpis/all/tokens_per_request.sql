/*
id = "tokens_per_request"
level = 1
unit = "tokens"
better = "lower"
shape = "ratio"
hourly = true
inputs = ["interactions_hourly"]
guards = ["stands beside accuracy: a shorter prompt is only better while the answers stay right", "a mean only from 20 calls on"]

[title]
en = "Tokens per request"
nl = "Tokens per request"

[question]
en = "How many tokens does one answer take?"
nl = "Hoeveel tokens kost één antwoord?"

[definition]
en = "All tokens of calls that report their usage (input, input read from a cache, input written to a cache, output with reasoning), divided by the number of those calls. Left out: calls that somebody cancelled, and calls that report no usage."
nl = "Alle tokens van aanroepen die hun verbruik melden (invoer, invoer uit een cache gelezen, invoer in een cache geschreven, uitvoer inclusief redeneren), gedeeld door het aantal van die aanroepen. Niet meegeteld: aanroepen die iemand afbrak en aanroepen die geen verbruik melden."
*/
-- Tokens of all four kinds / calls with token usage.
SELECT hour, use_case, team, segment,
  sum(input_tokens + cache_read_tokens + cache_write_tokens + output_tokens) AS total,
  sum(usage_requests) AS n
FROM interactions_hourly
WHERE status <> 'cancelled' AND usage_requests > 0
GROUP BY ALL
