/*
id = "agent_productivity"
level = 3
pack = "service"
unit = "share"
better = "higher"
shape = "composed"
baseline = true
inputs = ["tasks_daily", "measurements_daily"]
guards = [
  "each segment counts at the handling of its baseline: a bot that takes the easy cases does not make people look slower",
  "a segment without a baseline is left out, with the hours that it took, and its share is printed",
]
target = {low = 0.2, high = 0.3, kind = "relative", origin = "article"}

[title]
en = "Agent productivity"
nl = "Agentproductiviteit"

[question]
en = "Can people handle more cases thanks to AI?"
nl = "Kunnen medewerkers dankzij AI meer cases behandelen?"

[definition]
en = "Work done per hour of work: the cases that people closed, each counted as the hours that a case of its segment took before go-live, divided by the hours that agents worked (measurement `agent_hours`). 1 is an hour of work of before per hour."
nl = "Gedaan werk per gewerkt uur: de cases die mensen afsloten, elk geteld als de uren die een case van dat segment voor de livegang kostte, gedeeld door de uren die medewerkers werkten (meting `agent_hours`). 1 is een uur werk van vroeger per uur."
*/
-- Part cases: closed by people (n), of which weight say their handling (total, in hours); part hours:
-- the hours that were worked.
SELECT
  day, use_case, team, segment, assisted, 'cases' AS part,
  sum(handling_sum) / 3600e6 AS total, sum(handling_count) AS weight,
  sum(handling_squares) / (3600e6 * 3600e6) AS squares, sum(tasks) AS n
FROM tasks_daily
WHERE step = '' AND state = 'finished' AND automated <> 'true'
GROUP BY ALL
UNION ALL
SELECT day, use_case, team, '', '', 'hours', sum(value_sum)::DOUBLE, NULL, NULL, sum("count")
FROM measurements_daily
WHERE name = 'agent_hours'
GROUP BY ALL
