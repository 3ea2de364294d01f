/*
id = "customer_rating"
level = 3
unit = "score"
better = "higher"
shape = "mean"
baseline = true
inputs = ["feedback_daily"]
guards = [
  "the same question on the same scale before and after: the parts name the scales that were used",
  "never turned into money without an assumption in the plan",
]

[title]
en = "Customer rating"
nl = "Klantwaardering"

[question]
en = "Do customers think better of us?"
nl = "Waarderen klanten ons hoger?"

[definition]
en = "Mean of the ratings that customers gave (feedback of kind `customer`), on a scale from 1 to 10. Another scale is stretched to it: its lowest score is 1, its highest 10. Each scale that was used is shown as a part."
nl = "Gemiddelde van de cijfers die klanten gaven (feedback van soort `customer`), op een schaal van 1 tot 10. Een andere schaal wordt daarop uitgerekt: de laagste score is 1, de hoogste 10. Elke gebruikte schaal staat er als deel bij."
*/
-- A score on its scale becomes slope * score + shift on 1 to 10; so do the sums.
WITH scores AS (
  SELECT
    day, use_case, team, segment, assisted,
    9 / (scale_max - scale_min)::DOUBLE AS slope,
    1 - 9 * scale_min::DOUBLE / (scale_max - scale_min)::DOUBLE AS shift,
    score_sum::DOUBLE AS score_sum, score_squares::DOUBLE AS score_squares, scores,
    unnest(['', format('{:g}-{:g}', scale_min::DOUBLE, scale_max::DOUBLE)]) AS part
  FROM feedback_daily
  WHERE kind = 'customer' AND scores > 0
)
SELECT
  day, use_case, team, segment, assisted, part,
  sum(slope * score_sum + shift * scores) AS total,
  sum(slope * slope * score_squares + 2 * slope * shift * score_sum + shift * shift * scores)
    AS squares,
  sum(scores) AS n
FROM scores
GROUP BY ALL
