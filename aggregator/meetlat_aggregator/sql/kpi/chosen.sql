-- The parts of the one way in which each use case is measured, as parts of the KPI itself.
WITH ways AS (
  SELECT c.use_case, c.part
  FROM published.kpi_components AS c
  JOIN (SELECT unnest({ways}) AS part, generate_subscripts({ways}, 1) AS place) AS w USING (part)
  WHERE c.kpi = '{kpi}'
  GROUP BY c.use_case, c.part, w.place
  QUALIFY row_number() OVER (PARTITION BY c.use_case ORDER BY sum(c.n) < {minimum}, w.place) = 1
)
SELECT c.* REPLACE ('' AS part)
FROM published.kpi_components AS c SEMI JOIN ways AS w ON w.use_case = c.use_case AND w.part = c.part
WHERE c.kpi = '{kpi}'
