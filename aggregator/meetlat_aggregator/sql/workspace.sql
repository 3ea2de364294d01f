-- What a batch is worked on in. The tables last as long as the connection and are emptied batch by
-- batch, so that prepared statements over them stay prepared.
CREATE OR REPLACE TEMP TABLE this_batch ("number" BIGINT, dedup_window INTERVAL, sign TINYINT);
-- The envelopes of the batch.
CREATE OR REPLACE TEMP TABLE envelopes (
  seq INTEGER, "partition" INTEGER, "offset" BIGINT, append_time TIMESTAMP, type VARCHAR,
  source VARCHAR, id VARCHAR, "time" TIMESTAMP, history BOOLEAN, error VARCHAR, digest UHUGEINT
);
-- Identities that were counted before, and identities that this batch withdraws.
CREATE OR REPLACE TEMP TABLE known_ids ("time" TIMESTAMP, digest UHUGEINT);
CREATE OR REPLACE TEMP TABLE new_voids ("time" TIMESTAMP, digest UHUGEINT, seq INTEGER);
-- The verdict on each record.
CREATE OR REPLACE TEMP TABLE judged (
  seq INTEGER, append_time TIMESTAMP, type VARCHAR, source VARCHAR, "time" TIMESTAMP,
  digest UHUGEINT, fresh BOOLEAN, verdict VARCHAR, sign TINYINT
);
-- The distinct dimensions of the calls of the batch; a call names its row by `cell`.
CREATE OR REPLACE TEMP TABLE call_cells (
  cell INTEGER, hour TIMESTAMP, fresh BOOLEAN, use_case VARCHAR, tool VARCHAR, feature VARCHAR,
  team VARCHAR, segment VARCHAR, provider VARCHAR, model VARCHAR, operation VARCHAR,
  prompt_version VARCHAR, status VARCHAR, error_type VARCHAR, currency VARCHAR
);
