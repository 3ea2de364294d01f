-- How a team is shown in a week: below the privacy limit it becomes '(small)'. If the small ones
-- together are still below the limit, or one is hidden alone, the next smallest joins them. A team is
-- as many people as used the AI, or as the plan counts on the Monday where those are fewer.
INSERT INTO team_new
WITH people AS (
  SELECT DISTINCT week_of(local_day(first_time)) AS week, team, "user" FROM uses
  WHERE team <> '' AND first_time BETWEEN TIMESTAMP '{first}' AND TIMESTAMP '{last}'
    AND week_of(local_day(first_time)) IN (SELECT part FROM chunk)
),
ranked AS (
  SELECT *, row_number() OVER (PARTITION BY week ORDER BY people, team) AS place
  FROM (
    SELECT u.week, u.team, least(count(*), min(h.people)) AS people
    FROM people AS u LEFT JOIN head_counts AS h ON h.team = u.team AND h.since <= u.week
      AND (h.until IS NULL OR u.week < h.until)
    GROUP BY u.week, u.team
  )
),
firsts AS (
  SELECT p.week, p."user", min(r.place) AS place
  FROM people AS p JOIN ranked AS r ON r.week = p.week AND r.team = p.team
  GROUP BY p.week, p."user"
),
together AS (
  SELECT r.week, r.place, r.people, count(f."user") AS people_up_to
  FROM ranked AS r LEFT JOIN firsts AS f ON f.week = r.week AND f.place <= r.place
  GROUP BY r.week, r.place, r.people
),
hidden AS (
  SELECT week,
    CASE WHEN min(people) >= $privacy_limit THEN 0
      ELSE coalesce(
        min(CASE WHEN place >= 2 AND people_up_to >= $privacy_limit AND place >= small
          THEN place END),
        max(place)
      ) END AS up_to
  FROM (
    SELECT *, count(CASE WHEN people < $privacy_limit THEN 1 END) OVER (PARTITION BY week) AS small
    FROM together
  )
  GROUP BY week
)
SELECT r.week, r.team, CASE WHEN r.place <= h.up_to THEN '(small)' ELSE r.team END AS shown
FROM ranked AS r JOIN hidden AS h ON h.week = r.week
