  -- Parts of some KPIs per day and cut (total, team, segment, both). The control team is in no total.
  SELECT kpi, day, use_case, part, coalesce(team, '') AS team, coalesce(segment, '') AS segment,
    CASE WHEN grouping(team) = 1 AND grouping(segment) = 1 THEN 'total'
      WHEN grouping(segment) = 1 THEN 'team' WHEN grouping(team) = 1 THEN 'segment'
      ELSE 'both' END AS cut,
    fsum(n) AS n, fsum(total) AS total, fsum(weight) AS weight, fsum(squares) AS squares
  FROM (
    SELECT c.kpi, c.day, coalesce(c.use_case, '') AS use_case, coalesce(c.part, '') AS part,
      c.team, c.segment, c.n, c.total, c.weight, c.squares,
      coalesce(c.team <> '' AND c.team = u.control_team, false) AS control
    FROM published.kpi_components AS c
    LEFT JOIN plan_use_cases AS u ON u.use_case = c.use_case
    WHERE c.day BETWEEN DATE '{first}' AND DATE '{last}' AND c.kpi IN ({kpis}) AND {among}
  )
  GROUP BY GROUPING SETS (
    (kpi, day, use_case, part, control),
    (kpi, day, use_case, part, control, team),
    (kpi, day, use_case, part, control, segment),
    (kpi, day, use_case, part, control, team, segment)
  )
  HAVING NOT (control AND grouping(team) = 1)
