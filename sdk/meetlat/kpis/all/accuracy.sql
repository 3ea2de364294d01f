/*
id = "accuracy"
level = 1
unit = "share"
better = "higher"
shape = "weighted"
inputs = ["reviews_daily"]
guards = ["only outputs that were drawn at random, with a known sampling rate", "no percentage below 20 checks"]
target = {low = 0.85, high = 0.90, origin = "article"}

[title]
en = "Right in content"
nl = "Inhoudelijk juist"

[question]
en = "How right are the AI's outputs?"
nl = "Hoe correct zijn de AI-uitkomsten?"

[definition]
en = "Outputs that a person found right in content, as a share of the outputs that were drawn at random and judged on content. An output that was drawn with a chance of one in ten stands for ten. Left out: checks of outputs that somebody picked, checks whose chance of being drawn is unknown, and checks that do not judge the content."
nl = "Uitkomsten die een mens inhoudelijk juist vond, als deel van de uitkomsten die door het lot zijn getrokken en op inhoud beoordeeld. Een uitkomst die met een kans van één op tien is getrokken, staat voor tien. Niet meegeteld: controles van uitkomsten die iemand zelf uitkoos, controles waarvan de trekkingskans onbekend is, en controles die de inhoud niet beoordelen."
*/
-- Checks of randomly drawn outputs; each stands for 1 / sampling rate outputs.
SELECT day, use_case, team, segment,
  sum(correct / sampling_rate::DOUBLE) AS hits,
  sum(correct_count / sampling_rate::DOUBLE) AS weight,
  sum(correct_count / (sampling_rate::DOUBLE * sampling_rate::DOUBLE)) AS weight_squares,
  sum(correct_count) AS n
FROM reviews_daily
WHERE sampled = 'true' AND sampling_rate > 0
GROUP BY ALL
HAVING sum(correct_count) > 0
