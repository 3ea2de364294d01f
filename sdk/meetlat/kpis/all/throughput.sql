/*
id = "throughput"
level = 2
unit = "count"
better = "higher"
shape = "ratio"
weekly = true
baseline = true
minimum = 8
inputs = ["tasks_daily", "people_weeks"]
guards = ["needs the head counts of the use case's teams in the plan", "more tasks may be easier tasks: stands beside quality and lead time", "nothing below 8 person-weeks"]

[title]
en = "Tasks per person per week"
nl = "Taken per persoon per week"

[question]
en = "Do we get five quotes a week done instead of two?"
nl = "Maken we vijf offertes per week in plaats van twee?"

[definition]
en = "Finished tasks divided by person-weeks: the people of the use case's teams, as the plan counts them on the Monday, for every complete ISO week from the first finished task on: a week in which nobody finished one counts with its people. So does a team of the plan that finished none. Tasks of teams that the plan does not name count for the use case as a whole. For the use case and its teams, not per segment: people work on all segments. Left out: steps of a task, open tasks, weeks that are not over, and weeks for which the plan counts no people."
nl = "Afgeronde taken gedeeld door persoonsweken: de mensen van de teams van de use case, zoals het plan ze op maandag telt, voor elke volledige ISO-week vanaf de eerste afgeronde taak: een week waarin niemand er een afrondde, telt mee met zijn mensen. Dat geldt ook voor een team uit het plan dat er geen afrondde. Taken van teams die het plan niet noemt, tellen voor de use case als geheel. Voor de use case en zijn teams, niet per segment: mensen werken aan alle segmenten. Niet meegeteld: losse stappen van een taak, open taken, weken die nog niet voorbij zijn, en weken waarvoor het plan geen mensen telt."
*/
-- Finished tasks / person-weeks of the plan's teams. People work on all segments, so there are none.
SELECT week AS day, use_case, team, '' AS segment, sum(total) AS total, sum(n) AS n FROM (
  SELECT week_of(day) AS week, use_case, team, tasks AS total, 0 AS n
  FROM tasks_daily
  WHERE step = '' AND state = 'finished'
    AND (week_of(day), use_case) IN (SELECT (week, use_case) FROM people_weeks)
  UNION ALL
  SELECT week, use_case, team, 0 AS total, people AS n FROM people_weeks
)
GROUP BY ALL
