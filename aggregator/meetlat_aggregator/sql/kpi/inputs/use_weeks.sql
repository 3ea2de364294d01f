-- The complete ISO weeks at hand of each use case in which its AI can be used: from the first one with a
-- use on, also those without any use, unless they are before go-live.
SELECT f.use_case AS use_case, w.week AS week
FROM (SELECT DISTINCT week_of(day) AS week FROM kpi_days) AS w
JOIN (SELECT use_case, min(week) AS week FROM published.user_weeks GROUP BY ALL) AS f
  ON f.week <= w.week
LEFT JOIN plan_use_cases AS u ON u.use_case = f.use_case
WHERE w.week + INTERVAL 7 DAY <= local_day(TIMESTAMP '{now}')
  AND (u.go_live IS NULL OR u.go_live <= w.week
    OR (f.use_case, w.week) IN (SELECT (use_case, week) FROM published.user_weeks))
