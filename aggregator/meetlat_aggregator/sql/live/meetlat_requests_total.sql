SELECT min(seq) AS first_seq, [said(use_case), tool, status] AS labels, count(*) AS total
FROM staged_interaction WHERE fresh GROUP BY ALL
