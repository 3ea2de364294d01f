/*
id = "response_on_time"
level = 1
unit = "share"
better = "higher"
shape = "share"
hourly = true
inputs = ["interactions_hourly", "duration_histogram", "plan_limits"]
guards = ["no percentage below 20 calls", "a changed limit in the plan holds from its date on and leaves the past alone"]
target = {low = 0.95, origin = "article"}

[title]
en = "Answered on time"
nl = "Op tijd beantwoord"

[question]
en = "How many questions are answered well, and fast enough to keep working?"
nl = "Hoeveel vragen worden goed beantwoord, en snel genoeg om door te werken?"

[definition]
en = "Calls that ended ok within the limit, as a share of all calls that nobody cancelled; a call that failed is not on time. The limit is the one in force on the day of the call: the plan's for that kind of call, else the plan's for all calls of the use case, else 30 seconds for written pages (operation generate) and 3 seconds for all others. Against a limit of the plan a wait is known to within 1 %."
nl = "Aanroepen die goed eindigden binnen de grens, als deel van alle aanroepen die niemand afbrak; een mislukte aanroep is niet op tijd. De grens is die van de dag van de aanroep: die van het plan voor dat soort aanroep, anders die van het plan voor alle aanroepen van de use case, anders 30 seconden voor geschreven pagina's (operatie generate) en 3 seconden voor alle andere. Tegen een grens uit het plan is een wachttijd tot op 1% bekend."
*/
-- Calls that ended ok within the limit in force / calls that were not cancelled.
WITH limited AS (
  -- The plan's limit for a kind of call on its day; a limit for one kind goes before that for all.
  SELECT c.hour, c.use_case, c.operation, max_by(l.seconds, l.operation) AS seconds
  FROM (
    SELECT DISTINCT hour, use_case, operation, local_day(hour) AS day FROM interactions_hourly
  ) AS c
  JOIN plan_limits AS l ON l.use_case = c.use_case AND l.operation IN ('', c.operation)
    AND l.since <= c.day AND (l.until IS NULL OR c.day < l.until)
  GROUP BY ALL
),
counted AS (
  SELECT c.hour, c.use_case, c.team, c.segment,
    CASE WHEN l.seconds IS NULL THEN c.on_time ELSE 0 END AS hits, c.requests AS n
  FROM interactions_hourly AS c LEFT JOIN limited AS l
    ON l.hour = c.hour AND l.use_case = c.use_case AND l.operation = c.operation
  WHERE c.status <> 'cancelled'
  UNION ALL
  -- A bucket b stands for 2 gamma^b / (gamma + 1) microseconds, gamma = 1.01 / 0.99; -1 is zero.
  SELECT w.hour, w.use_case, w.team, w.segment, w.count AS hits, 0 AS n
  FROM duration_histogram AS w JOIN limited AS l
    ON l.hour = w.hour AND l.use_case = w.use_case AND l.operation = w.operation
  WHERE w.measure = 'duration' AND w.status = 'ok' AND l.seconds * 1000000 >=
    CASE WHEN w.bucket < 0 THEN 0 ELSE 2 * pow(1.01 / 0.99, w.bucket) / (1.01 / 0.99 + 1) END
)
SELECT hour, use_case, team, segment, sum(hits) AS hits, sum(n) AS n
FROM counted
GROUP BY ALL
