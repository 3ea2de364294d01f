/*
id = "active_users"
level = 4
unit = "people"
better = "higher"
shape = "weeks"
weekly = true
minimum = 5
inputs = ["regular_weeks", "use_weeks"]
guards = ["nothing about fewer than 5 people", "complete ISO weeks only", "a number of people says little without the number who may use it: see the adoption rate"]

[title]
en = "Active users"
nl = "Actieve gebruikers"

[question]
en = "How many colleagues use the AI regularly?"
nl = "Hoeveel collega's gebruiken de AI-tools regelmatig?"

[definition]
en = "People with at least three uses in an ISO week, or as many as the plan says. A use is a session; without one, the event. Over a longer period, the mean of the weeks that lie in it whole. Cancelled calls are no uses. For privacy, a team in which 1 to 4 people were regular in a week, or fewer than 5 used the AI at all, counts as none in that week: the true figure can be higher. A week after go-live and the first use in which nobody used it counts as 0. Left out: uses that name no user, and weeks that are not over."
nl = "Mensen met minstens driemaal gebruik in een ISO-week, of zo vaak als het plan zegt. Een gebruik is een sessie; zonder sessie de gebeurtenis zelf. Over een langere periode het gemiddelde van de weken die er helemaal in liggen. Afgebroken aanroepen zijn geen gebruik. Vanwege de privacy telt een team waarin in een week 1 tot 4 mensen regelmatig gebruikten, of minder dan 5 de AI überhaupt gebruikten, in die week als nul: het echte getal kan hoger zijn. Een week na livegang en eerste gebruik waarin niemand haar gebruikte, telt als 0. Niet meegeteld: gebruik dat geen gebruiker noemt, en weken die nog niet voorbij zijn."
*/
-- People with regular use per week, in a week without any use 0; n: people with any use.
SELECT week AS day, use_case, team, '' AS segment, sum(regular) AS total, sum(people) AS n FROM (
  SELECT week, use_case, team, regular, people FROM regular_weeks
  UNION ALL
  SELECT week, use_case, '' AS team, 0 AS regular, 0 AS people
  FROM use_weeks ANTI JOIN regular_weeks USING (week, use_case)
)
GROUP BY ALL
