SELECT min(seq) AS first_seq, [tool, said(model)] AS labels,
  count(*) AS total, count(*) AS observations
FROM staged_interaction WHERE fresh AND cost_exact IS NULL AND tokens IS NOT NULL GROUP BY ALL
