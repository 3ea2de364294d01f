/*
id = "time_to_first_draft"
level = 2
pack = "quotes"
unit = "h"
better = "lower"
shape = "survival"
baseline = true
maturity_days = 14
inputs = ["task_rows"]
guards = [
  "by the day of the request; requests still without a draft count as 'not yet'",
  "quotes that say no moment of request are left out, as are drafts dated before their request",
  "with AI and without AI beside it are not adjusted: people pick AI for the easy ones",
]
target = {low = 0.5, high = 0.7, kind = "relative", origin = "article"}

[title]
en = "Time to first draft"
nl = "Time-to-First-Draft"

[question]
en = "How long does a customer's request wait for a first complete draft?"
nl = "Hoe lang duurt het van aanvraag tot eerste volledige offerteschets?"

[definition]
en = "Median hours from the request to the first complete draft, over all requests of the period. A request that has no draft yet counts with the time it has waited so far, so that quick ones alone never look like progress. Calendar or working hours, as the plan says."
nl = "Mediaan van de uren van aanvraag tot eerste volledige offerteschets, over alle aanvragen van de periode. Een aanvraag zonder schets telt mee met de tijd die zij nu al wacht, zodat alleen de snelle nooit op vooruitgang lijken. Kalender- of werkuren, zoals het plan zegt."
*/
-- A row per request: its wait, and whether the draft came. A task that ended without one never
-- said when it was drafted: that is unknown, not "not yet".
WITH requests AS (
  SELECT
    *, coalesce(draft_us, age_us) AS waited_us, draft_us IS NOT NULL AS ended,
    unnest(['', CASE assisted WHEN 'true' THEN 'with_ai' WHEN 'false' THEN 'without_ai' END])
      AS part
  FROM task_rows
  WHERE step = '' AND requested IS NOT NULL
    AND (draft_us >= 0 OR (
      first_draft IS NULL AND finished IS NULL AND decided IS NULL AND outcome IN ('', 'open')
      AND age_us >= 0
    ))
)
SELECT
  began AS day, use_case, team, segment, assisted, part, waited_us / 3600000000 AS value, ended
FROM requests
WHERE part IS NOT NULL
