/*
id = "feature_usage"
level = 4
unit = "share"
better = ""
shape = "ratio"
inputs = ["interactions_hourly", "usage_daily", "plan_features"]
guards = ["a share of use, not a judgement: which feature matters is for people to say", "no percentage below 20 uses"]

[title]
en = "Feature usage"
nl = "Feature-gebruik"

[question]
en = "Which features are really used?"
nl = "Welke functies worden echt benut?"

[definition]
en = "Uses of a feature as a share of all uses: calls of the AI and uses without a call. Each feature that the plan names is a part, at 0 when nobody uses it; uses of any other feature, or of none, are the part other. Left out: calls that somebody cancelled."
nl = "Gebruik van een functie als deel van al het gebruik: aanroepen van de AI en gebruik zonder aanroep. Elke functie die het plan noemt is een deel, op 0 als niemand haar gebruikt; gebruik van elke andere functie, of van geen, is het deel other. Niet meegeteld: aanroepen die iemand afbrak."
*/
-- Uses of each feature of the plan / all uses. The parts come from the plan, so that a day on which
-- a feature was not used counts for it.
WITH uses AS (
  SELECT local_day(hour) AS day, use_case, team, segment, feature, sum(requests) AS uses
  FROM interactions_hourly
  WHERE status <> 'cancelled'
  GROUP BY ALL
  UNION ALL
  SELECT day, use_case, team, segment, feature, sum(uses) AS uses
  FROM usage_daily
  GROUP BY ALL
),
named AS (
  SELECT u.day, u.use_case, u.team, u.segment, coalesce(f.feature, 'other') AS part, u.uses
  FROM uses AS u
  LEFT JOIN plan_features AS f ON f.use_case = u.use_case AND f.feature = u.feature
),
parts AS (
  SELECT DISTINCT use_case, feature AS part FROM plan_features
  UNION
  SELECT DISTINCT use_case, 'other' AS part FROM uses
)
SELECT n.day, n.use_case, n.team, n.segment, p.part,
  sum(CASE WHEN n.part = p.part THEN n.uses ELSE 0 END) AS total, sum(n.uses) AS n
FROM named AS n JOIN parts AS p ON p.use_case = n.use_case
GROUP BY ALL
