SELECT "time", source, id, use_case, team, "user", session, feature
FROM staged_usage WHERE "user" IS NOT NULL
