-- A commit stores what was read; folding brings it into the cells and the row-level state, some
-- batches at a time. What was committed and not folded is in the archive.
ALTER TABLE progress ADD COLUMN folded BIGINT DEFAULT 0;
UPDATE progress SET folded = batches;

-- Row-level rows are found by 64 bits of MD5 over their key: to look through millions of integers
-- takes a tenth of the time that texts take. Made anew: an update would hold all rows in memory.
CREATE TABLE hashed AS
SELECT *, md5_number_lower(concat_ws(chr(0), use_case, process, step, "case")) AS key_hash,
  coalesce(finished.v, last_time) AS moment
FROM tasks;
DROP TABLE tasks;
ALTER TABLE hashed RENAME TO tasks;
CREATE TABLE hashed AS
SELECT *, md5_number_lower(concat_ws(chr(0), session)) AS key_hash FROM conversations;
DROP TABLE conversations;
ALTER TABLE hashed RENAME TO conversations;
CREATE TABLE hashed AS
SELECT *, md5_number_lower(concat_ws(chr(0), use_case, team, "user", use, feature)) AS key_hash FROM uses;
DROP TABLE uses;
ALTER TABLE hashed RENAME TO uses;
CREATE TABLE hashed AS
SELECT *, md5_number_lower(concat_ws(chr(0), hour, source, started, account, reason)) AS key_hash FROM sender_totals;
DROP TABLE sender_totals;
ALTER TABLE hashed RENAME TO sender_totals;
CREATE TABLE hashed AS
SELECT *, md5_number_lower(concat_ws(chr(0), tool, location)) AS key_hash FROM last_probes;
DROP TABLE last_probes;
ALTER TABLE hashed RENAME TO last_probes;

-- Which parts of the published tables are no longer true: hours of a live table, and the batch that
-- changed them. What was published last, and how teams were shown in it.
CREATE TABLE touched (name VARCHAR, hour TIMESTAMP, batch BIGINT);
CREATE TABLE publication (
  token VARCHAR, next_token VARCHAR, batch BIGINT, watermark TIMESTAMP, how VARCHAR
);
CREATE TABLE team_shown (week DATE, team VARCHAR, shown VARCHAR);
