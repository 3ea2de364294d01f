/*
id = "usage_intensity"
level = 4
unit = "count"
better = "higher"
shape = "ratio"
weekly = true
inputs = ["user_weeks", "plan_people", "plan_use_case_teams"]
guards = ["needs the number of people who may use the AI, per team, in the plan", "nothing about fewer than 5 people", "complete ISO weeks only", "stands beside an outcome: more use is only better while it helps"]
target = {kind = "trend", origin = "article"}

[title]
en = "Usage intensity"
nl = "Gebruiksintensiteit"

[question]
en = "How often is the AI used, and is that rising?"
nl = "Hoe vaak wordt de AI ingezet, en stijgt die lijn?"

[definition]
en = "Uses per person who may use the AI, per ISO week, as the plan counts them on the Monday; part active: uses per person with at least one use in the week. A use is a session; without one, the event. Over a longer period, the weeks that lie in it whole, added up. The trend is that of the last 8 weeks. A team of the plan in which fewer than 5 people used it counts with its people and without uses. Left out: cancelled calls, uses that name no user, weeks that are not over, and weeks in which nobody used the AI."
nl = "Gebruik per persoon die de AI mag gebruiken, per ISO-week, zoals het plan ze op maandag telt; deel active: gebruik per persoon die haar in de week minstens eenmaal gebruikte. Een gebruik is een sessie; zonder sessie de gebeurtenis zelf. Over een langere periode de weken die er helemaal in liggen, opgeteld. De trend is die van de laatste 8 weken. Een team uit het plan waarin minder dan 5 mensen haar gebruikten, telt mee met zijn mensen en zonder gebruik. Niet meegeteld: afgebroken aanroepen, gebruik dat geen gebruiker noemt, weken die nog niet voorbij zijn, en weken waarin niemand de AI gebruikte."
*/
-- Uses / people who may use the AI; part 'active': uses / people with a use.
WITH entitled AS (
  -- Every team of the plan in every week; one that is not shown by name stands under (small).
  SELECT w.week, w.use_case, p.entitled AS n,
    CASE WHEN w.small AND NOT list_contains(w.teams, t.team) THEN '(small)' ELSE t.team END AS team
  FROM (
    SELECT week, use_case, list(DISTINCT team) AS teams, bool_or(team = '(small)') AS small
    FROM user_weeks GROUP BY ALL
  ) AS w
  JOIN plan_use_case_teams AS t ON t.use_case = w.use_case
  JOIN plan_people AS p ON p.team = t.team
    AND p.since <= w.week AND (p.until IS NULL OR w.week < p.until)
)
SELECT week AS day, use_case, team, '' AS segment, part, sum(total) AS total, sum(n) AS n FROM (
  SELECT week, use_case, team, '' AS part, uses AS total, 0 AS n FROM user_weeks
  UNION ALL
  SELECT week, use_case, team, '' AS part, 0 AS total, n FROM entitled
  UNION ALL
  SELECT week, use_case, team, 'active' AS part, uses AS total, people AS n FROM user_weeks
)
GROUP BY ALL
