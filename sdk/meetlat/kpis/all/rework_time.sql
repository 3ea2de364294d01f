/*
id = "rework_time"
level = 2
unit = "min"
better = "lower"
shape = "mean"
inputs = ["tasks_daily"]
guards = ["rework is part of handling: it is never taken off twice", "no mean below 20 tasks"]

[title]
en = "Rework time"
nl = "Nabewerkingstijd"

[question]
en = "How long are people busy finishing what the AI made?"
nl = "Hoe lang zijn medewerkers bezig om AI-output te finaliseren?"

[definition]
en = "The mean number of minutes of rework per finished task with AI whose rework is known; no rework is 0 minutes. Left out: tasks whose rework is unknown, tasks without AI, open tasks, and steps of a task."
nl = "Het gemiddelde aantal minuten nabewerking per afgeronde taak met AI waarvan de nabewerking bekend is; geen nabewerking is 0 minuten. Niet meegeteld: taken waarvan de nabewerking onbekend is, taken zonder AI, open taken en losse stappen van een taak."
*/
-- Minutes of rework / tasks with AI that say how much.
SELECT day, use_case, team, segment,
  sum(rework_sum) / 6e7 AS total, sum(rework_squares) / (6e7 * 6e7) AS squares,
  sum(rework_count) AS n
FROM tasks_daily
WHERE step = '' AND state = 'finished' AND assisted = 'true' AND rework_count > 0
GROUP BY ALL
