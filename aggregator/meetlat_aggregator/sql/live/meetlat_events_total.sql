-- About the pipeline, not about a KPI: history and late events are counted here too.
SELECT min(seq) AS first_seq, [said(type), verdict] AS labels,
  count(*) AS total, count(*) AS observations
FROM judged GROUP BY ALL
