/*
id = "response_accuracy"
level = 1
pack = "service"
unit = "share"
better = "higher"
shape = "weighted"
inputs = ["reviews_daily"]
guards = [
  "no percentage below 20 checks",
  "only checks of answers that were drawn at random, with a known chance of being drawn",
]
target = {low = 0.85, high = 0.90, origin = "article"}

[title]
en = "Response accuracy"
nl = "Response-nauwkeurigheid"

[question]
en = "Does the bot give right answers?"
nl = "Geeft de bot juiste antwoorden?"

[definition]
en = "Answers that a human check found right in content, as a share of the answers checked. Only random samples count, and each check weighs as many answers as it stands for: 1 / its chance of being drawn."
nl = "Antwoorden die een mens inhoudelijk juist vond, als deel van de gecontroleerde antwoorden. Alleen willekeurige steekproeven tellen, en elke controle weegt zo zwaar als het aantal antwoorden waar zij voor staat: 1 / de kans om getrokken te worden."
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
