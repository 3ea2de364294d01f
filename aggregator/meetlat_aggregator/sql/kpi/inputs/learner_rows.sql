-- One row per finished task of a person, of all days: whoever is new is told by who was there before.
-- Empty without an agreement. Times are UTC, days the company's own, handling is in seconds.
SELECT
  coalesce(nullif(t.use_case, ''), pt.use_case, '') AS use_case, t."user" AS "user",
  said(t.segment) AS segment, t."case" AS "case", t.finished AS finished,
  local_day(t.finished) AS day,
  CASE WHEN t.rework_in_handling = false THEN t.handling + coalesce(t.rework, 0)
    ELSE t.handling END / 1e6 AS handling
FROM tasks AS t LEFT JOIN plan_tools AS pt ON t.use_case = '' AND pt.tool = t.tool
WHERE t."user" IS NOT NULL AND t.step = '' AND t.finished IS NOT NULL AND t.handling IS NOT NULL
