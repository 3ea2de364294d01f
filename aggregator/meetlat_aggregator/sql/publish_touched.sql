-- The parts to rewrite: what was folded since the last publication, conversations that the watermark
-- has ended or made mature since, and weeks that it has completed.
CREATE OR REPLACE TEMP TABLE stale AS
SELECT DISTINCT name, hour FROM touched
UNION
SELECT 'conversations' AS name, date_trunc('hour', first_time) AS hour FROM conversations
WHERE last_time > TIMESTAMP '{before}' - INTERVAL 30 MINUTE
  AND last_time <= TIMESTAMP '{now}' - INTERVAL 30 MINUTE
UNION
SELECT 'conversations' AS name, date_trunc('hour', first_time) AS hour FROM conversations
WHERE last_time > TIMESTAMP '{before}' - INTERVAL 7 DAY
  AND last_time <= TIMESTAMP '{now}' - INTERVAL 7 DAY
UNION
SELECT 'uses' AS name, h.hour AS hour
FROM generate_series(
  date_trunc('hour', TIMESTAMP '{before}') - INTERVAL 15 DAY, TIMESTAMP '{now}', INTERVAL 1 HOUR
) AS h(hour)
WHERE week_of(local_day(TIMESTAMP '{before}')) < week_of(local_day(TIMESTAMP '{now}'))
