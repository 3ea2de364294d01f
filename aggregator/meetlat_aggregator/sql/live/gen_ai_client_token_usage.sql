-- Tokens per call, one kind a row.
SELECT min(seq) AS first_seq,
  [said(use_case), tool, said(operation), said(provider), said(model), said(error_type), kind]
    AS labels,
  histogram(tokens, $bounds) AS buckets, sum(tokens) AS total
FROM (
  SELECT * EXCLUDE (tokens) FROM staged_interaction WHERE fresh AND status <> 'cancelled'
) UNPIVOT (tokens FOR kind IN (
  input_tokens AS 'input', cache_read_tokens AS 'cache_read',
  cache_write_tokens AS 'cache_write', output_tokens AS 'output'
))
GROUP BY ALL
