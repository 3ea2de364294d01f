-- Dead letters wait here until the relay has brought them to their topic.
INSERT INTO outbox
SELECT $batch AS batch, e.seq, e."partition", e."offset", e.append_time, e.error,
  e.value[1:$max_bytes] AS value, octet_length(e.value) > $max_bytes AS cut, false AS sent
FROM events AS e WHERE e.error IS NOT NULL ORDER BY e.seq
