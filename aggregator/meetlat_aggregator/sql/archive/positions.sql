-- Where to read on, when only the archive is left.
INSERT INTO positions
SELECT $topic, "partition", max("offset") + 1, arg_max(append_time, "offset")
FROM read_parquet($files) GROUP BY "partition"
