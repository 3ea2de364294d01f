/*
id = "throughput"
level = 2
unit = "count"
better = "higher"
shape = "ratio"
weekly = true
baseline = true
minimum = 8
inputs = ["tasks_daily", "plan_people", "plan_use_case_teams"]
guards = ["needs the head counts of the use case's teams in the plan", "more tasks may be easier tasks: stands beside quality and lead time", "nothing below 8 person-weeks"]

[title]
en = "Tasks per person per week"
nl = "Taken per persoon per week"

[question]
en = "Do we get five quotes a week done instead of two?"
nl = "Maken we vijf offertes per week in plaats van twee?"

[definition]
en = "Finished tasks divided by person-weeks: the people of the use case's teams, as the plan counts them on the Monday, for every ISO week in which one of the teams finished a task. A team of the plan that finished none in such a week counts with its people. Tasks of teams that the plan does not name count for the use case as a whole. Left out: steps of a task, open tasks, and weeks that are not over or in which nobody finished a task."
nl = "Afgeronde taken gedeeld door persoonsweken: de mensen van de teams van de use case, zoals het plan ze op maandag telt, voor elke ISO-week waarin een van de teams een taak afrondde. Een team uit het plan dat er in zo'n week geen afrondde, telt mee met zijn mensen. Taken van teams die het plan niet noemt, tellen voor de use case als geheel. Niet meegeteld: losse stappen van een taak, open taken, en weken die nog niet voorbij zijn of waarin niemand een taak afrondde."
*/
-- Finished tasks / person-weeks of the plan's teams.
WITH done AS (
  SELECT week_of(day) AS week, use_case, team, segment, sum(tasks) AS tasks
  FROM tasks_daily
  WHERE step = '' AND state = 'finished'
  GROUP BY ALL
),
people AS (
  -- Every team of the plan in every week; one that is not shown by name stands under (small).
  SELECT w.week, w.use_case, p.people AS n,
    CASE WHEN w.small AND NOT list_contains(w.teams, t.team) THEN '(small)' ELSE t.team END AS team
  FROM (
    SELECT week, use_case, list(DISTINCT team) AS teams, bool_or(team = '(small)') AS small
    FROM done GROUP BY ALL
  ) AS w
  JOIN plan_use_case_teams AS t ON t.use_case = w.use_case
  JOIN plan_people AS p ON p.team = t.team
    AND p.since <= w.week AND (p.until IS NULL OR w.week < p.until)
)
SELECT week AS day, use_case, team, segment, sum(total) AS total, sum(n) AS n FROM (
  SELECT week, use_case, team, segment, tasks AS total, 0 AS n FROM done
  UNION ALL
  -- People work on all segments: they stand beside no one of them.
  SELECT week, use_case, team, '' AS segment, 0 AS total, n FROM people
)
GROUP BY ALL
