-- What was measured, numbered, and what the plan names and nobody measured.
SELECT row_number() OVER () - 1 AS id, * FROM (
  SELECT * FROM kpi_measured WHERE period <> 'baseline'
  UNION ALL BY NAME
  SELECT t.kpi AS kpi, p.period AS period, p.start AS start, p.use_case AS use_case, '' AS team,
    '' AS segment, '' AS part, 'total' AS cut
  FROM kpi_periods AS p JOIN kpi_chosen AS t ON t.use_case = p.use_case
  ANTI JOIN (FROM kpi_measured WHERE cut = 'total' AND part = '') AS m
    ON m.kpi = t.kpi AND m.period = p.period AND m.start = p.start AND m.use_case = p.use_case
  WHERE p.last >= DATE '{today}' - 1 AND p.period NOT IN ('baseline', 'hour')
)
