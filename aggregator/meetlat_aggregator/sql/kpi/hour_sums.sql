-- Sums of one KPI per hour, as `kpi/adding.py` gives them per period.
SELECT q.kpi, 'hour' AS period, q.hour AS start, q.use_case, '' AS team, '' AS segment,
  coalesce(q.part, '') AS part, 'total' AS cut, 1.0::DOUBLE AS days, q.n, q.total, q.weight, q.squares,
  q.total * q.total AS total_total, q.total * q.n AS total_n, q.n * q.n AS n_n
FROM (
  SELECT '' AS kpi, NULL::TIMESTAMP AS hour, '' AS use_case, '' AS part, 0.0::DOUBLE AS n,
    0.0::DOUBLE AS total, 0.0::DOUBLE AS weight, 0.0::DOUBLE AS squares WHERE false
  UNION ALL BY NAME
  SELECT * FROM ({query})
) AS q
