-- Uses per person, feature and complete ISO week of the days at hand. A use is a session, or an
-- event without one.
SELECT
  r.use_case AS use_case,
  CASE WHEN r.team = '' THEN '' ELSE coalesce(s.shown, '(small)') END AS team,
  r."user" AS "user", r.feature AS feature, r.week AS week, r.uses AS uses
FROM (
  SELECT use_case, team, "user", feature, week_of(local_day(first_time)) AS week,
    count(DISTINCT use) AS uses
  FROM uses
  WHERE first_time BETWEEN TIMESTAMP '{first}' AND TIMESTAMP '{last}'
    AND week_of(local_day(first_time)) IN (SELECT week_of(day) FROM kpi_days)
    AND week_of(local_day(first_time)) + INTERVAL 7 DAY <= local_day(TIMESTAMP '{now}')
  GROUP BY ALL
) AS r LEFT JOIN teams AS s ON s.week = r.week AND s.team = r.team
