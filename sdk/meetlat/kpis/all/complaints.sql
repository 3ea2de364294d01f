/*
id = "complaints"
level = 3
unit = "count"
better = "lower"
shape = "ratio"
scale = 100
baseline = true
inputs = ["measurements_daily", "tasks_daily"]
guards = [
  "unknown, not zero, as long as nobody reports complaints: a quiet period is reported as 0",
  "for the use case as a whole: few complaints say which team or segment they are about",
  "compared with the baseline only if complaints were recorded in the same way before go-live",
]

[title]
en = "Complaints"
nl = "Klachten"

[question]
en = "Does the quality that customers notice get better or worse?"
nl = "Wordt de kwaliteit die klanten merken beter of slechter?"

[definition]
en = "Complaints that were recorded (measurement `complaint`), per 100 finished tasks of the use case. A complaint counts on the day it is recorded, a task on the day it is finished."
nl = "Vastgelegde klachten (meting `complaint`) per 100 afgeronde taken van de use case. Een klacht telt op de dag dat zij is vastgelegd, een taak op de dag dat zij af is."
*/
-- Complaints / finished tasks. A task says nothing of complaints, so its total is NULL: the sum is
-- NULL, which is unknown, where nobody reported any.
SELECT day, use_case, '' AS team, '' AS segment, sum(value_sum)::DOUBLE AS total, 0 AS n
FROM measurements_daily
WHERE name = 'complaint'
GROUP BY ALL
UNION ALL
SELECT day, use_case, '' AS team, '' AS segment, NULL AS total, sum(tasks) AS n
FROM tasks_daily
WHERE step = '' AND state = 'finished'
GROUP BY ALL
