/*
id = "response_time_p95"
level = 1
unit = "s"
better = "lower"
shape = "quantile"
quantile = 0.95
hourly = true
minimum = 72
inputs = ["duration_histogram"]
guards = ["no 95th percentile below 72 calls", "stands beside availability and the error rate: fast errors do not count here"]
target = {low = 3.0, origin = "article"}

[title]
en = "Response time (95 %)"
nl = "Responstijd (95%)"

[question]
en = "How fast does the tool answer?"
nl = "Hoe snel reageert het systeem?"

[definition]
en = "The number of seconds within which 95 of 100 calls were answered. Calls that ended ok or ran into a timeout count, a timeout with the time it took. Left out: calls that failed in another way, calls that somebody cancelled, and calls without a duration. Off by at most 1 %. Guide: 3 seconds for a chatbot; 30 for a summary of one page, which the plan then has to say."
nl = "Het aantal seconden waarbinnen 95 van de 100 aanroepen beantwoord zijn. Aanroepen die goed eindigden of te lang duurden (time-out) tellen mee, een time-out met de tijd die hij duurde. Niet meegeteld: aanroepen die op een andere manier mislukten, aanroepen die iemand afbrak en aanroepen zonder duur. Hooguit 1% ernaast. Richtlijn: 3 seconden voor een chatbot; 30 voor een samenvatting van één pagina, wat dan in het plan moet staan."
*/
-- Waits of calls that ended ok or in a timeout, by log bucket.
SELECT hour, use_case, team, segment, bucket, count
FROM duration_histogram
WHERE measure = 'duration' AND status IN ('ok', 'timeout')
