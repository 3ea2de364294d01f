/*
id = "first_token_p95"
level = 1
unit = "s"
better = "lower"
shape = "quantile"
quantile = 0.95
hourly = true
minimum = 72
house = true
inputs = ["duration_histogram"]
guards = ["no 95th percentile below 72 calls"]
target = {low = 1.0, origin = "house"}

[title]
en = "Wait for the first words (95 %)"
nl = "Wachten op de eerste woorden (95%)"

[question]
en = "How long does somebody look at an empty screen?"
nl = "Hoe lang kijkt iemand naar een leeg scherm?"

[definition]
en = "The number of seconds within which the first words of an answer stood on the screen, in 95 of 100 calls. Only streamed calls that say when their first words came count. Left out: calls that somebody cancelled, and calls whose answer comes in one piece. Off by at most 1 %."
nl = "Het aantal seconden waarbinnen de eerste woorden van een antwoord op het scherm stonden, bij 95 van de 100 aanroepen. Alleen aanroepen waarvan het antwoord woord voor woord binnenkomt en die zeggen wanneer de eerste woorden er waren, tellen mee. Niet meegeteld: aanroepen die iemand afbrak en aanroepen waarvan het antwoord in één keer komt. Hooguit 1% ernaast."
*/
-- Waits for the first words of calls that were not cancelled, by log bucket.
SELECT hour, use_case, team, segment, bucket, count
FROM duration_histogram
WHERE measure = 'first_token' AND status <> 'cancelled'
