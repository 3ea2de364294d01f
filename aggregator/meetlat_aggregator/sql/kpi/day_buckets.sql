-- Waits of days and of whole months in log buckets.
SELECT c.kpi AS kpi, coalesce(c.use_case, '') AS use_case, coalesce(c.team, '') AS team,
  coalesce(c.segment, '') AS segment, coalesce(c.part, '') AS part, c.day AS first, c.day AS last, false AS month, false AS weekly, '' AS cut, c.bucket AS bucket,
  c.count AS count
FROM published.kpi_buckets AS c
WHERE c.day BETWEEN DATE '{first}' AND DATE '{last}' AND c.kpi IN ({kpis}) AND {among}
UNION ALL
SELECT m.kpi, coalesce(m.use_case, ''), coalesce(m.team, ''), coalesce(m.segment, ''),
  coalesce(m.part, ''), m.month, last_day(m.month), true, false, '',
  m.bucket, m.count
FROM published.kpi_month_buckets AS m
WHERE m.month BETWEEN DATE '{first}' AND DATE '{last}' AND m.kpi IN ({kpis}) AND {months}
