-- The complete ISO weeks at hand of each use case, from the first in which it finished a task on: a week
-- in which it finished none is a week too, one before the first is not.
SELECT f.use_case AS use_case, w.week AS week
FROM (SELECT DISTINCT week_of(day) AS week FROM kpi_days) AS w
JOIN (
  SELECT coalesce(nullif(t.use_case, ''), pt.use_case, '') AS use_case, week_of(min(t.day)) AS week
  FROM published.tasks_daily AS t LEFT JOIN plan_tools AS pt ON t.use_case = '' AND pt.tool = t.tool
  WHERE t.step = '' AND t.state = 'finished'
  GROUP BY 1
) AS f ON f.week <= w.week
WHERE w.week + INTERVAL 7 DAY <= local_day(TIMESTAMP '{now}')
