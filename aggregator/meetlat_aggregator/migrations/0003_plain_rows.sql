-- Row-level rows say their values plainly. The stamp (time, source, id) of the last event of a row
-- stands once; `older` has the stamps of those fields of which another event spoke last.
CREATE TYPE older_fields AS STRUCT(field VARCHAR, t TIMESTAMP, s VARCHAR, i VARCHAR)[];
CREATE TEMP MACRO stamp_of(x) AS
  CASE WHEN x.t IS NOT NULL THEN {'t': x.t, 's': x.s, 'i': x.i} END;
CREATE TEMP MACRO older_of(names, stamps, main) AS [
  {'field': x[1], 't': x[2].t, 's': x[2].s, 'i': x[2].i}
  FOR x IN list_zip(names, stamps) IF x[2] IS NOT NULL AND x[2] <> main
]::older_fields;
-- Who spoke last of all is not known where that event said no field: its time alone is.
CREATE TEMP MACRO main_of(stamps, moment) AS greatest(
  {'t': moment, 's': '', 'i': ''}, coalesce(list_max(stamps), {'t': moment, 's': '', 'i': ''})
);

CREATE TABLE plain AS
WITH stamped AS (
  SELECT *,
    ['tool', 'feature', 'team', 'segment', 'assisted', 'automated', 'requested', 'started',
      'first_draft', 'finished', 'decided', 'handling', 'rework', 'rework_in_handling', 'revisions',
      'errors', 'error_kinds', 'quality', 'takeover_share', 'template_reused', 'outcome', 'value']
      AS names,
    [stamp_of(tool), stamp_of(feature), stamp_of(team), stamp_of(segment), stamp_of(assisted),
      stamp_of(automated), stamp_of(requested), stamp_of(started), stamp_of(first_draft),
      stamp_of(finished), stamp_of(decided), stamp_of(handling), stamp_of(rework),
      stamp_of(rework_in_handling), stamp_of(revisions), stamp_of(errors), stamp_of(error_kinds),
      stamp_of(quality), stamp_of(takeover_share), stamp_of(template_reused), stamp_of(outcome),
      stamp_of(value)] AS stamps,
    main_of(stamps, last_time) AS main
  FROM tasks
)
SELECT
  use_case, process, step, "case", first_time, main.t AS last_time, main.s AS last_source,
  main.i AS last_id, events,
  tool.v AS tool, feature.v AS feature, team.v AS team, segment.v AS segment,
  assisted.v AS assisted, automated.v AS automated, requested.v AS requested, started.v AS started,
  first_draft.v AS first_draft, finished.v AS finished, decided.v AS decided,
  handling.v AS handling, rework.v AS rework, rework_in_handling.v AS rework_in_handling,
  revisions.v AS revisions, errors.v AS errors, error_kinds.v AS error_kinds,
  quality.v AS quality, takeover_share.v AS takeover_share, template_reused.v AS template_reused,
  outcome.v AS outcome, value.v.amount AS value, value.v.currency AS currency,
  older_of(names, stamps, main) AS older, key_hash, moment
FROM stamped;
DROP TABLE tasks;
ALTER TABLE plain RENAME TO tasks;

CREATE TABLE plain AS
WITH stamped AS (
  SELECT *,
    ['use_case', 'tool', 'feature', 'team', 'segment', 'channel', 'ticket', 'outcome'] AS names,
    [stamp_of(use_case), stamp_of(tool), stamp_of(feature), stamp_of(team), stamp_of(segment),
      stamp_of(channel), stamp_of(ticket), stamp_of(outcome)] AS stamps,
    main_of(stamps, last_time) AS main
  FROM conversations
)
SELECT
  session, first_time, main.t AS last_time, main.s AS last_source, main.i AS last_id,
  turns, escalations, reopened,
  use_case.v AS use_case, tool.v AS tool, feature.v AS feature, team.v AS team,
  segment.v AS segment, channel.v AS channel, ticket.v AS ticket,
  outcome.v.outcome AS outcome, outcome.v."by" AS "by",
  older_of(names, stamps, main) AS older, key_hash
FROM stamped;
DROP TABLE conversations;
ALTER TABLE plain RENAME TO conversations;

CREATE TABLE plain AS
SELECT tool, location, result.t AS last_time, result.s AS last_source, result.i AS last_id,
  result.v.success AS success, result.v.duration AS duration, []::older_fields AS older, key_hash
FROM last_probes;
DROP TABLE last_probes;
ALTER TABLE plain RENAME TO last_probes;

DROP TYPE text_register;
DROP TYPE flag_register;
DROP TYPE time_register;
DROP TYPE whole_register;
DROP TYPE decimal_register;
DROP TYPE money_register;
DROP TYPE counts_register;
DROP TYPE outcome_register;
