-- The batch's records with their verdicts, in the order they were read.
INSERT INTO archive_tail
SELECT
  $batch AS batch, b.seq, b."partition", b."offset", b.append_time, b."time", b.type, j.verdict,
  b.value
FROM batch AS b JOIN judged AS j ON j.seq = b.seq
ORDER BY b.seq
