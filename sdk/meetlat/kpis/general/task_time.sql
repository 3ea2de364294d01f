/*
id = "task_time"
level = 2
pack = "general"
unit = "min"
better = "lower"
shape = "mean"
baseline = true
inputs = ["tasks_daily"]
guards = [
  "compared within segments, then weighed by the tasks of now",
  "with AI and without AI beside it are not adjusted: people pick AI for the easy ones",
  "tasks whose handling is not known are left out",
]

[title]
en = "Time per task"
nl = "Taakafrondingstijd"

[question]
en = "How long do the same tasks take with and without AI?"
nl = "Hoe lang duren dezelfde taken met én zonder AI?"

[definition]
en = "Mean minutes of human work per finished task, checking and correcting the AI's output included: over all tasks, and as parts with AI and without AI."
nl = "Gemiddeld aantal minuten menselijk werk per afgeronde taak, met inbegrip van het controleren en verbeteren van wat de AI maakte: over alle taken, en als delen met AI en zonder AI."
*/
-- Minutes of handling per task whose handling is known.
WITH done AS (
  SELECT
    *,
    unnest(['', CASE assisted WHEN 'true' THEN 'with_ai' WHEN 'false' THEN 'without_ai' END])
      AS part
  FROM tasks_daily
  WHERE step = '' AND state = 'finished' AND handling_count > 0
)
SELECT
  day, use_case, team, segment, assisted, part,
  sum(handling_sum) / 60e6 AS total, sum(handling_squares) / (60e6 * 60e6) AS squares,
  sum(handling_count) AS n
FROM done
WHERE part IS NOT NULL
GROUP BY ALL
