-- Judgements by people. Positive: (score - min) / (max - min) >= 2/3.
-- The scale is a dimension, so that means are only made over one scale.
SELECT
  date_trunc('hour', e."time") AS hour,
  said(e.use_case) AS use_case,
  said(e.tool) AS tool,
  said(e.feature) AS feature,
  said(e.team) AS team,
  said(e.segment) AS segment,
  e.kind AS kind,
  said(e."by") AS "by",
  said(e.assisted) AS assisted,
  said(e.question) AS question,
  CASE WHEN e.score IS NULL THEN 0 ELSE e.scale_min END::DECIMAL(18, 6) AS scale_min,
  CASE WHEN e.score IS NULL THEN 0 ELSE e.scale_max END::DECIMAL(18, 6) AS scale_max,
  sum(sign) AS events,
  times(sign, e.asked) AS asked,
  known(sign, e.score) AS scores,
  times(sign, 3 * (e.score - e.scale_min) >= 2 * (e.scale_max - e.scale_min)) AS positives,
  total(sign, score_exact) AS score_sum,
  decimal_squares(sign, score_exact) AS score_squares
FROM staged_feedback AS e
GROUP BY ALL
