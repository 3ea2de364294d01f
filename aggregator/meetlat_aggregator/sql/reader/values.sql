-- The rows of one period, with what the catalogue and the plan say of their KPIs. `kpi_values` first.
WITH starts AS (
  SELECT use_case, max(start) AS start FROM kpi_values
  WHERE period = $period AND ($start IS NULL OR start = $start) GROUP BY use_case
), shown AS (
  SELECT k.* FROM kpi_values AS k JOIN starts AS s USING (use_case, start)
  WHERE k.period = $period AND k.team = $team AND (k.segment = $segment OR $every_segment)
    AND (k.part = '' OR $parts)
), plan AS (
  SELECT use_case, kpi, row_number() OVER () AS place, target_low AS plan_low,
    target_high AS plan_high, kind, decision, phases::VARCHAR AS phases
  FROM targets
), known AS (
  SELECT kpi, level, unit AS usual_unit, better, title_en, title_nl, minimum, target_low AS usual_low,
    target_high AS usual_high, target_kind AS usual_kind
  FROM kpi_catalog
), cases AS (
  SELECT use_case, name, phase AS phase_now, go_live, row_number() OVER () AS use_case_place
  FROM use_cases
)
SELECT v.* REPLACE (
    coalesce(v.period, $period) AS period, coalesce(v.start, s.start) AS start,
    coalesce(v.use_case, p.use_case) AS use_case, coalesce(v.kpi, p.kpi) AS kpi,
    coalesce(v.team, $team) AS team, coalesce(v.segment, $segment) AS segment,
    coalesce(v.part, '') AS part, coalesce(v.n, 0) AS n, coalesce(v.unit, c.usual_unit) AS unit,
    coalesce(
      v.currency, CASE WHEN c.usual_unit = 'money' THEN (SELECT currency FROM meta) ELSE '' END
    ) AS currency,
    coalesce(v.status, 'unknown') AS status
  ),
  p.place IS NOT NULL AS planned, p.decision, p.phases,
  coalesce(p.plan_low, c.usual_low) AS aim_low, coalesce(p.plan_high, c.usual_high) AS aim_high,
  coalesce(p.kind, c.usual_kind) AS kind,
  c.level, coalesce(c.better, '') AS better, c.title_en, c.title_nl,
  coalesce(c.minimum, 20) AS minimum, u.name, u.phase_now, u.go_live
FROM shown AS v
FULL JOIN plan AS p ON p.use_case = v.use_case AND p.kpi = v.kpi
LEFT JOIN known AS c ON c.kpi = coalesce(v.kpi, p.kpi)
LEFT JOIN cases AS u ON u.use_case = coalesce(v.use_case, p.use_case)
LEFT JOIN starts AS s ON s.use_case = coalesce(v.use_case, p.use_case)
WHERE ($use_case IS NULL OR coalesce(v.use_case, p.use_case) = $use_case)
  -- What the plan names and nobody has measured is unknown, and said to be; of the whole only.
  AND (v.kpi IS NOT NULL OR ($team = '' AND $segment = '' AND NOT $every_segment))
  AND (p.kpi IS NOT NULL OR ($everything AND v.status <> 'unknown'))
ORDER BY u.use_case_place, coalesce(v.use_case, p.use_case),
  CASE WHEN $everything THEN NULL ELSE p.place END, c.level, coalesce(v.kpi, p.kpi),
  v.segment, v.part
