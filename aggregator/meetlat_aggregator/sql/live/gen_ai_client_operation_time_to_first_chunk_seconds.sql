-- Waits for the first words, in microseconds.
SELECT min(seq) AS first_seq,
  [said(use_case), tool, said(operation), said(provider), said(model), said(error_type)] AS labels,
  histogram(first_token_us, $bounds) AS buckets, sum(first_token_us) AS total
FROM staged_interaction
WHERE fresh AND status <> 'cancelled' AND first_token_us IS NOT NULL
GROUP BY ALL
