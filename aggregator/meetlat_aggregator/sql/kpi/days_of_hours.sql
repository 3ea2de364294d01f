-- Parts of the days at hand, of KPIs whose parts per hour are at hand.
INSERT INTO published.kpi_components BY NAME
SELECT kpi, local_day(hour) AS day, use_case, team, segment, part, assisted, sum(n) AS n,
  sum(total) AS total, sum(weight) AS weight, sum(squares) AS squares
FROM kpi_hour_parts
WHERE local_day(hour) IN (SELECT day FROM kpi_days)
GROUP BY ALL;
INSERT INTO published.kpi_buckets BY NAME
SELECT kpi, local_day(hour) AS day, use_case, team, segment, part, assisted, bucket,
  sum(count)::BIGINT AS count
FROM kpi_hour_buckets
WHERE local_day(hour) IN (SELECT day FROM kpi_days)
GROUP BY ALL;
