SELECT min(seq) AS first_seq, [said(use_case), tool, said(model), currency] AS labels,
  sum(cost_exact) AS total, count(*) AS observations
FROM staged_interaction WHERE fresh AND cost_exact IS NOT NULL GROUP BY ALL
