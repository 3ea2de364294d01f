-- A file that is there, on the list of a rebuilt database.
INSERT INTO archive_files
SELECT $file, min(batch), max(batch), $records, $bytes,
  min("time"), max("time"), min(append_time), max(append_time)
FROM read_parquet($path)
