/*
id = "hours_redeployed"
level = 3
pack = "people"
unit = "h"
better = "higher"
shape = "sum"
minimum = 1
inputs = ["measurements_daily"]
guards = ["for the works council: stands beside hours saved, and is never derived from them"]

[title]
en = "Hours redeployed"
nl = "Uren elders ingezet"

[question]
en = "What is the freed time used for?"
nl = "Waar gaat de vrijgekomen tijd naartoe?"

[definition]
en = "Freed hours that people spent on other work (measurement `hours_redeployed`), added up."
nl = "Vrijgekomen uren die mensen aan ander werk besteedden (meting `hours_redeployed`), opgeteld."
*/
-- Hours as reported.
SELECT day, use_case, team, segment, sum(value_sum)::DOUBLE AS total, sum("count") AS n
FROM measurements_daily
WHERE name = 'hours_redeployed'
GROUP BY ALL
