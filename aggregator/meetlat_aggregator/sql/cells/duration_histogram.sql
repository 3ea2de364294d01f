-- Log buckets of waits: bucket = ceil(ln(v) / ln(gamma)) of v in microseconds, with
-- gamma = (1 + 0.01) / (1 - 0.01), so that a quantile is off by at most 1 %. Zero is bucket -1.
-- Source of the scheme: DDSketch (Masson, Rim, Lee, VLDB 2019).
SELECT
  date_trunc('hour', e."time") AS hour,
  said(e.use_case) AS use_case,
  e.tool AS tool,
  said(e.feature) AS feature,
  said(e.team) AS team,
  said(e.segment) AS segment,
  said(e.model) AS model,
  said(e.operation) AS operation,
  said(e.prompt_version) AS prompt_version,
  e.status AS status,
  e.measure AS measure,
  CASE WHEN e.wait = 0 THEN -1 ELSE ceil(ln(e.wait) / ln(1.01 / 0.99))::INTEGER END AS bucket,
  sum(e.sign) AS count
FROM (
  SELECT *, 'duration' AS measure, duration_us AS wait
  FROM staged_interaction WHERE duration_us IS NOT NULL
  UNION ALL
  SELECT *, 'first_token' AS measure, first_token_us AS wait
  FROM staged_interaction WHERE first_token_us IS NOT NULL
) AS e
GROUP BY ALL
