-- A use is a session; without one, the event. Cancelled calls are no uses.
SELECT
  said(use_case) AS use_case,
  said(team) AS team,
  "user" AS "user",
  coalesce(session, itself(source, id, "time")) AS use,
  said(feature) AS feature,
  "time" AS first_time,
  1::BIGINT AS events
FROM staged_use
