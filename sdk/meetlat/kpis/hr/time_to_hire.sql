/*
id = "time_to_hire"
level = 2
pack = "hr"
unit = "days"
better = "lower"
shape = "survival"
baseline = true
minimum = 6
maturity_days = 90
inputs = ["task_rows"]
guards = [
  "by the day the vacancy was opened; vacancies that are still open count as 'not yet'",
  "a vacancy that was closed without a hire counts as not filled up to that day",
  "in days of 24 hours: keep this use case on calendar hours",
  "a finished vacancy without an outcome is left out",
]
target = {low = 0.2, high = 0.3, kind = "relative", origin = "article"}

[title]
en = "Time to hire"
nl = "Time-to-hire"

[question]
en = "How long does it take from vacancy to signed contract?"
nl = "Hoe lang duurt het van vacature tot aanstelling?"

[definition]
en = "Median days from opening a vacancy until a contract is signed (the vacancy's task is finished, with the outcome `hired`), over all vacancies opened in the period. Open ones count with the days they have been open so far."
nl = "Mediaan van de dagen van vacature tot aanstelling (de taak van de vacature is af, met uitkomst `hired`), over alle vacatures die in de periode geopend zijn. Open vacatures tellen mee met de dagen die zij nu al open staan."
*/
-- A row per vacancy: how long it was open, and whether somebody was hired.
WITH vacancies AS (
  SELECT
    *, coalesce(lead_us, age_us) AS open_us, finished IS NOT NULL AND outcome = 'hired' AS ended,
    unnest(['', CASE assisted WHEN 'true' THEN 'with_ai' WHEN 'false' THEN 'without_ai' END])
      AS part
  FROM task_rows
  WHERE step = '' AND (finished IS NULL OR outcome NOT IN ('', 'open'))
)
SELECT
  began AS day, use_case, team, segment, assisted, part, open_us / 86400000000 AS value, ended
FROM vacancies
WHERE part IS NOT NULL AND began IS NOT NULL AND open_us >= 0
