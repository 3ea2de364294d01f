/*
id = "language_quality"
level = 1
unit = "share"
better = "higher"
shape = "weighted"
inputs = ["reviews_daily"]
guards = ["only outputs that were drawn at random, with a known sampling rate", "no percentage below 20 checks"]
target = {low = 0.90, origin = "house"}

[title]
en = "Right in language"
nl = "Taalkundig juist"

[question]
en = "How right is the language of the AI's outputs?"
nl = "Hoe correct is de taal van de AI-uitkomsten?"

[definition]
en = "Outputs whose language a person found right, as a share of the outputs that were drawn at random and judged on language. An output that was drawn with a chance of one in ten stands for ten. Left out: checks of outputs that somebody picked, checks whose chance of being drawn is unknown, and checks that do not judge the language."
nl = "Uitkomsten waarvan een mens de taal juist vond, als deel van de uitkomsten die door het lot zijn getrokken en op taal beoordeeld. Een uitkomst die met een kans van één op tien is getrokken, staat voor tien. Niet meegeteld: controles van uitkomsten die iemand zelf uitkoos, controles waarvan de trekkingskans onbekend is, en controles die de taal niet beoordelen."
*/
-- Checks of randomly drawn outputs; each stands for 1 / sampling rate outputs.
SELECT day, use_case, team, segment,
  sum(language_correct / sampling_rate::DOUBLE) AS hits,
  sum(language_count / sampling_rate::DOUBLE) AS weight,
  sum(language_count / (sampling_rate::DOUBLE * sampling_rate::DOUBLE)) AS weight_squares,
  sum(language_count) AS n
FROM reviews_daily
WHERE sampled = 'true' AND sampling_rate > 0
GROUP BY ALL
HAVING sum(language_count) > 0
