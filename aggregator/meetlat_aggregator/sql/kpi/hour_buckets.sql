-- Buckets of one KPI per hour, as `kpi/adding.py` gives them per period.
SELECT q.kpi AS kpi, 'hour' AS period, q.hour AS start, q.use_case AS use_case, '' AS team,
  '' AS segment, coalesce(q.part, '') AS part, 'total' AS cut,
  list(struct_pack(bucket := q.bucket, count := q.count)) AS waits
FROM (
  SELECT '' AS kpi, NULL::TIMESTAMP AS hour, '' AS use_case, '' AS part, 0::INTEGER AS bucket,
    0::BIGINT AS count WHERE false
  UNION ALL BY NAME
  SELECT * FROM ({query})
) AS q
GROUP BY ALL
