-- Archived events that were counted, to be merged with a sign.
CREATE OR REPLACE TEMP TABLE judged AS
SELECT * EXCLUDE (value), digest_of(source, id) AS digest, $sign::TINYINT AS sign,
  false AS fresh, 'counted' AS verdict
FROM batch
