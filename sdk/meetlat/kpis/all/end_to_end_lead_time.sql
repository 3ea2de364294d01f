/*
id = "end_to_end_lead_time"
level = 2
unit = "h"
better = "lower"
shape = "survival"
baseline = true
maturity_days = 28
inputs = ["case_rows"]
guards = ["no improvement without a baseline", "open cases count as not yet finished", "no median below 20 cases"]

[title]
en = "End-to-end lead time"
nl = "Doorlooptijd van begin tot eind"

[question]
en = "Does the customer notice it, or does the case now wait at the next step?"
nl = "Merkt de klant het, of wacht de zaak nu bij de volgende stap?"

[definition]
en = "The median number of hours from the first start to the last finish of a case, in calendar or working hours as the plan says, over all its tasks and all their steps, whatever process they belong to: a step written twice as fast wins nothing if the step before stays slow. A case belongs to the day it began. It is open while one of its rows is, and then counts as lasting at least as long as it is old. Team, segment and use of AI are those of the whole task where it says them; with AI is a case of which any row is. Left out: tasks that name no case, and those whose begin is unknown."
nl = "Het mediane aantal uren van de eerste start tot het laatste einde van een zaak, in kalender- of werkuren zoals het plan zegt, over al haar taken en al hun stappen, bij welk proces die ook horen: een stap die twee keer zo snel gaat, levert niets op als de stap ervoor traag blijft. Een zaak hoort bij de dag waarop zij begon. Zij is open zolang een van haar regels dat is, en telt dan mee als: duurt minstens zo lang als zij oud is. Team en segment zijn die van de hele taak waar die ze noemt; met AI is een zaak waarvan een van de regels dat is. Niet meegeteld: taken die geen zaak noemen, en die waarvan het begin onbekend is."
*/
-- One row per case: first start to last finish over all its tasks and steps.
WITH cases AS (
  SELECT use_case, "case", min(began) AS day,
    -- The row of the whole task has no step, and comes first.
    min_by(team, step) AS team, min_by(segment, step) AS segment, max(assisted) AS assisted,
    bool_and(finished IS NOT NULL) AS ended,
    min(begin_us) AS begin_us, max(finished_us) AS finished_us, max(now_us) AS now_us
  FROM case_rows
  WHERE "case" <> '' AND began IS NOT NULL AND coalesce(lead_us, age_us) >= 0
  GROUP BY ALL
)
SELECT day, use_case, team, segment, assisted,
  (CASE WHEN ended THEN finished_us ELSE now_us END - begin_us) / 3.6e9 AS value, ended
FROM cases
