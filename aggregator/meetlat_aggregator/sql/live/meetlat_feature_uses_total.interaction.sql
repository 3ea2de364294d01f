SELECT min(seq) AS first_seq, [said(use_case), feature] AS labels,
  count(*) AS total, count(*) AS observations
FROM staged_interaction
WHERE fresh AND feature IS NOT NULL AND status <> 'cancelled' GROUP BY ALL
