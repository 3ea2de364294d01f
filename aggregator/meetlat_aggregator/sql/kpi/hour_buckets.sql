-- Waits per hour of whole use cases, as `kpi/adding.py` gives them per period.
SELECT kpi, 'hour' AS period, hour AS start, use_case, '' AS team, '' AS segment, part,
  'total' AS cut, list(struct_pack(bucket := bucket, count := count)) AS waits
FROM (
  SELECT kpi, hour, use_case, part, bucket, sum(count)::BIGINT AS count
  FROM kpi_hour_buckets
  WHERE local_day(hour) IN (SELECT day FROM kpi_days)
  GROUP BY ALL
)
GROUP BY ALL
