-- What an event says of a process or a step. Without a case the key is the event's own identity.
-- `user` is left out: the plan has to record an agreement before it may be kept.
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
  currency
FROM staged_task
