-- People per complete ISO week: a use is a session, or an event without one; regular is 3 uses.
-- A row about fewer people than the privacy limit is left out, and so is a count of regular ones
-- from 1 to below it (NULL).
WITH per_person AS (
  SELECT week_of(local_day(first_time)) AS week, use_case, team, "user",
    count(DISTINCT use) AS uses
  FROM uses
  WHERE first_time BETWEEN TIMESTAMP '{first}' AND TIMESTAMP '{last}'
    AND week_of(local_day(first_time)) IN (SELECT part FROM chunk)
  GROUP BY ALL
),
shown AS (
  SELECT p.week, p.use_case,
    CASE WHEN p.team = '' THEN '' ELSE coalesce(s.shown, '(small)') END AS team,
    p."user", sum(p.uses) AS uses
  FROM per_person AS p LEFT JOIN teams AS s ON s.week = p.week AND s.team = p.team
  WHERE p.week + INTERVAL 7 DAY <= (SELECT local_day(watermark) FROM progress)
  GROUP BY ALL
)
SELECT week, use_case, team,
  count(*) AS people,
  CASE WHEN count(CASE WHEN uses >= 3 THEN 1 END) BETWEEN 1 AND $privacy_limit - 1 THEN NULL
    ELSE count(CASE WHEN uses >= 3 THEN 1 END) END AS regular_people,
  sum(uses)::BIGINT AS uses,
  sum(uses::HUGEINT * uses::HUGEINT) AS uses_squares
FROM shown
GROUP BY ALL
HAVING count(*) >= $privacy_limit
