/*
id = "feature_concentration"
level = 4
unit = "share"
better = "higher"
shape = "weeks"
weekly = true
minimum = 5
inputs = ["use_rows", "plan_features"]
guards = ["nothing about fewer than 5 people", "complete ISO weeks only", "needs the features of the use case in the plan"]

[title]
en = "Feature concentration"
nl = "Feature-concentratie"

[question]
en = "Do 80 % of the users use only 20 % of the features?"
nl = "Gebruikt 80% van de gebruikers maar 20% van de features?"

[definition]
en = "The share of the features that the plan names which 80 % of the people do not go beyond: the smallest share such that at least 80 of 100 people used that share of the features or less, in an ISO week. Over a longer period, the mean of the weeks that lie in it whole. For the use case as a whole, not per team. Left out: people who did not use the AI in the week, features that the plan does not name, uses that name no user, weeks that are not over, and weeks with fewer than 5 people."
nl = "Het deel van de functies uit het plan waar 80% van de gebruikers niet bovenuit komt: het kleinste deel waarvoor geldt dat minstens 80 van de 100 mensen in een ISO-week dat deel van de functies of minder gebruikten. Over een langere periode het gemiddelde van de weken die er helemaal in liggen. Voor de use case als geheel, niet per team. Niet meegeteld: mensen die de AI die week niet gebruikten, functies die het plan niet noemt, gebruik dat geen gebruiker noemt, weken die nog niet voorbij zijn, en weken met minder dan 5 mensen."
*/
-- 80th percentile over people of features used / features offered, per week of the use case.
WITH offered AS (
  SELECT use_case, count(DISTINCT feature) AS features FROM plan_features GROUP BY ALL
),
people AS (
  SELECT u.week, u.use_case, u."user", count(DISTINCT f.feature) AS used
  FROM use_rows AS u
  LEFT JOIN plan_features AS f ON f.use_case = u.use_case AND f.feature = u.feature
  GROUP BY ALL
)
SELECT p.week AS day, p.use_case, '' AS team, '' AS segment,
  quantile_disc(p.used, 0.8) / any_value(o.features)::DOUBLE AS total, count(*) AS n
FROM people AS p JOIN offered AS o ON o.use_case = p.use_case
GROUP BY ALL
HAVING count(*) >= getvariable('privacy_limit')
