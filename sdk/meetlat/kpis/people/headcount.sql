/*
id = "headcount"
level = 3
pack = "people"
unit = "people"
better = "higher"
shape = "mean"
minimum = 1
baseline = true
inputs = ["measurements_daily"]
guards = [
  "reports without a team are of the whole; those of a team are shown as a part, not added up",
  "for the works council: says how many people work there, not why",
]

[title]
en = "Head count"
nl = "Aantal medewerkers"

[question]
en = "Do people keep their jobs?"
nl = "Blijven de banen behouden?"

[definition]
en = "People who work there (measurement `headcount`): the mean of the reports of the period. A report that names a team counts in that team's part only."
nl = "Mensen die er werken (meting `headcount`): het gemiddelde van de metingen in de periode. Een meting die een team noemt, telt alleen in het deel van dat team."
*/
-- A level, not a flow: teams are parts, because the mean over teams is nobody's head count.
SELECT
  day, use_case, '' AS team, '' AS segment, team AS part,
  sum(value_sum)::DOUBLE AS total, sum(value_squares)::DOUBLE AS squares, sum("count") AS n
FROM measurements_daily
WHERE name = 'headcount'
GROUP BY ALL
