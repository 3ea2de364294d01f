/*
id = "first_time_right"
level = 1
unit = "share"
better = "higher"
shape = "weighted"
inputs = ["reviews_daily", "tasks_daily"]
ways = ["reviews", "tasks"]
guards = ["only outputs that were drawn at random, with a known sampling rate", "no percentage below 20 outputs", "the parts say what a value rests on: checks by people, or tasks without a revision"]
target = {low = 0.85, high = 0.90, origin = "article"}

[title]
en = "First proposal right"
nl = "Eerste voorstel juist"

[question]
en = "How many first proposals barely need rework?"
nl = "Hoeveel eerste voorstellen vergen nauwelijks nabewerking?"

[definition]
en = "Outputs that, as a person judged, barely need rework, as a share of the outputs that were drawn at random and judged on it (part reviews); an output that was drawn with a chance of one in ten stands for ten. A use case with fewer than 20 such checks in all its history is judged by its finished tasks with AI instead: those with 0 revisions, as a share of those whose number of revisions is known (part tasks). One way for a use case, in every period and in its baseline: the two are never mixed. Left out: outputs that somebody picked to be checked, tasks without AI, tasks that are open, and steps of a task."
nl = "Uitkomsten die volgens een mens nauwelijks nabewerking vergen, als deel van de uitkomsten die door het lot zijn getrokken en daarop beoordeeld (deel reviews); een uitkomst die met een kans van één op tien is getrokken, staat voor tien. Een use case met in zijn hele geschiedenis minder dan 20 zulke controles wordt in plaats daarvan beoordeeld op zijn afgeronde taken met AI: die met 0 revisies, als deel van die waarvan het aantal revisies bekend is (deel tasks). Eén manier per use case, in elke periode en in de nulmeting: de twee worden nooit gemengd. Niet meegeteld: uitkomsten die iemand zelf uitkoos om te controleren, taken zonder AI, open taken en losse stappen van een taak."
*/
-- Checks of randomly drawn outputs, and apart from them tasks with AI and no revision.
SELECT day, use_case, team, segment, 'reviews' AS part,
  sum(first_time_right / sampling_rate::DOUBLE) AS hits,
  sum(first_time_right_count / sampling_rate::DOUBLE) AS weight,
  sum(first_time_right_count / (sampling_rate::DOUBLE * sampling_rate::DOUBLE)) AS weight_squares,
  sum(first_time_right_count) AS n
FROM reviews_daily
WHERE sampled = 'true' AND sampling_rate > 0
GROUP BY ALL
HAVING sum(first_time_right_count) > 0
UNION ALL
SELECT day, use_case, team, segment, 'tasks' AS part,
  sum(without_revision)::DOUBLE AS hits, sum(revisions_count)::DOUBLE AS weight,
  sum(revisions_count)::DOUBLE AS weight_squares, sum(revisions_count) AS n
FROM tasks_daily
WHERE step = '' AND state = 'finished' AND assisted = 'true'
GROUP BY ALL
HAVING sum(revisions_count) > 0
