/*
id = "innovation"
level = 3
pack = "general"
unit = "count"
better = "higher"
shape = "composed"
minimum = 1
inputs = ["measurements_daily", "tasks_daily"]
guards = [
  "per 100 hours freed only while the hours freed are clearly above zero, else per 100 employees; the remark says which",
  "hours are freed over all tasks: people pick AI for the easy ones",
  "a segment without a baseline frees no hours",
]

[parts]
per_100_employees = {shape = "composed", unit = "count", better = "higher", minimum = 1}

[title]
en = "Innovation"
nl = "Innovatieratio"

[question]
en = "Does the time that AI frees lead to new ideas or improvements?"
nl = "Leidt de vrijgekomen tijd tot nieuwe ideeën of verbeteringen?"

[definition]
en = "Ideas registered (measurement `ideas`) per 100 hours freed in the same period: all finished tasks × the handling of the baseline less the handling of now, per segment. While those hours are not clearly above zero: per 100 employees, which the part `per_100_employees` always shows. Automated tasks that do not say their handling took no time."
nl = "Geregistreerde ideeën (meting `ideas`) per 100 vrijgekomen uren in dezelfde periode: alle afgeronde taken × de handlingtijd van de nulmeting min die van nu, per segment. Zolang die uren niet duidelijk boven nul liggen: per 100 medewerkers, wat het deel `per_100_employees` altijd toont. Geautomatiseerde taken die hun handlingtijd niet noemen, kostten geen tijd."
*/
-- Part ideas: how many; part tasks: n, of which weight say their handling (total, in hours).
SELECT
  day, use_case, team, '' AS segment, '' AS assisted, 'ideas' AS part,
  sum(value_sum)::DOUBLE AS total, NULL AS weight, NULL AS squares, sum("count") AS n
FROM measurements_daily
WHERE name = 'ideas'
GROUP BY ALL
UNION ALL
SELECT
  day, use_case, team, segment, assisted, 'tasks',
  sum(handling_sum) / 3600e6,
  sum(CASE WHEN automated = 'true' THEN tasks ELSE handling_count END),
  sum(handling_squares) / (3600e6 * 3600e6), sum(tasks)
FROM tasks_daily
WHERE step = '' AND state = 'finished'
GROUP BY ALL
