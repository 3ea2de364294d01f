/*
id = "usage_intensity"
level = 4
unit = "count"
better = "higher"
shape = "ratio"
weekly = true
inputs = ["user_weeks", "entitled_weeks"]
guards = ["needs the number of people who may use the AI, per team, in the plan", "nothing about fewer than 5 people", "complete ISO weeks only", "stands beside an outcome: more use is only better while it helps"]
target = {kind = "trend", origin = "article"}

[title]
en = "Usage intensity"
nl = "Gebruiksintensiteit"

[question]
en = "How often is the AI used, and is that rising?"
nl = "Hoe vaak wordt de AI ingezet, en stijgt die lijn?"

[definition]
en = "Uses per person who may use the AI, per ISO week, as the plan counts them on the Monday; part active: uses per person with at least one use in the week. A use is a session; without one, the event. Over a longer period, the weeks that lie in it whole, added up. The trend is that of the last 8 weeks. A team of the plan in which fewer than 5 people used it counts with its people and without uses. A week after go-live and the first use in which nobody used it counts as 0. Left out: cancelled calls, uses that name no user, weeks that are not over, and weeks for which the plan counts nobody who may use it."
nl = "Gebruik per persoon die de AI mag gebruiken, per ISO-week, zoals het plan ze op maandag telt; deel active: gebruik per persoon die haar in de week minstens eenmaal gebruikte. Een gebruik is een sessie; zonder sessie de gebeurtenis zelf. Over een langere periode de weken die er helemaal in liggen, opgeteld. De trend is die van de laatste 8 weken. Een team uit het plan waarin minder dan 5 mensen haar gebruikten, telt mee met zijn mensen en zonder gebruik. Een week na livegang en eerste gebruik waarin niemand haar gebruikte, telt als 0. Niet meegeteld: afgebroken aanroepen, gebruik dat geen gebruiker noemt, weken die nog niet voorbij zijn, en weken waarvoor het plan niemand telt die haar mag gebruiken."
*/
-- Uses / people who may use the AI; part 'active': uses / people with a use.
SELECT week AS day, use_case, team, '' AS segment, part, sum(total) AS total, sum(n) AS n FROM (
  SELECT week, use_case, team, '' AS part, uses AS total, 0 AS n
  FROM user_weeks SEMI JOIN entitled_weeks USING (week, use_case)
  UNION ALL
  SELECT week, use_case, team, '' AS part, 0 AS total, entitled AS n FROM entitled_weeks
  UNION ALL
  SELECT week, use_case, team, 'active' AS part, uses AS total, people AS n FROM user_weeks
)
GROUP BY ALL
