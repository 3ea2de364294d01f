-- Per source, in the last days: counted, lost by its own account, dead, unpriced, hours of silence.
SELECT source, sum(counted) AS counted, sum(dropped) + sum(refused) AS lost, sum(dead) AS dead,
  sum(unpriced) AS unpriced,
  date_diff('hour', max(CASE WHEN counted > 0 THEN hour END), (SELECT max(watermark) FROM meta))
    AS silent_hours
FROM data_health WHERE hour >= $since GROUP BY source ORDER BY source
