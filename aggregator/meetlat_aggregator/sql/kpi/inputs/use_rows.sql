-- Uses of the complete ISO weeks at hand: a row per person, use and feature that it touched. A use is a
-- session, or an event without one: count each once, whatever number of features it touched.
SELECT
  r.use_case AS use_case,
  CASE WHEN r.team = '' THEN '' ELSE coalesce(s.shown, '(small)') END AS team,
  r."user" AS "user", r.feature AS feature, r.week AS week, r.use AS use
FROM (
  SELECT DISTINCT use_case, team, "user", feature, week_of(local_day(first_time)) AS week, use
  FROM uses
  WHERE first_time BETWEEN TIMESTAMP '{first}' AND TIMESTAMP '{last}'
    AND week_of(local_day(first_time)) IN (SELECT week_of(day) FROM kpi_days)
    AND week_of(local_day(first_time)) + INTERVAL 7 DAY <= local_day(TIMESTAMP '{now}')
) AS r LEFT JOIN teams AS s ON s.week = r.week AND s.team = r.team
