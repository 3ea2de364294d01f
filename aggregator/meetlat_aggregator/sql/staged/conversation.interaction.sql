SELECT "time", source, id, session, 1 AS turn, 0 AS handed_over, 0 AS was_reopened,
  use_case, tool, feature, team, segment,
  NULL::VARCHAR AS channel, NULL::BOOLEAN AS ticket,
  NULL::STRUCT(outcome VARCHAR, "by" VARCHAR) AS outcome
FROM staged_interaction WHERE session IS NOT NULL
