-- Calls with token usage and no known cost, as a part of data health.
SELECT date_trunc('hour', "time") AS hour, source AS source,
  0 AS received, 0 AS counted, 0 AS duplicate, 0 AS late, 0 AS dead, 0 AS void,
  sum(sign) AS unpriced
FROM staged_interaction WHERE cost_exact IS NULL AND tokens IS NOT NULL GROUP BY ALL
