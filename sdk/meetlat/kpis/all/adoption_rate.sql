/*
id = "adoption_rate"
level = 4
unit = "share"
better = "higher"
shape = "ratio"
weekly = true
inputs = ["user_weeks", "use_rows", "plan_regular", "plan_people", "plan_use_case_teams"]
guards = ["needs the number of people who may use the AI, per team, in the plan", "nothing about fewer than 5 people", "complete ISO weeks only", "no percentage below 20 person-weeks"]
target = {low = 0.70, origin = "house"}

[title]
en = "Adoption rate"
nl = "Gebruikersacceptatie"

[question]
en = "Which share of those who may use the AI do so regularly?"
nl = "Welk deel van wie de AI mag gebruiken, doet dat regelmatig?"

[definition]
en = "People with regular use in an ISO week (at least three uses, or as many as the plan says), divided by the people who may use the AI as the plan counts them on the Monday; over a longer period, the weeks that lie in it whole, added up. A team of the plan in which nobody used it counts with its people. For privacy, a team in which 1 to 4 people were regular in a week, or fewer than 5 used the AI at all, counts as none in that week: the true figure can be higher. Regular users of teams that the plan does not name count for the use case as a whole. Left out: weeks that are not over, weeks in which nobody used the AI, and teams of which fewer than 5 people may use it."
nl = "Mensen die de AI in een ISO-week regelmatig gebruikten (minstens driemaal, of zo vaak als het plan zegt), gedeeld door de mensen die haar mogen gebruiken, zoals het plan ze op maandag telt; over een langere periode de weken die er helemaal in liggen, opgeteld. Een team uit het plan waarin niemand haar gebruikte, telt mee met zijn mensen. Vanwege de privacy telt een team waarin in een week 1 tot 4 mensen regelmatig gebruikten, of minder dan 5 de AI überhaupt gebruikten, in die week als nul: het echte getal kan hoger zijn. Regelmatige gebruikers van teams die het plan niet noemt, tellen voor de use case als geheel. Niet meegeteld: weken die nog niet voorbij zijn, weken waarin niemand de AI gebruikte, en teams waarvan minder dan 5 mensen haar mogen gebruiken."
*/
-- People with regular use / people who may use the AI, per week.
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
),
entitled AS (
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
SELECT week AS day, use_case, team, '' AS segment, sum(total) AS total, sum(n) AS n FROM (
  SELECT week, use_case, team, regular AS total, 0 AS n FROM regular
  UNION ALL
  SELECT e.week, e.use_case, e.team, CASE WHEN r.team IS NULL THEN 0 END AS total, e.n
  FROM entitled AS e LEFT JOIN regular AS r
    ON r.week = e.week AND r.use_case = e.use_case AND r.team = e.team
)
GROUP BY ALL
-- Few people who may use it are hidden; a team that the plan does not name has none.
HAVING sum(n) = 0 OR sum(n) >= 5
