/*
id = "task_errors"
level = 2
pack = "general"
unit = "share"
better = "lower"
shape = "share"
baseline = true
inputs = ["tasks_daily"]
guards = [
  "no percentage below 20 tasks",
  "compared within segments, then weighed by the tasks of now",
  "with AI and without AI beside it are not adjusted: people pick AI for the easy ones",
  "tasks that nobody checked for errors are left out: unknown is not zero",
]

[title]
en = "Tasks with errors"
nl = "Foutenpercentage"

[question]
en = "How many mistakes are made with AI, and how many by hand?"
nl = "Hoeveel fouten bij processen mét AI versus volledig handmatig?"

[definition]
en = "Finished tasks with at least one error, as a share of the tasks whose errors are known: over all tasks, and as parts with AI and without AI."
nl = "Afgeronde taken met minstens één fout, als deel van de taken waarvan de fouten bekend zijn: over alle taken, en als delen met AI en zonder AI."
*/
-- Tasks with an error / tasks whose errors are known.
WITH done AS (
  SELECT
    *,
    unnest(['', CASE assisted WHEN 'true' THEN 'with_ai' WHEN 'false' THEN 'without_ai' END])
      AS part
  FROM tasks_daily
  WHERE step = '' AND state = 'finished' AND errors_count > 0
)
SELECT
  day, use_case, team, segment, assisted, part,
  sum(with_errors) AS hits, sum(errors_count) AS n
FROM done
WHERE part IS NOT NULL
GROUP BY ALL
