-- What an event says of its conversation (a resolution may name a case instead of a session).
SELECT "time", source, id, session, "time" AS first_time, turns, escalations, reopened,
  use_case, tool, feature, team, segment, channel, ticket, outcome, "by"
FROM staged_conversation
