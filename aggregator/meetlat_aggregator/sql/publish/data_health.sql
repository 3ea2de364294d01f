-- What became of every event, and what senders dropped or were refused by their own account.
WITH told AS (
  SELECT hour, source, account,
    total - lag(total, 1, 0) OVER (
      PARTITION BY source, started, account, reason ORDER BY hour
    ) AS more
  FROM sender_totals WHERE account IN ('dropped', 'refused')
)
SELECT
  hour AS hour, source AS source,
  sum(received)::BIGINT AS received, sum(counted)::BIGINT AS counted,
  sum(duplicate)::BIGINT AS duplicate, sum(late)::BIGINT AS late, sum(dead)::BIGINT AS dead,
  sum(refused)::BIGINT AS refused, sum(void)::BIGINT AS void,
  sum(unpriced)::BIGINT AS unpriced, sum(dropped)::BIGINT AS dropped
FROM (
  SELECT hour, source, received, counted, duplicate, late, dead, 0 AS refused, void, unpriced,
    0 AS dropped
  FROM health_hourly
  UNION ALL
  SELECT hour, source, 0, 0, 0, 0, 0, CASE WHEN account = 'refused' THEN more ELSE 0 END, 0, 0,
    CASE WHEN account = 'dropped' THEN more ELSE 0 END
  FROM told
)
GROUP BY ALL
