SELECT min(seq) AS first_seq, [said(use_case), tool, said(reason)] AS labels,
  count(*) AS total, count(*) AS observations
FROM staged_escalation WHERE fresh GROUP BY ALL
