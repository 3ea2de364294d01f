INSERT INTO archive_files
SELECT $file, min(batch), max(batch), count(*), $bytes,
  min("time"), max("time"), min(append_time), max(append_time)
FROM archive_tail
