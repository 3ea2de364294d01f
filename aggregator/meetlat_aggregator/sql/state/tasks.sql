-- The state of a process or a step. Without a case the key is the event's own identity.
-- `user` is left out: the plan has to record an agreement before it may be kept.
SELECT
  said(use_case) AS use_case,
  process AS process,
  said(step) AS step,
  coalesce("case", itself(source, id, "time")) AS "case",
  min("time") AS first_time,
  max("time") AS last_time,
  count(*) AS events,
  latest("time", source, id, tool) AS tool,
  latest("time", source, id, feature) AS feature,
  latest("time", source, id, team) AS team,
  latest("time", source, id, segment) AS segment,
  latest("time", source, id, assisted) AS assisted,
  latest("time", source, id, automated) AS automated,
  latest("time", source, id, requested) AS requested,
  latest("time", source, id, started) AS started,
  latest("time", source, id, first_draft) AS first_draft,
  latest("time", source, id, finished) AS finished,
  latest("time", source, id, decided) AS decided,
  latest("time", source, id, microseconds(handling)) AS handling,
  latest("time", source, id, microseconds(rework)) AS rework,
  latest("time", source, id, rework_in_handling) AS rework_in_handling,
  latest("time", source, id, revisions) AS revisions,
  latest("time", source, id, errors) AS errors,
  latest("time", source, id, error_kinds) AS error_kinds,
  latest("time", source, id, quality::DECIMAL(21, 9)) AS quality,
  latest("time", source, id, takeover_share::DECIMAL(21, 9)) AS takeover_share,
  latest("time", source, id, template_reused) AS template_reused,
  latest("time", source, id, outcome) AS outcome,
  latest("time", source, id, CASE WHEN value IS NOT NULL
    THEN {'amount': value::DECIMAL(21, 9), 'currency': currency} END) AS value
FROM staged_task
GROUP BY ALL
