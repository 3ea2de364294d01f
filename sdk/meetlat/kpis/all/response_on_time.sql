/*
id = "response_on_time"
level = 1
unit = "share"
better = "higher"
shape = "share"
hourly = true
inputs = ["interactions_hourly"]
guards = ["no percentage below 20 calls"]
target = {low = 0.95, origin = "article"}

[title]
en = "Answered on time"
nl = "Op tijd beantwoord"

[question]
en = "How many questions are answered well, and fast enough to keep working?"
nl = "Hoeveel vragen worden goed beantwoord, en snel genoeg om door te werken?"

[definition]
en = "Calls that ended ok within the limit, as a share of all calls that nobody cancelled. The limit is the one in force when the call was made: 3 seconds, or 30 for a written page, unless the plan says otherwise."
nl = "Aanroepen die goed eindigden binnen de grens, als deel van alle aanroepen die niemand afbrak. De grens is die van het moment van de aanroep: 3 seconden, of 30 voor een geschreven pagina, tenzij het plan anders zegt."
*/
-- Calls that ended ok within the limit in force / calls that were not cancelled.
SELECT hour, use_case, team, segment, sum(on_time) AS hits, sum(requests) AS n
FROM interactions_hourly
WHERE status <> 'cancelled'
GROUP BY ALL
