/*
id = "lead_time"
level = 2
unit = "h"
better = "lower"
shape = "survival"
baseline = true
maturity_days = 28
inputs = ["task_rows"]
guards = ["no improvement without a baseline", "within segments, then weighed by the current mix", "tasks are placed on the day they began and open ones count as not yet finished, so that only-the-quick-ones-finished is no improvement", "stands beside the end-to-end lead time", "no median below 20 tasks"]
target = {low = 0.5, kind = "relative", origin = "house"}

[title]
en = "Lead time"
nl = "Doorlooptijd"

[question]
en = "How long does a task take, from door to door?"
nl = "Hoe lang duurt een taak, van binnenkomst tot afronding?"

[definition]
en = "The median number of hours from the request of a task (or its start, where no request is known) to its end, in calendar or working hours as the plan says. A task belongs to the day it began. Tasks that are still open count as lasting at least as long as they are old. Left out: steps of a task, tasks whose begin is unknown, and tasks that end before they begin."
nl = "Het mediane aantal uren van de aanvraag van een taak (of de start, waar geen aanvraag bekend is) tot het einde, in kalender- of werkuren zoals het plan zegt. Een taak hoort bij de dag waarop zij begon. Taken die nog open zijn, tellen mee als: duurt minstens zo lang als zij oud zijn. Niet meegeteld: losse stappen van een taak, taken waarvan het begin onbekend is, en taken die eindigen voor zij beginnen."
*/
-- One row per task: hours until it was finished, or its age while it is open.
SELECT began AS day, use_case, team, segment, assisted,
  coalesce(lead_us, age_us) / 3.6e9 AS value, finished IS NOT NULL AS ended
FROM task_rows
WHERE step = '' AND began IS NOT NULL AND coalesce(lead_us, age_us) >= 0
