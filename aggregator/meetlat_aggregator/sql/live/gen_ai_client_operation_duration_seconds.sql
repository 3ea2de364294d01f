-- Waits of calls, in microseconds.
SELECT min(seq) AS first_seq,
  [said(use_case), tool, said(operation), said(provider), said(model), said(error_type)] AS labels,
  histogram(duration_us, $bounds) AS buckets, sum(duration_us) AS total
FROM staged_interaction
WHERE fresh AND status <> 'cancelled' AND duration_us IS NOT NULL
GROUP BY ALL
