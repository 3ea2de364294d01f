SELECT "time", source, id, use_case, team, "user", session, feature
FROM staged_interaction WHERE "user" IS NOT NULL AND status <> 'cancelled'
