SELECT "time", source, id, coalesce(session, "case") AS session,
  0 AS turn, 0 AS handed_over, (e.outcome = 'reopened')::INTEGER AS was_reopened,
  use_case, tool, feature, team, segment, channel, ticket,
  {'outcome': e.outcome, 'by': e."by"} AS outcome
FROM staged_resolution AS e WHERE coalesce(session, "case") IS NOT NULL
