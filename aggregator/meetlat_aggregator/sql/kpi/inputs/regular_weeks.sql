-- People with any and with regular use, per week and team in which they are shown: regular is three uses
-- in the week, or as many as the plan says. From 1 to below the privacy limit is hidden (NULL).
WITH needed AS (
  SELECT w.week, w.use_case, coalesce(max(r.uses), 3) AS uses
  FROM (SELECT DISTINCT week, use_case FROM {user_weeks}) AS w
  LEFT JOIN plan_regular AS r ON r.use_case = w.use_case
    AND r.since <= w.week AND (r.until IS NULL OR w.week < r.until)
  GROUP BY ALL
),
counted AS (
  SELECT week, use_case, team, count(CASE WHEN uses >= needed THEN 1 END) AS people
  FROM (
    SELECT u.week, u.use_case, u.team, u."user", count(DISTINCT u.use) AS uses,
      any_value(n.uses) AS needed
    FROM {use_rows} AS u JOIN needed AS n ON n.week = u.week AND n.use_case = u.use_case
    WHERE n.uses <> 3
    GROUP BY ALL
  )
  GROUP BY ALL
)
SELECT w.week AS week, w.use_case AS use_case, w.team AS team, w.people AS people,
  CASE WHEN n.uses = 3 THEN w.regular_people
    WHEN c.people BETWEEN 1 AND getvariable('privacy_limit') - 1 THEN NULL
    ELSE coalesce(c.people, 0) END AS regular
FROM {user_weeks} AS w
JOIN needed AS n ON n.week = w.week AND n.use_case = w.use_case
LEFT JOIN counted AS c ON c.week = w.week AND c.use_case = w.use_case AND c.team = w.team
