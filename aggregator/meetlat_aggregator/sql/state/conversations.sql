-- A conversation, from every event that names its session (a resolution may name a case instead).
SELECT
  session AS session,
  min("time") AS first_time,
  max("time") AS last_time,
  coalesce(sum(turn), 0) AS turns,
  coalesce(sum(handed_over), 0) AS escalations,
  coalesce(sum(was_reopened), 0) AS reopened,
  latest("time", source, id, use_case) AS use_case,
  latest("time", source, id, tool) AS tool,
  latest("time", source, id, feature) AS feature,
  latest("time", source, id, team) AS team,
  latest("time", source, id, segment) AS segment,
  latest("time", source, id, channel) AS channel,
  latest("time", source, id, ticket) AS ticket,
  latest("time", source, id, outcome) AS outcome
FROM staged_conversation
GROUP BY ALL
