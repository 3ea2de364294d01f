/*
id = "satisfaction"
level = 4
unit = "score"
better = "higher"
shape = "mean"
minimum = 5
inputs = ["feedback_daily"]
guards = ["the response rate stands beside it: who does not answer may be less satisfied", "people who stopped using the AI are asked too", "nothing about fewer than 5 answers"]
target = {low = 7.0, origin = "house"}

[parts]
response_rate = {shape = "share", unit = "share", better = "higher"}

[title]
en = "Satisfaction"
nl = "Tevredenheid van gebruikers"

[question]
en = "How helpful was the AI this week?"
nl = "Hoe behulpzaam was de AI deze week?"

[definition]
en = "The mean score of the answers to surveys among users, from 1 to 10; answers on another scale are converted to it. Part response_rate: answers as a share of the people who were asked. Left out: invitations without an answer, answers on a scale of a single point, and feedback of any other kind, as that of customers."
nl = "De gemiddelde score van de antwoorden op enquêtes onder gebruikers, van 1 tot 10; antwoorden op een andere schaal worden daarnaar omgerekend. Deel response_rate: antwoorden als deel van de mensen die gevraagd zijn. Niet meegeteld: uitnodigingen zonder antwoord, antwoorden op een schaal van één punt, en elke andere soort feedback, zoals die van klanten."
*/
-- Scores of surveys, brought to 1 to 10; part 'response_rate': answers / invitations.
WITH scaled AS (
  SELECT *, 9 / (scale_max - scale_min)::DOUBLE AS a,
    1 - 9 * scale_min / (scale_max - scale_min)::DOUBLE AS b
  FROM feedback_daily
  WHERE kind = 'survey' AND scores > 0 AND scale_max > scale_min
)
-- A score s becomes a s + b.
SELECT day, use_case, team, segment, '' AS part, NULL AS hits,
  sum(a * score_sum + b * scores) AS total,
  sum(a * a * score_squares + 2 * a * b * score_sum + b * b * scores) AS squares,
  sum(scores) AS n
FROM scaled
GROUP BY ALL
UNION ALL
SELECT day, use_case, team, segment, 'response_rate', sum(scores), NULL, NULL, sum(asked)
FROM feedback_daily
WHERE kind = 'survey'
GROUP BY ALL
