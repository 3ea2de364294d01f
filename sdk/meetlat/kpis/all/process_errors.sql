/*
id = "process_errors"
level = 2
unit = "count"
better = "lower"
shape = "ratio"
scale = 100.0
baseline = true
inputs = ["tasks_daily", "task_errors_daily"]
guards = ["no improvement without a baseline", "within segments, then weighed by the current mix", "a task whose number of errors is unknown is not a task without errors", "no mean below 20 tasks"]
target = {low = 0.5, kind = "relative", origin = "house"}

[title]
en = "Errors per 100 tasks"
nl = "Fouten per 100 taken"

[question]
en = "How many errors does AI keep out of our work?"
nl = "Hoeveel fouten verdwijnen er uit ons werk?"

[definition]
en = "Errors in finished tasks, per 100 finished tasks whose number of errors is known. By kind as well: typing errors (typo), inconsistencies (inconsistency), missing attachments (missing_attachment) and all other kinds (other), as far as tasks name them. Left out: tasks whose number of errors is unknown, open tasks, and steps of a task."
nl = "Fouten in afgeronde taken, per 100 afgeronde taken waarvan het aantal fouten bekend is. Ook per soort: typefouten (typo), inconsistenties (inconsistency), vergeten bijlagen (missing_attachment) en alle andere soorten (other), voor zover taken die noemen. Niet meegeteld: taken waarvan het aantal fouten onbekend is, open taken en losse stappen van een taak."
*/
-- Errors / tasks whose errors are known. The kinds are fixed, so that a day without one of them
-- counts as a day without such errors.
WITH known AS (
  SELECT day, use_case, team, segment, assisted, sum(errors_sum) AS total, sum(errors_count) AS n
  FROM tasks_daily
  WHERE step = '' AND state = 'finished' AND errors_count > 0
  GROUP BY ALL
),
kinds AS (
  SELECT day, use_case, team, segment, assisted,
    CASE WHEN kind IN ('typo', 'inconsistency', 'missing_attachment') THEN kind ELSE 'other' END
      AS part,
    sum(errors) AS total
  FROM task_errors_daily
  WHERE step = ''
  GROUP BY ALL
),
asked AS (
  SELECT day, use_case, team, segment, assisted, n,
    unnest(['typo', 'inconsistency', 'missing_attachment', 'other']) AS part
  FROM known
)
SELECT day, use_case, team, segment, assisted, '' AS part, total, n FROM known
UNION ALL
SELECT a.day, a.use_case, a.team, a.segment, a.assisted, a.part, coalesce(k.total, 0) AS total, a.n
FROM asked AS a LEFT JOIN kinds AS k ON k.day = a.day AND k.use_case = a.use_case
  AND k.team = a.team AND k.segment = a.segment AND k.assisted = a.assisted AND k.part = a.part
