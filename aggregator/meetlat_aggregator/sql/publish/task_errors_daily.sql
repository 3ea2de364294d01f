-- Errors of finished tasks by kind.
SELECT
  t.day AS day, t.use_case AS use_case, t.process AS process, t.step AS step,
  CASE WHEN t.team = '' THEN '' ELSE coalesce(s.shown, '(small)') END AS team,
  t.segment AS segment, t.assisted AS assisted, t.entry.key AS kind,
  count(*) AS tasks, total(1, t.entry.value) AS errors
FROM (
  SELECT local_day(moment) AS day, use_case, process, step, said(team) AS team,
    said(segment) AS segment, said(assisted) AS assisted,
    unnest(map_entries(error_kinds)) AS entry
  FROM tasks
  WHERE moment BETWEEN TIMESTAMP '{first}' AND TIMESTAMP '{last}'
    AND finished IS NOT NULL AND local_day(moment) IN (SELECT part FROM chunk)
) AS t LEFT JOIN teams AS s ON s.week = week_of(t.day) AND s.team = t.team
GROUP BY ALL
