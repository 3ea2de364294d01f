/*
id = "quote_quality"
level = 3
pack = "quotes"
unit = "share"
better = "higher"
shape = "share"
baseline = true
inputs = ["tasks_daily", "plan_use_cases"]
guards = [
  "no percentage below 20 quotes",
  "quotes without a score are left out",
  "compared with the baseline only if the same people score in the same way before go-live",
]

[title]
en = "Quote quality"
nl = "Offertekwaliteitscore"

[question]
en = "How many AI quotes are good enough, with a 7 out of 10 at least?"
nl = "Hoeveel AI-offertes halen minstens een 7/10?"

[definition]
en = "Quotes made with AI that the company's own check gave 7 out of 10 or more, as a share of those that were scored. Compared with all quotes from before go-live."
nl = "Met AI gemaakte offertes die in de interne beoordeling (schaal 1-10) minstens een 7 kregen, als deel van de beoordeelde offertes. Vergeleken met alle offertes van voor de livegang."
*/
-- AI quotes; before go-live the ones made by hand, to compare with.
SELECT
  t.day, t.use_case, t.team, t.segment, t.assisted,
  sum(t.quality_at_least_7) AS hits, sum(t.quality_count) AS n
FROM tasks_daily AS t
LEFT JOIN plan_use_cases AS p ON p.use_case = t.use_case
WHERE t.step = '' AND t.state = 'finished' AND (t.assisted = 'true' OR t.day < p.go_live)
GROUP BY ALL
