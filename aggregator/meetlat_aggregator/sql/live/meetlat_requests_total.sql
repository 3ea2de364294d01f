SELECT min(seq) AS first_seq, [said(use_case), tool, status] AS labels,
  count(*) AS total, count(*) AS observations
FROM staged_interaction WHERE fresh GROUP BY ALL
