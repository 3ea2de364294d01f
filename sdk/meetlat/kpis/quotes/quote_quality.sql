/*
id = "quote_quality"
level = 3
pack = "quotes"
unit = "share"
better = "higher"
shape = "share"
baseline = true
inputs = ["tasks_daily", "reviews_daily", "plan_use_cases"]
guards = [
  "no percentage below 20 quotes",
  "quotes without a score are left out",
  "compared with the baseline only if the same people score in the same way before go-live",
]

[parts]
mean = {shape = "mean", unit = "score", better = "higher"}
completeness = {shape = "mean", unit = "score", better = "higher", minimum = 5}
correctness = {shape = "mean", unit = "score", better = "higher", minimum = 5}
customer_focus = {shape = "mean", unit = "score", better = "higher", minimum = 5}

[title]
en = "Quote quality"
nl = "Offertekwaliteitscore"

[question]
en = "How many AI quotes are good enough, with a 7 out of 10 at least?"
nl = "Hoeveel AI-offertes halen minstens een 7/10?"

[definition]
en = "Quotes made with AI that the company's own check gave 7 out of 10 or more, as a share of those that were scored. Parts: the mean of those scores, and the mean scores for completeness, correctness and customer focus that reviews of AI output give. Compared with all quotes from before go-live."
nl = "Met AI gemaakte offertes die in de interne beoordeling (schaal 1-10) minstens een 7 kregen, als deel van de beoordeelde offertes. Delen: het gemiddelde van die cijfers, en de gemiddelde cijfers voor volledigheid, juistheid en klantgerichtheid uit controles van AI-uitkomsten. Vergeleken met alle offertes van voor de livegang."
*/
-- AI quotes; before go-live the ones made by hand, to compare with.
WITH quotes AS (
  SELECT
    t.day, t.use_case, t.team, t.segment, t.assisted, sum(t.quality_at_least_7) AS good,
    sum(t.quality_sum)::DOUBLE AS total, sum(t.quality_squares)::DOUBLE AS squares,
    sum(t.quality_count) AS n
  FROM tasks_daily AS t
  LEFT JOIN plan_use_cases AS p ON p.use_case = t.use_case
  WHERE t.step = '' AND t.state = 'finished' AND (t.assisted = 'true' OR t.day < p.go_live)
  GROUP BY ALL
),
aspects AS (
  SELECT
    day, use_case, team, segment,
    unnest(['completeness', 'correctness', 'customer_focus']) AS part,
    unnest([completeness_sum, correctness_sum, customer_focus_sum])::DOUBLE AS total,
    unnest([completeness_squares, correctness_squares, customer_focus_squares])::DOUBLE AS squares,
    unnest([completeness_count, correctness_count, customer_focus_count]) AS n
  FROM reviews_daily
)
SELECT
  day, use_case, team, segment, assisted, '' AS part,
  good AS hits, NULL AS total, NULL AS squares, n
FROM quotes
UNION ALL
SELECT day, use_case, team, segment, assisted, 'mean', NULL, total, squares, n FROM quotes
UNION ALL
SELECT day, use_case, team, segment, '', part, NULL, sum(total), sum(squares), sum(n)
FROM aspects
WHERE n > 0
GROUP BY ALL
