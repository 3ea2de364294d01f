-- Dead letters wait here until the relay has brought them to their topic.
INSERT INTO outbox
SELECT $batch AS batch, b.seq, b."partition", b."offset", b.append_time, b.error,
  b.value[1:$max_bytes] AS value, octet_length(b.value) > $max_bytes AS cut, false AS sent
FROM batch AS b WHERE b.error IS NOT NULL ORDER BY b.seq
