/*
id = "trained_share"
level = 4
pack = "people"
unit = "share"
better = "higher"
shape = "ratio"
minimum = 5
inputs = ["measurements_daily", "plan_people", "plan_use_case_teams"]
guards = [
  "a report says how many people have been trained so far, not how many since the last one",
  "unknown when the plan has no head count for one of the teams on that day",
]

[title]
en = "People trained"
nl = "Geschoolde medewerkers"

[question]
en = "How many people have learnt to work with the AI?"
nl = "Hoeveel medewerkers zijn geschoold in het werken met AI?"

[definition]
en = "People trained so far (measurement `trained_people`), as a share of the people in the team on that day (plan); of all teams of the use case when the report names none. Over a period: the mean of its reports, weighed by people."
nl = "Tot dan toe geschoolde mensen (meting `trained_people`), als deel van de mensen in het team op die dag (plan); van alle teams van de use case als de meting er geen noemt. Over een periode: het gemiddelde van de metingen, gewogen naar mensen."
*/
-- Trained so far / people in force on the day of the report. Reports of one day are averaged.
WITH reports AS (
  SELECT day, use_case, team, sum(value_sum)::DOUBLE / sum("count") AS trained
  FROM measurements_daily
  WHERE name = 'trained_people'
  GROUP BY ALL
),
members AS (
  SELECT *, team AS member FROM reports WHERE team <> ''
  UNION ALL
  SELECT r.*, t.team FROM reports AS r
  JOIN plan_use_case_teams AS t ON t.use_case = r.use_case WHERE r.team = ''
  UNION ALL
  SELECT r.*, p.team FROM reports AS r CROSS JOIN (SELECT DISTINCT team FROM plan_people) AS p
  WHERE r.team = '' AND r.use_case NOT IN (SELECT use_case FROM plan_use_case_teams)
)
SELECT
  m.day, m.use_case, m.team, '' AS segment,
  any_value(m.trained) AS total, sum(p.people) AS n
FROM members AS m
LEFT JOIN plan_people AS p
  ON p.team = m.member AND p.since <= m.day AND (p.until IS NULL OR m.day < p.until)
GROUP BY m.day, m.use_case, m.team
HAVING count(*) = count(p.people) AND sum(p.people) > 0
