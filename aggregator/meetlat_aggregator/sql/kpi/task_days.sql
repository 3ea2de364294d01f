-- The days on which tasks began, were drafted, decided and finished that are published in an hour that
-- is rewritten, and on which the other tasks of their cases began: a KPI may place them there, and the
-- way their team is shown may have changed.
WITH touched AS (
  SELECT * FROM tasks
  WHERE moment BETWEEN (SELECT min(hour) FROM stale WHERE name = 'tasks')
      AND (SELECT max(hour) + INTERVAL 1 HOUR FROM stale WHERE name = 'tasks')
    AND date_trunc('hour', moment) IN (SELECT hour FROM stale WHERE name = 'tasks')
)
SELECT DISTINCT unnest([
  local_day(coalesce(requested, started)), local_day(first_draft), local_day(decided),
  local_day(finished)
]) AS day
FROM touched
UNION
SELECT DISTINCT local_day(coalesce(requested, started)) AS day
FROM tasks WHERE (use_case, "case") IN (SELECT (use_case, "case") FROM touched WHERE "case" <> '')
