/*
id = "revision_rounds"
level = 2
pack = "quotes"
unit = "share"
better = "higher"
shape = "share"
baseline = true
inputs = ["tasks_daily", "plan_use_cases"]
parts = {mean = {shape = "mean", unit = "count", better = "lower"}}
guards = [
  "no percentage below 20 quotes",
  "quotes that do not say how often they were revised are left out",
]

[title]
en = "At most two revision rounds"
nl = "Revisierondes"

[question]
en = "How many AI quotes need no more than two revisions?"
nl = "Hoe vaak moet een AI-offerte nog aangepast worden?"

[definition]
en = "Quotes made with AI that were revised twice at most, as a share of those that say how often they were revised; as a part, the mean number of revisions. Compared with all quotes from before go-live."
nl = "Met AI gemaakte offertes met hoogstens twee revisies, als deel van de offertes waarvan het aantal revisies bekend is; als deel het gemiddelde aantal revisies. Vergeleken met alle offertes van voor de livegang."
*/
-- AI quotes; before go-live the ones made by hand, to compare with.
WITH quotes AS (
  SELECT
    t.day, t.use_case, t.team, t.segment, t.assisted, sum(t.at_most_2_revisions) AS few,
    sum(t.revisions_sum)::DOUBLE AS total, sum(t.revisions_squares)::DOUBLE AS squares,
    sum(t.revisions_count) AS n
  FROM tasks_daily AS t
  LEFT JOIN plan_use_cases AS p ON p.use_case = t.use_case
  WHERE t.step = '' AND t.state = 'finished' AND (t.assisted = 'true' OR t.day < p.go_live)
  GROUP BY ALL
)
SELECT
  day, use_case, team, segment, assisted, '' AS part,
  few AS hits, NULL AS total, NULL AS squares, n
FROM quotes
UNION ALL
SELECT day, use_case, team, segment, assisted, 'mean', NULL, total, squares, n FROM quotes
