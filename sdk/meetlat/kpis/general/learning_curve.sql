/*
id = "learning_curve"
level = 2
pack = "general"
unit = "days"
better = "lower"
shape = "survival"
minimum = 5
maturity_days = 90
baseline = true
daily = true
people = true
inputs = ["learner_rows"]
guards = [
  "off without an agreement with the works council in the plan: it needs to know whose task it was",
  "nothing about fewer than five new colleagues who began in a period",
  "who has not reached it counts as not yet, so that only the quick ones is no improvement",
  "each task is compared with colleagues' tasks of its own segment and month, of five people or more",
]

[title]
en = "Learning curve"
nl = "Leercurve"

[question]
en = "How soon are new colleagues productive with AI tools?"
nl = "Hoe snel zijn nieuwe medewerkers productief met AI-tools?"

[definition]
en = "The median number of days from the first task of a new colleague until ten tasks in a row took, in the median, at most 10 % longer than the same work takes colleagues who have worked for more than 90 days. By the day they began. New is whose first task came more than 90 days after the first task that was measured. Who has not reached it yet counts as: at least as long as to the last task."
nl = "Het mediane aantal dagen van de eerste taak van een nieuwe medewerker tot tien taken achter elkaar, in de mediaan, hoogstens 10 % langer duurden dan hetzelfde werk duurt bij collega's die er langer dan 90 dagen zijn. Naar de dag waarop zij begonnen. Nieuw is wie zijn eerste taak had meer dan 90 dagen na de eerste taak die gemeten is. Wie er nog niet is, telt mee als: duurt minstens tot de laatste taak."
*/
-- A row per new colleague: days until it was reached, or to the last task.
WITH tenured AS (
  SELECT
    *, min(day) OVER (PARTITION BY use_case, "user") AS began,
    min(day) OVER (PARTITION BY use_case) AS measured_from, date_trunc('month', day) AS month
  FROM learner_rows
),
colleagues AS (
  SELECT use_case, segment, month, median(handling) AS usual
  FROM tenured
  WHERE day > began + 90
  GROUP BY ALL
  HAVING count(DISTINCT "user") >= 5 AND median(handling) > 0
),
learners AS (
  SELECT
    t.use_case AS use_case, t."user" AS "user", t.began AS began, t.day AS day,
    median(t.handling / c.usual) OVER last_ten <= 1.1 AND count(*) OVER last_ten = 10 AS reached
  FROM tenured AS t JOIN colleagues AS c
    ON c.use_case = t.use_case AND c.segment = t.segment AND c.month = t.month
  WHERE t.began > t.measured_from + 90
  WINDOW last_ten AS (
    PARTITION BY t.use_case, t."user" ORDER BY t.finished, t."case" ROWS 9 PRECEDING
  )
)
SELECT
  began AS day, use_case, '' AS team, '' AS segment,
  (coalesce(min(day) FILTER (WHERE reached), max(day)) - began)::DOUBLE AS value,
  bool_or(reached) AS ended
FROM learners
GROUP BY use_case, "user", began
