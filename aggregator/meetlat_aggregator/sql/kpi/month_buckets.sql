-- Waits of whole calendar months in log buckets, as quarters and years are made of them.
INSERT INTO published.kpi_month_buckets BY NAME
SELECT kpi, date_trunc('month', day)::DATE AS month, use_case, team, segment, part, bucket,
  sum(count)::BIGINT AS count
FROM published.kpi_buckets
WHERE day BETWEEN DATE '{first}' AND DATE '{last}' AND kpi IN ({kpis}) AND {among}
GROUP BY ALL
