-- Sums of every KPI per period and cut (total, team, segment, both). The control team is in no
-- total. Beside the sums of observations stand those between days, since calls of one day are alike.
WITH cells AS (
  SELECT c.kpi, c.day, c.use_case, c.part, c.team, c.segment,
    coalesce(c.team <> '' AND c.team = u.control_team, false) AS control, c.n, c.total, c.weight, c.squares
  FROM published.kpi_components AS c
  LEFT JOIN plan_use_cases AS u ON u.use_case = c.use_case
  WHERE c.day BETWEEN DATE '{first}' AND DATE '{last}' AND c.kpi IN ({kpis}) AND {unassisted}
),
cuts AS (
  SELECT kpi, day, use_case, part, team, segment, control,
    grouping(team) AS all_teams, grouping(segment) AS all_segments,
    fsum(n) AS n, fsum(total) AS total, fsum(weight) AS weight, fsum(squares) AS squares
  FROM cells
  GROUP BY GROUPING SETS (
    (kpi, day, use_case, part, control),
    (kpi, day, use_case, part, control, team),
    (kpi, day, use_case, part, control, segment),
    (kpi, day, use_case, part, control, team, segment)
  )
)
SELECT c.kpi AS kpi, p.period AS period, p.start AS start, c.use_case AS use_case,
  coalesce(c.team, '') AS team, coalesce(c.segment, '') AS segment, c.part AS part,
  CASE WHEN all_teams = 1 AND all_segments = 1 THEN 'total' WHEN all_segments = 1 THEN 'team'
    WHEN all_teams = 1 THEN 'segment' ELSE 'both' END AS cut,
  count(*)::DOUBLE AS days, fsum(c.n) AS n, fsum(c.total) AS total, fsum(c.weight) AS weight,
  fsum(c.squares) AS squares, fsum(c.total * c.total) AS total_total,
  fsum(c.total * c.n) AS total_n, fsum(c.n * c.n) AS n_n
FROM cuts AS c JOIN kpi_period_days AS p ON p.use_case = c.use_case AND p.day = c.day
WHERE NOT (c.control AND all_teams = 1) AND (c.kpi NOT IN ({weekly}) OR p.whole)
GROUP BY ALL
