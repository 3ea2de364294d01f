-- What one KPI is composed of, per day. NULL is what nobody reported.
SELECT c.use_case, c.day, c.team, c.segment, c.part, c.assisted,
  coalesce(c.team <> '' AND c.team = u.control_team, false) AS control,
  c.total, c.weight, c.squares, c.n
FROM published.kpi_components AS c LEFT JOIN plan_use_cases AS u ON u.use_case = c.use_case
WHERE c.kpi = $kpi AND c.day BETWEEN $first AND $last
ORDER BY c.use_case, c.day
