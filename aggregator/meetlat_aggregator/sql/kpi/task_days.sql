-- The days on which tasks began, were drafted, decided and finished that are published in an hour that
-- is rewritten: a KPI may place them there, and the way their team is shown may have changed.
SELECT DISTINCT unnest([
  local_day(coalesce(requested, started)), local_day(first_draft), local_day(decided),
  local_day(finished)
]) AS day
FROM tasks
WHERE moment BETWEEN (SELECT min(hour) FROM stale WHERE name = 'tasks')
    AND (SELECT max(hour) + INTERVAL 1 HOUR FROM stale WHERE name = 'tasks')
  AND date_trunc('hour', moment) IN (SELECT hour FROM stale WHERE name = 'tasks')
