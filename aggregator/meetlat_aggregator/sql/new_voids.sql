-- Identities that this batch withdraws for the first time, and where. A double of a withdrawal does
-- no harm; one that came too late has no effect.
CREATE OR REPLACE TEMP TABLE new_voids AS
SELECT v.target_time AS "time", digest_of(v.target_source, v.target_id) AS digest, min(v.seq) AS seq
FROM batch AS b JOIN batch_void AS v ON v.seq = b.seq
WHERE b.error IS NULL
  AND (b.history OR b.append_time - b."time" <= to_microseconds($dedup_window))
  AND NOT EXISTS (
    SELECT 1 FROM voids AS known
    WHERE known."time" = v.target_time AND known.digest = digest_of(v.target_source, v.target_id)
  )
GROUP BY ALL
