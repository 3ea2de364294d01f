/*
id = "match_accuracy"
level = 1
pack = "hr"
unit = "share"
better = "higher"
shape = "share"
baseline = true
inputs = ["tasks_daily", "plan_use_cases"]
guards = [
  "no percentage below 20 interviews",
  "interviews without a known outcome do not count yet",
]

[title]
en = "Match accuracy"
nl = "Match-accuraatheid"

[question]
en = "How well do the candidates fit that the AI puts forward?"
nl = "Hoe goed passen AI-voorgeselecteerde kandidaten?"

[definition]
en = "Candidates whom the AI put forward and who went on after a completed first interview, as a share of all of them with a completed first interview. Interviews are tasks with step `first_interview`, assisted when AI preselected the candidate; who goes on has the outcome `advanced` or `hired`. Compared with the candidates chosen by hand before go-live."
nl = "AI-voorgeselecteerde kandidaten die na een afgerond eerste gesprek doorgaan, als deel van allen met een afgerond eerste gesprek. Gesprekken zijn taken met stap `first_interview`, met AI als de AI de kandidaat voorselecteerde; wie doorgaat heeft als uitkomst `advanced` of `hired`. Vergeleken met de kandidaten die voor de livegang met de hand gekozen zijn."
*/
-- Preselected by AI; before go-live by hand, to compare with.
SELECT
  t.day, t.use_case, t.team, t.segment, t.assisted,
  coalesce(sum(t.tasks) FILTER (WHERE t.outcome IN ('advanced', 'hired')), 0) AS hits,
  sum(t.tasks) AS n
FROM tasks_daily AS t
LEFT JOIN plan_use_cases AS p ON p.use_case = t.use_case
WHERE t.step = 'first_interview' AND t.state = 'finished'
  AND t.outcome NOT IN ('', 'open', 'preselected')
  AND (t.assisted = 'true' OR t.day < p.go_live)
GROUP BY ALL
