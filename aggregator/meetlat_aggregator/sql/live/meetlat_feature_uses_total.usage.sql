SELECT min(seq) AS first_seq, [said(use_case), feature] AS labels,
  sum(count) AS total, count(*) AS observations
FROM staged_usage WHERE fresh AND feature IS NOT NULL GROUP BY ALL
