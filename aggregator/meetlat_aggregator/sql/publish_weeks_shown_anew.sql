-- All hours of the weeks in which some team is shown in another way than before.
WITH before AS (
  SELECT week, team, shown FROM team_shown
  WHERE week IN (SELECT week FROM team_weeks) AND NOT $interrupted
),
weeks AS (
  SELECT week FROM (FROM team_new EXCEPT FROM before)
  UNION
  SELECT week FROM (FROM before EXCEPT FROM team_new)
)
INSERT INTO stale
SELECT n.name, h.hour
FROM (SELECT week, unnest(generate_series(
  week::TIMESTAMP - INTERVAL 1 DAY, week::TIMESTAMP + INTERVAL 8 DAY, INTERVAL 1 HOUR
)) AS hour FROM weeks) AS h, (SELECT unnest($names) AS name) AS n
WHERE week_of(local_day(h.hour)) = h.week
