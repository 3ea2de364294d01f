-- Buckets of one KPI per hour, as `kpi/buckets` gives them per period.
SELECT q.kpi, 'hour' AS period, q.hour AS start, q.use_case, '' AS team, '' AS segment,
  coalesce(q.part, '') AS part, 'total' AS cut, q.bucket, q.count
FROM (
  SELECT '' AS kpi, NULL::TIMESTAMP AS hour, '' AS use_case, '' AS part, 0::INTEGER AS bucket,
    0::BIGINT AS count WHERE false
  UNION ALL BY NAME
  SELECT * FROM ({query})
) AS q
ORDER BY q.use_case, part, start, q.bucket
