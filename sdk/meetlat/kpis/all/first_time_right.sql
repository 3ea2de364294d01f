/*
id = "first_time_right"
level = 1
unit = "share"
better = "higher"
shape = "weighted"
inputs = ["reviews_daily", "tasks_daily"]
guards = ["only outputs that were drawn at random, with a known sampling rate", "no percentage below 20 outputs", "the parts say what a value rests on: checks by people, or tasks without a revision"]
target = {low = 0.85, high = 0.90, origin = "article"}

[title]
en = "First proposal right"
nl = "Eerste voorstel juist"

[question]
en = "How many first proposals barely need rework?"
nl = "Hoeveel eerste voorstellen vergen nauwelijks nabewerking?"

[definition]
en = "Outputs that, as a person judged, barely need rework, as a share of the outputs that were drawn at random and judged on it (part reviews); an output that was drawn with a chance of one in ten stands for ten. On days on which a use case has no such checks, finished tasks with AI take their place: those with 0 revisions, as a share of those whose number of revisions is known (part tasks). Left out: outputs that somebody picked to be checked, tasks without AI, tasks that are open, and steps of a task."
nl = "Uitkomsten die volgens een mens nauwelijks nabewerking vergen, als deel van de uitkomsten die door het lot zijn getrokken en daarop beoordeeld (deel reviews); een uitkomst die met een kans van één op tien is getrokken, staat voor tien. Op dagen waarop een use case zulke controles niet heeft, komen afgeronde taken met AI ervoor in de plaats: die met 0 revisies, als deel van die waarvan het aantal revisies bekend is (deel tasks). Niet meegeteld: uitkomsten die iemand zelf uitkoos om te controleren, taken zonder AI, open taken en losse stappen van een taak."
*/
-- Checks of randomly drawn outputs; on days without them, tasks with AI and no revision.
WITH reviews AS (
  SELECT day, use_case, team, segment,
    sum(first_time_right / sampling_rate::DOUBLE) AS hits,
    sum(first_time_right_count / sampling_rate::DOUBLE) AS weight,
    sum(first_time_right_count / (sampling_rate::DOUBLE * sampling_rate::DOUBLE)) AS weight_squares,
    sum(first_time_right_count) AS n
  FROM reviews_daily
  WHERE sampled = 'true' AND sampling_rate > 0
  GROUP BY ALL
  HAVING sum(first_time_right_count) > 0
),
tasks AS (
  SELECT day, use_case, team, segment,
    sum(without_revision)::DOUBLE AS hits, sum(revisions_count)::DOUBLE AS weight,
    sum(revisions_count)::DOUBLE AS weight_squares, sum(revisions_count) AS n
  FROM tasks_daily
  WHERE step = '' AND state = 'finished' AND assisted = 'true'
  GROUP BY ALL
  HAVING sum(revisions_count) > 0
),
best AS (
  SELECT * FROM reviews
  UNION ALL
  SELECT * FROM tasks AS t ANTI JOIN reviews AS r ON r.day = t.day AND r.use_case = t.use_case
)
SELECT '' AS part, * FROM best
UNION ALL SELECT 'reviews' AS part, * FROM reviews
UNION ALL SELECT 'tasks' AS part, * FROM tasks
