/*
id = "automation_rate"
level = 2
unit = "share"
better = "higher"
shape = "share"
inputs = ["tasks_daily"]
guards = ["judged per segment: 80 to 90 % is meant for standard tasks", "stands beside process errors and complaints: work that nobody looks at has to be right", "no percentage below 20 tasks"]
target = {low = 0.80, high = 0.90, origin = "article"}

[title]
en = "Automation rate"
nl = "Automatiseringsgraad"

[question]
en = "How much of the work needs no human hand?"
nl = "Hoe groot is het deel dat zonder menselijk ingrijpen verloopt?"

[definition]
en = "Finished tasks that no human touched, as a share of the finished tasks of which it is known whether one did. Left out: tasks that do not say so, open tasks, and steps of a task."
nl = "Afgeronde taken die zonder menselijk ingrijpen verliepen, als deel van de afgeronde taken waarvan bekend is of iemand ingreep. Niet meegeteld: taken die dat niet zeggen, open taken en losse stappen van een taak."
*/
-- Tasks that no human touched / tasks that say whether one did.
SELECT day, use_case, team, segment,
  sum(CASE WHEN automated = 'true' THEN tasks ELSE 0 END) AS hits, sum(tasks) AS n
FROM tasks_daily
WHERE step = '' AND state = 'finished' AND automated IN ('true', 'false')
GROUP BY ALL
