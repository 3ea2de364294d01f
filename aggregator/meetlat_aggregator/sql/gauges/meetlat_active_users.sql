-- People by window; nothing below the privacy limit. Regular: 3 uses in the last full ISO week.
WITH people AS (
  SELECT use_case, 'day' AS "window", "user", count(DISTINCT use) AS uses FROM uses
  WHERE first_time > $now - INTERVAL 1 DAY AND first_time <= $now GROUP BY ALL
  UNION ALL
  SELECT use_case, 'week' AS "window", "user", count(DISTINCT use) AS uses FROM uses
  WHERE first_time > $now - INTERVAL 7 DAY AND first_time <= $now GROUP BY ALL
  UNION ALL
  SELECT use_case, 'regular' AS "window", "user", count(DISTINCT use) AS uses FROM uses
  WHERE first_time >= $week_start AND first_time < $week_end GROUP BY ALL
)
SELECT [use_case, "window"] AS labels, count(*)::DOUBLE AS value
FROM people WHERE "window" <> 'regular' OR uses >= 3
GROUP BY ALL HAVING count(*) >= $privacy_limit
