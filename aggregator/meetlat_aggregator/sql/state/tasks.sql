-- What an event says of a process or a step. Without a case the key is the event's own identity.
-- `user` is kept only while the plan records an agreement.
SELECT
  "time", source, id,
  said(use_case) AS use_case,
  process AS process,
  said(step) AS step,
  coalesce("case", itself(source, id, "time")) AS "case",
  "time" AS first_time,
  1::BIGINT AS events,
  tool, feature, team, segment, assisted, automated,
  requested, started, first_draft, finished, decided,
  microseconds(handling) AS handling,
  microseconds(rework) AS rework,
  rework_in_handling, revisions, errors, error_kinds,
  quality::DECIMAL(21, 9) AS quality,
  takeover_share::DECIMAL(21, 9) AS takeover_share,
  template_reused, outcome,
  value::DECIMAL(21, 9) AS value,
  currency,
  CASE WHEN EXISTS (
    FROM plan_versions
    WHERE in_force AND json_extract_string(plan, '$.privacy.agreement') IS NOT NULL
  ) THEN "user" END AS "user"
FROM staged_task
