-- Waits in log buckets per period and cut, in the order of group and bucket.
WITH cells AS (
  SELECT c.kpi, c.day, c.use_case, c.part, c.team, c.segment, c.bucket,
    coalesce(c.team <> '' AND c.team = u.control_team, false) AS control, c.count
  FROM published.kpi_buckets AS c
  LEFT JOIN plan_use_cases AS u ON u.use_case = c.use_case
  WHERE c.day BETWEEN DATE '{first}' AND DATE '{last}' AND c.kpi IN ({kpis}) AND {unassisted}
),
periods AS (
  SELECT c.kpi, p.period, p.start, c.use_case, c.part, c.team, c.segment, c.control, c.bucket,
    sum(c.count) AS count
  FROM cells AS c JOIN kpi_period_days AS p ON p.use_case = c.use_case AND p.day = c.day
  GROUP BY ALL
)
SELECT kpi, period, start, use_case, coalesce(team, '') AS team, coalesce(segment, '') AS segment,
  part,
  CASE WHEN grouping(team) = 1 AND grouping(segment) = 1 THEN 'total'
    WHEN grouping(segment) = 1 THEN 'team' WHEN grouping(team) = 1 THEN 'segment'
    ELSE 'both' END AS cut,
  bucket, sum(count)::BIGINT AS count
FROM periods
GROUP BY GROUPING SETS (
  (kpi, period, start, use_case, part, control, bucket),
  (kpi, period, start, use_case, part, control, team, bucket),
  (kpi, period, start, use_case, part, control, segment, bucket),
  (kpi, period, start, use_case, part, control, team, segment, bucket)
)
HAVING NOT (control AND grouping(team) = 1)
ORDER BY kpi, period, start, use_case, part, cut, team, segment, bucket
