-- People who may use the AI, as the plan counts them on the Monday: every team of the plan in every week
-- of its use case (`use_weeks`). One that is not shown by name stands under (small).
SELECT w.week AS week, w.use_case AS use_case, p.entitled AS entitled,
  CASE WHEN s.small AND NOT list_contains(s.teams, t.team) THEN '(small)'
    WHEN p.people < getvariable('privacy_limit') THEN '(small)' ELSE t.team END AS team
FROM {use_weeks} AS w
LEFT JOIN (
  SELECT week, use_case, list(DISTINCT team) AS teams, bool_or(team = '(small)') AS small
  FROM {user_weeks} GROUP BY ALL
) AS s ON s.week = w.week AND s.use_case = w.use_case
JOIN plan_use_case_teams AS t ON t.use_case = w.use_case
JOIN plan_people AS p ON p.team = t.team
  AND p.since <= w.week AND (p.until IS NULL OR w.week < p.until)
WHERE p.entitled IS NOT NULL
