-- A team of which nobody used the AI in a week is as many people as the plan counts on the Monday: its
-- work by hand, before go-live or beside it, is shown by name if those are enough.
INSERT INTO teams
SELECT w.week, h.team, h.team FROM (
  SELECT *, greatest(h.since, DATE '2000-01-03') AS first,
    least(coalesce(h.until - 1, DATE '9999-12-31'), local_day(p.watermark) + 7) AS last
  FROM head_counts AS h, progress AS p
  WHERE h.people >= $privacy_limit
) AS h, unnest(generate_series(week_of(h.first + 6)::TIMESTAMP, h.last::TIMESTAMP, INTERVAL 7 DAY))
  AS g(monday), LATERAL (SELECT g.monday::DATE AS week) AS w
WHERE NOT EXISTS (FROM teams AS t WHERE t.week = w.week AND t.team = h.team)
