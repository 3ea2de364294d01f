-- Scores on a scale of 1 to 10, in millionths.
SELECT min(seq) AS first_seq,
  [said(use_case), kind] AS labels,
  histogram(score_us, $bounds) AS buckets, sum(score_us) AS total
FROM (
  SELECT *, microseconds(1 + 9 * (score - scale_min) / (scale_max - scale_min)) AS score_us
  FROM staged_feedback WHERE fresh AND score IS NOT NULL
)
GROUP BY ALL
