-- Log buckets of waits: bucket = ceil(ln(v) / ln(gamma)) of v in microseconds, with
-- gamma = (1 + 0.01) / (1 - 0.01), so that a quantile is off by at most 1 %. Zero is bucket -1.
-- Source of the scheme: DDSketch (Masson, Rim, Lee, VLDB 2019).
SELECT
  c.hour, c.use_case, c.tool, c.feature, c.team, c.segment, c.model, c.operation,
  c.prompt_version, c.status, e.measure, e.bucket, sum(e.count) AS count
FROM (
  SELECT cell, measure,
    CASE WHEN wait = 0 THEN -1 ELSE ceil(ln(wait) / ln(1.01 / 0.99))::INTEGER END AS bucket,
    sum(sign) AS count
  FROM (
    SELECT cell, sign, 'duration' AS measure, duration_us AS wait
    FROM staged_interaction WHERE duration_us IS NOT NULL
    UNION ALL
    SELECT cell, sign, 'first_token' AS measure, first_token_us AS wait
    FROM staged_interaction WHERE first_token_us IS NOT NULL
  )
  GROUP BY ALL
) AS e JOIN call_cells AS c ON c.cell = e.cell
GROUP BY ALL
