-- The spine: positions and identities, cells, row-level state, archive, outbox, live series.
-- No PRIMARY KEY and no index: merges find their rows by zone maps and hash joins.
-- Times are TIMESTAMP in UTC, microseconds. An absent dimension is '', never NULL.

-- Where the log was read up to. Stored in the same transaction as the results.
CREATE TABLE positions (topic VARCHAR, "partition" INTEGER, next_offset BIGINT, append_time TIMESTAMP);
CREATE TABLE log_identity (topic VARCHAR, identity VARCHAR);
CREATE TABLE progress (
  batches BIGINT, records BIGINT, watermark TIMESTAMP, seen_from TIMESTAMP, poison VARCHAR,
  committed_at TIMESTAMP
);
INSERT INTO progress VALUES (0, 0, NULL, NULL, '', NULL);
-- Bad records below these offsets were accepted by a person and do not count as poison.
CREATE TABLE accepted_poison ("partition" INTEGER, until_offset BIGINT);

-- Identities counted in the last days: time, and 128 bits of MD5 over source and id.
CREATE TABLE seen ("time" TIMESTAMP, digest UHUGEINT, append_time TIMESTAMP);
-- Identities that were withdrawn; kept for good.
CREATE TABLE voids ("time" TIMESTAMP, digest UHUGEINT);
CREATE TABLE late (
  "time" TIMESTAMP, append_time TIMESTAMP, type VARCHAR, source VARCHAR, id VARCHAR,
  "partition" INTEGER, "offset" BIGINT
);

-- Raw records. The tail waits here until there is enough for a file.
CREATE TABLE archive_files (
  file VARCHAR, first_batch BIGINT, last_batch BIGINT, records BIGINT, bytes BIGINT,
  min_time TIMESTAMP, max_time TIMESTAMP, min_append_time TIMESTAMP, max_append_time TIMESTAMP
);
CREATE TABLE archive_tail (
  batch BIGINT, seq INTEGER, "partition" INTEGER, "offset" BIGINT, append_time TIMESTAMP,
  "time" TIMESTAMP, type VARCHAR, verdict VARCHAR, value BLOB
);
CREATE TABLE outbox (
  batch BIGINT, seq INTEGER, "partition" INTEGER, "offset" BIGINT, append_time TIMESTAMP,
  error VARCHAR, value BLOB, cut BOOLEAN, sent BOOLEAN
);

-- Cells.
CREATE TABLE interactions_hourly (
  hour TIMESTAMP, use_case VARCHAR, tool VARCHAR, feature VARCHAR, team VARCHAR, segment VARCHAR,
  provider VARCHAR, model VARCHAR, operation VARCHAR, prompt_version VARCHAR, status VARCHAR,
  error_type VARCHAR, currency VARCHAR,
  requests BIGINT, on_time BIGINT,
  duration_sum HUGEINT, duration_count BIGINT, duration_squares HUGEINT,
  first_token_sum HUGEINT, first_token_count BIGINT, first_token_squares HUGEINT,
  input_tokens HUGEINT, cache_read_tokens HUGEINT, cache_write_tokens HUGEINT,
  output_tokens HUGEINT, reasoning_tokens HUGEINT, tokens_squares HUGEINT, usage_requests BIGINT,
  cost DECIMAL(38, 9), cost_squares DECIMAL(38, 18),
  priced_requests BIGINT, unpriced_requests BIGINT,
  output_pages HUGEINT, output_pages_count BIGINT
);
CREATE TABLE duration_histogram (
  hour TIMESTAMP, use_case VARCHAR, tool VARCHAR, feature VARCHAR, team VARCHAR, segment VARCHAR,
  model VARCHAR, operation VARCHAR, prompt_version VARCHAR, status VARCHAR,
  measure VARCHAR, bucket INTEGER, count BIGINT
);
CREATE TABLE escalations_hourly (
  hour TIMESTAMP, use_case VARCHAR, tool VARCHAR, feature VARCHAR, team VARCHAR, segment VARCHAR,
  reason VARCHAR, "to" VARCHAR, escalations BIGINT
);
CREATE TABLE usage_hourly (
  hour TIMESTAMP, use_case VARCHAR, tool VARCHAR, feature VARCHAR, team VARCHAR, segment VARCHAR,
  action VARCHAR, template VARCHAR, events BIGINT, uses HUGEINT
);
CREATE TABLE feedback_hourly (
  hour TIMESTAMP, use_case VARCHAR, tool VARCHAR, feature VARCHAR, team VARCHAR, segment VARCHAR,
  kind VARCHAR, "by" VARCHAR, assisted VARCHAR, question VARCHAR,
  scale_min DECIMAL(18, 6), scale_max DECIMAL(18, 6),
  events BIGINT, asked BIGINT, scores BIGINT, positives BIGINT,
  score_sum DECIMAL(38, 6), score_squares DECIMAL(38, 12)
);
CREATE TABLE reviews_hourly (
  hour TIMESTAMP, use_case VARCHAR, tool VARCHAR, feature VARCHAR, team VARCHAR, segment VARCHAR,
  prompt_version VARCHAR, sampled VARCHAR, sampling_rate DECIMAL(18, 9), stratum VARCHAR,
  reviews BIGINT,
  correct BIGINT, correct_count BIGINT,
  language_correct BIGINT, language_count BIGINT,
  first_time_right BIGINT, first_time_right_count BIGINT,
  rework_sum HUGEINT, rework_count BIGINT, rework_squares HUGEINT,
  correctness_sum DECIMAL(38, 6), correctness_count BIGINT, correctness_squares DECIMAL(38, 12),
  quality_sum DECIMAL(38, 6), quality_count BIGINT, quality_squares DECIMAL(38, 12),
  completeness_sum DECIMAL(38, 6), completeness_count BIGINT, completeness_squares DECIMAL(38, 12),
  customer_focus_sum DECIMAL(38, 6), customer_focus_count BIGINT,
  customer_focus_squares DECIMAL(38, 12)
);
CREATE TABLE probes_hourly (
  hour TIMESTAMP, use_case VARCHAR, tool VARCHAR, "check" VARCHAR, location VARCHAR,
  maintenance VARCHAR, error_type VARCHAR,
  probes BIGINT, successes BIGINT, failures BIGINT,
  covered HUGEINT, downtime HUGEINT, interval_count BIGINT,
  duration_sum HUGEINT, duration_count BIGINT, duration_squares HUGEINT
);
CREATE TABLE measurements_hourly (
  hour TIMESTAMP, use_case VARCHAR, tool VARCHAR, team VARCHAR, segment VARCHAR,
  name VARCHAR, unit VARCHAR, period VARCHAR,
  count BIGINT, value_sum DECIMAL(38, 9), value_squares DECIMAL(38, 8)
);
CREATE TABLE selection_counts_hourly (
  hour TIMESTAMP, use_case VARCHAR, tool VARCHAR, team VARCHAR, segment VARCHAR,
  dimension VARCHAR, stage VARCHAR, assisted VARCHAR, period VARCHAR, "group" VARCHAR,
  events BIGINT, count HUGEINT
);
CREATE TABLE support_hourly (
  hour TIMESTAMP, use_case VARCHAR, tool VARCHAR, feature VARCHAR, team VARCHAR, segment VARCHAR,
  topic VARCHAR, requests BIGINT
);
CREATE TABLE health_hourly (
  hour TIMESTAMP, source VARCHAR, received BIGINT, counted BIGINT, duplicate BIGINT, late BIGINT,
  dead BIGINT, void BIGINT, unpriced BIGINT
);

-- Row-level state, private. {t, s, i, v} is a register: the value v with the greatest
-- (time, source, id) stays, so that the order of arrival does not matter.
CREATE TYPE text_register AS STRUCT(t TIMESTAMP, s VARCHAR, i VARCHAR, v VARCHAR);
CREATE TYPE flag_register AS STRUCT(t TIMESTAMP, s VARCHAR, i VARCHAR, v BOOLEAN);
CREATE TYPE time_register AS STRUCT(t TIMESTAMP, s VARCHAR, i VARCHAR, v TIMESTAMP);
CREATE TYPE whole_register AS STRUCT(t TIMESTAMP, s VARCHAR, i VARCHAR, v BIGINT);
CREATE TYPE decimal_register AS STRUCT(t TIMESTAMP, s VARCHAR, i VARCHAR, v DECIMAL(21, 9));
CREATE TYPE money_register AS STRUCT(
  t TIMESTAMP, s VARCHAR, i VARCHAR, v STRUCT(amount DECIMAL(21, 9), currency VARCHAR)
);
CREATE TYPE counts_register AS STRUCT(
  t TIMESTAMP, s VARCHAR, i VARCHAR, v MAP(VARCHAR, BIGINT)
);
CREATE TYPE outcome_register AS STRUCT(
  t TIMESTAMP, s VARCHAR, i VARCHAR, v STRUCT(outcome VARCHAR, "by" VARCHAR)
);

CREATE TABLE tasks (
  use_case VARCHAR, process VARCHAR, step VARCHAR, "case" VARCHAR,
  first_time TIMESTAMP, last_time TIMESTAMP, events BIGINT,
  tool text_register, feature text_register, team text_register, segment text_register,
  assisted flag_register, automated flag_register,
  requested time_register, started time_register, first_draft time_register,
  finished time_register, decided time_register,
  handling whole_register, rework whole_register, rework_in_handling flag_register,
  revisions whole_register, errors whole_register, error_kinds counts_register,
  quality decimal_register, takeover_share decimal_register, template_reused flag_register,
  outcome text_register, value money_register
);
CREATE TABLE conversations (
  session VARCHAR,
  first_time TIMESTAMP, last_time TIMESTAMP,
  turns BIGINT, escalations BIGINT, reopened BIGINT,
  use_case text_register, tool text_register, feature text_register, team text_register,
  segment text_register, channel text_register,
  ticket flag_register, outcome outcome_register
);
-- One row per use: a session, or an event without one.
CREATE TABLE uses (
  use_case VARCHAR, team VARCHAR, "user" VARCHAR, use VARCHAR, feature VARCHAR,
  first_time TIMESTAMP, events BIGINT
);
-- The senders' own accounts: totals that only grow since `started`.
CREATE TABLE sender_totals (
  hour TIMESTAMP, source VARCHAR, started TIMESTAMP, account VARCHAR, reason VARCHAR, total BIGINT
);
-- The last probe of a tool from a place.
CREATE TABLE last_probes (tool VARCHAR, location VARCHAR, result STRUCT(
  t TIMESTAMP, s VARCHAR, i VARCHAR, v STRUCT(success BOOLEAN, duration BIGINT)
));

-- What /metrics shows and a restart must neither lose nor double.
CREATE TABLE live_series (metric VARCHAR, labels VARCHAR, bucket INTEGER, value DECIMAL(38, 9));
CREATE TABLE live_labels (label VARCHAR, value VARCHAR);
