/*
id = "adoption_rate"
level = 4
unit = "share"
better = "higher"
shape = "ratio"
weekly = true
inputs = ["regular_weeks", "entitled_weeks"]
guards = ["needs the number of people who may use the AI, per team, in the plan", "nothing about fewer than 5 people", "complete ISO weeks only", "no percentage below 20 person-weeks"]
target = {low = 0.70, origin = "house"}

[title]
en = "Adoption rate"
nl = "Gebruikersacceptatie"

[question]
en = "Which share of those who may use the AI do so regularly?"
nl = "Welk deel van wie de AI mag gebruiken, doet dat regelmatig?"

[definition]
en = "People with regular use in an ISO week (at least three uses, or as many as the plan says), divided by the people who may use the AI as the plan counts them on the Monday; over a longer period, the weeks that lie in it whole, added up. A team of the plan in which nobody used it counts with its people. For privacy, a team in which 1 to 4 people were regular in a week, or fewer than 5 used the AI at all, counts as none in that week: the true figure can be higher. Regular users of teams that the plan does not name count for the use case as a whole. A week after go-live and the first use in which nobody used it counts as 0. Left out: weeks that are not over, weeks for which the plan counts nobody who may use it, and teams of which fewer than 5 people may use it."
nl = "Mensen die de AI in een ISO-week regelmatig gebruikten (minstens driemaal, of zo vaak als het plan zegt), gedeeld door de mensen die haar mogen gebruiken, zoals het plan ze op maandag telt; over een langere periode de weken die er helemaal in liggen, opgeteld. Een team uit het plan waarin niemand haar gebruikte, telt mee met zijn mensen. Vanwege de privacy telt een team waarin in een week 1 tot 4 mensen regelmatig gebruikten, of minder dan 5 de AI überhaupt gebruikten, in die week als nul: het echte getal kan hoger zijn. Regelmatige gebruikers van teams die het plan niet noemt, tellen voor de use case als geheel. Een week na livegang en eerste gebruik waarin niemand haar gebruikte, telt als 0. Niet meegeteld: weken die nog niet voorbij zijn, weken waarvoor het plan niemand telt die haar mag gebruiken, en teams waarvan minder dan 5 mensen haar mogen gebruiken."
*/
-- People with regular use / people who may use the AI, per week.
SELECT week AS day, use_case, team, '' AS segment, sum(total) AS total, sum(n) AS n FROM (
  SELECT week, use_case, team, regular AS total, 0 AS n
  FROM regular_weeks SEMI JOIN entitled_weeks USING (week, use_case)
  UNION ALL
  -- Nobody of a team used it; where some did, their number may be hidden (NULL).
  SELECT e.week, e.use_case, e.team, CASE WHEN r.team IS NULL THEN 0 END AS total, e.entitled AS n
  FROM entitled_weeks AS e LEFT JOIN regular_weeks AS r
    ON r.week = e.week AND r.use_case = e.use_case AND r.team = e.team
)
GROUP BY ALL
-- Few people who may use it are hidden; a team that the plan does not name has none.
HAVING sum(n) = 0 OR sum(n) >= getvariable('privacy_limit')
