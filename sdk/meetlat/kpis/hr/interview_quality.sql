/*
id = "interview_quality"
level = 3
pack = "hr"
unit = "score"
better = "higher"
shape = "mean"
baseline = true
inputs = ["feedback_daily"]
guards = [
  "the same question on the same scale before and after",
  "with AI means that the interviewer had a guide that AI wrote; not adjusted for who got one",
]

[title]
en = "Interview quality"
nl = "Interviewkwaliteit"

[question]
en = "Do interview guides written by AI lead to better conversations?"
nl = "Leveren AI-gegenereerde gespreksleidraden betere gesprekken op?"

[definition]
en = "Mean score of interviews on a scale from 1 to 10, by interviewers and candidates together, and as parts by each of them, with and without a guide that AI wrote. Another scale is stretched to it: its lowest score is 1, its highest 10."
nl = "Gemiddeld cijfer voor gesprekken op een schaal van 1 tot 10, van interviewers en kandidaten samen, en als delen van elk van beide, met en zonder een leidraad van AI. Een andere schaal wordt daarop uitgerekt: de laagste score is 1, de hoogste 10."
*/
-- A score on its scale becomes slope * score + shift on 1 to 10; so do the sums.
WITH scores AS (
  SELECT
    day, use_case, team, segment, assisted, kind,
    9 / (scale_max - scale_min)::DOUBLE AS slope,
    1 - 9 * scale_min::DOUBLE / (scale_max - scale_min)::DOUBLE AS shift,
    score_sum::DOUBLE AS score_sum, score_squares::DOUBLE AS score_squares, scores,
    CASE assisted WHEN 'true' THEN 'with_ai' WHEN 'false' THEN 'without_ai' END AS guide
  FROM feedback_daily
  WHERE kind IN ('interviewer', 'candidate') AND scores > 0
),
parts AS (
  SELECT *, unnest(['', kind, guide, kind || '_' || guide]) AS part FROM scores
)
SELECT
  day, use_case, team, segment, assisted, part,
  sum(slope * score_sum + shift * scores) AS total,
  sum(slope * slope * score_squares + 2 * slope * shift * score_sum + shift * shift * scores)
    AS squares,
  sum(scores) AS n
FROM parts
WHERE part IS NOT NULL
GROUP BY ALL
