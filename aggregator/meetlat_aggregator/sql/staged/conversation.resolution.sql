SELECT "time", source, id, coalesce(session, "case") AS session,
  0::BIGINT AS turns, 0::BIGINT AS escalations, (outcome = 'reopened')::BIGINT AS reopened,
  use_case, tool, feature, team, segment, channel, ticket, outcome, "by"
FROM staged_resolution WHERE coalesce(session, "case") IS NOT NULL
