/*
id = "training_hours"
level = 4
pack = "people"
unit = "h"
better = "higher"
shape = "sum"
minimum = 1
inputs = ["measurements_daily"]
guards = ["for the works council: stands beside an outcome, never alone"]

[title]
en = "Training hours"
nl = "Scholingsuren"

[question]
en = "How much does the company invest in what its people can do?"
nl = "Hoeveel investeert het bedrijf in scholing?"

[definition]
en = "Hours that people spent in training for the AI (measurement `training_hours`), added up."
nl = "Uren die mensen aan scholing voor de AI besteedden (meting `training_hours`), opgeteld."
*/
-- Hours as reported.
SELECT day, use_case, team, segment, sum(value_sum)::DOUBLE AS total, sum("count") AS n
FROM measurements_daily
WHERE name = 'training_hours'
GROUP BY ALL
