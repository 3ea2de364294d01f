-- People of the plan's teams, as it counts them on the Monday, in every week of a use case in which tasks
-- are finished (`task_weeks`). A team is shown as in the rows of its tasks.
SELECT w.week AS week, w.use_case AS use_case, coalesce(s.shown, '(small)') AS team,
  sum(p.people) AS people
FROM {task_weeks} AS w
JOIN plan_use_case_teams AS t ON t.use_case = w.use_case
JOIN plan_people AS p ON p.team = t.team
  AND p.since <= w.week AND (p.until IS NULL OR w.week < p.until)
LEFT JOIN teams AS s ON s.week = w.week AND s.team = t.team
GROUP BY ALL
