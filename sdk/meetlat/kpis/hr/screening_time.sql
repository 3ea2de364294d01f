/*
id = "screening_time"
level = 2
pack = "hr"
unit = "min"
better = "lower"
shape = "mean"
baseline = true
inputs = ["tasks_daily"]
guards = [
  "one task with step `screening` per application; handling that was not recorded is left out",
  "with AI and without AI beside it are not adjusted: people pick AI for the easy ones",
]
target = {low = 5, origin = "article"}

[title]
en = "Screening time"
nl = "CV-screeningstijd"

[question]
en = "How many minutes of work does a first look at an application take?"
nl = "Hoeveel minuten werk kost de eerste selectie per sollicitatie?"

[definition]
en = "Mean minutes of human work on the screening of one application, checking the AI's proposal included. From 30 to 5 minutes is within reach."
nl = "Gemiddeld aantal minuten menselijk werk aan de screening van één sollicitatie, met inbegrip van het controleren van het voorstel van de AI. Van 30 naar 5 minuten is haalbaar."
*/
-- Minutes of handling per application whose handling is known.
WITH screenings AS (
  SELECT
    *,
    unnest(['', CASE assisted WHEN 'true' THEN 'with_ai' WHEN 'false' THEN 'without_ai' END])
      AS part
  FROM tasks_daily
  WHERE step = 'screening' AND state = 'finished' AND handling_count > 0
)
SELECT
  day, use_case, team, segment, assisted, part,
  sum(handling_sum) / 60e6 AS total, sum(handling_squares) / (60e6 * 60e6) AS squares,
  sum(handling_count) AS n
FROM screenings
WHERE part IS NOT NULL
GROUP BY ALL
