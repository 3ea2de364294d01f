SELECT "time", source, id, session,
  0::BIGINT AS turns, 1::BIGINT AS escalations, 0::BIGINT AS reopened,
  use_case, tool, feature, team, segment,
  NULL::VARCHAR AS channel, NULL::BOOLEAN AS ticket, NULL::VARCHAR AS outcome, NULL::VARCHAR AS "by"
FROM staged_escalation WHERE session IS NOT NULL
