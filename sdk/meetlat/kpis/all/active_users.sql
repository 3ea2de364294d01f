/*
id = "active_users"
level = 4
unit = "people"
better = "higher"
shape = "weeks"
weekly = true
minimum = 5
inputs = ["user_weeks", "use_rows", "plan_regular"]
guards = ["nothing about fewer than 5 people", "complete ISO weeks only", "a number of people says little without the number who may use it: see the adoption rate"]

[title]
en = "Active users"
nl = "Actieve gebruikers"

[question]
en = "How many colleagues use the AI regularly?"
nl = "Hoeveel collega's gebruiken de AI-tools regelmatig?"

[definition]
en = "People with at least three uses in an ISO week, or as many as the plan says. A use is a session; without one, the event. Over a longer period, the mean of the weeks that lie in it whole. Cancelled calls are no uses. With a number of the plan's own, a session that touched two features counts as two uses. For privacy, a team in which 1 to 4 people were regular in a week, or fewer than 5 used the AI at all, counts as none in that week: the true figure can be higher. Left out: uses that name no user, weeks that are not over, and weeks in which nobody used the AI."
nl = "Mensen met minstens driemaal gebruik in een ISO-week, of zo vaak als het plan zegt. Een gebruik is een sessie; zonder sessie de gebeurtenis zelf. Over een langere periode het gemiddelde van de weken die er helemaal in liggen. Afgebroken aanroepen zijn geen gebruik. Met een eigen aantal in het plan telt een sessie die twee functies raakte als twee. Vanwege de privacy telt een team waarin in een week 1 tot 4 mensen regelmatig gebruikten, of minder dan 5 de AI überhaupt gebruikten, in die week als nul: het echte getal kan hoger zijn. Niet meegeteld: gebruik dat geen gebruiker noemt, weken die nog niet voorbij zijn, en weken waarin niemand de AI gebruikte."
*/
-- People with regular use per week; n: people with any use.
WITH needed AS (
  -- How many uses make a week regular: three, unless the plan says otherwise.
  SELECT w.week, w.use_case, coalesce(max(r.uses), 3) AS uses
  FROM (SELECT DISTINCT week, use_case FROM user_weeks) AS w
  LEFT JOIN plan_regular AS r ON r.use_case = w.use_case
    AND r.since <= w.week AND (r.until IS NULL OR w.week < r.until)
  GROUP BY ALL
),
counted AS (
  SELECT week, use_case, team, count(CASE WHEN uses >= needed THEN 1 END) AS people
  FROM (
    SELECT u.week, u.use_case, u.team, u."user", sum(u.uses) AS uses, any_value(n.uses) AS needed
    FROM use_rows AS u JOIN needed AS n ON n.week = u.week AND n.use_case = u.use_case
    WHERE n.uses <> 3
    GROUP BY ALL
  )
  GROUP BY ALL
),
regular AS (
  -- From 1 to 4 is hidden (NULL), as in user_weeks.
  SELECT w.week, w.use_case, w.team, w.people,
    CASE WHEN n.uses = 3 THEN w.regular_people
      WHEN c.people BETWEEN 1 AND 4 THEN NULL ELSE coalesce(c.people, 0) END AS regular
  FROM user_weeks AS w
  JOIN needed AS n ON n.week = w.week AND n.use_case = w.use_case
  LEFT JOIN counted AS c ON c.week = w.week AND c.use_case = w.use_case AND c.team = w.team
)
SELECT week AS day, use_case, team, '' AS segment, sum(regular) AS total, sum(people) AS n
FROM regular
GROUP BY ALL
