-- Beside each compared row of a use case that has a control team: that team's row.
SELECT r.id AS id, c.id AS control
FROM kpi_now AS r JOIN plan_use_cases AS u ON u.use_case = r.use_case
JOIN kpi_now AS c ON c.cut = 'team' AND c.team = u.control_team AND c.use_case = r.use_case
  AND c.kpi = r.kpi AND c.period = r.period AND c.start = r.start AND c.part = r.part
WHERE u.control_team <> '' AND r.cut IN ('total', 'segment', 'team') AND r.team <> u.control_team
