/*
id = "csat"
level = 3
pack = "service"
unit = "share"
better = "higher"
shape = "share"
inputs = ["feedback_daily"]
guards = [
  "no percentage below 20 scores",
  "the response rate, and the bounds if all who kept silent were unhappy or happy, stand beside it",
  "response rate and bounds are unknown when invitations are not recorded",
]
target = {low = 0.80, origin = "article"}

[parts]
response_rate = {shape = "share", unit = "share", better = "higher"}
at_least = {shape = "share", unit = "share", better = "higher"}
at_most = {shape = "share", unit = "share", better = "higher"}

[title]
en = "Customer satisfaction (CSAT)"
nl = "Klanttevredenheid (CSAT)"

[question]
en = "How do customers judge their conversations with the bot?"
nl = "Hoe beoordelen klanten bot-interacties?"

[definition]
en = "Positive scores as a share of all scores for the bot. Positive is the upper third of the scale: 4 and 5 of 5, 7 and up of 10. Parts: `response_rate`, scores per invitation; `at_least` and `at_most`, the share if everybody who did not answer was unhappy, or happy."
nl = "Positieve scores als deel van alle scores voor de bot. Positief is het bovenste derde van de schaal: 4 en 5 van 5, vanaf 7 van 10. Delen: `response_rate`, scores per uitnodiging; `at_least` en `at_most`, het deel als iedereen die niet antwoordde ontevreden was, of tevreden."
*/
-- Positive / scores; the bounds count who was asked and kept silent as unhappy, then as happy.
WITH bot AS (
  SELECT
    day, use_case, team, segment,
    sum(positives) AS positives, sum(scores) AS scores, sum(asked) AS asked
  FROM feedback_daily
  WHERE kind = 'csat' AND "by" = 'bot'
  GROUP BY ALL
)
SELECT day, use_case, team, segment, '' AS part, positives AS hits, scores AS n FROM bot
UNION ALL
SELECT day, use_case, team, segment, 'response_rate', scores, asked FROM bot
UNION ALL
SELECT day, use_case, team, segment, 'at_least', positives, asked FROM bot
UNION ALL
SELECT day, use_case, team, segment, 'at_most', positives + asked - scores, asked FROM bot
