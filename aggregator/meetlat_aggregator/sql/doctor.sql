-- Per source, in the last days: lost by its own account, dead, hours of silence.
SELECT source, sum(dropped) + sum(refused) AS lost, sum(dead) AS dead,
  date_diff('hour', max(CASE WHEN counted > 0 THEN hour END), (SELECT max(watermark) FROM meta))
    AS silent_hours
FROM data_health WHERE hour >= $since GROUP BY source ORDER BY source
