-- Identities that this batch withdraws for the first time, and where. A double of a withdrawal does
-- no harm; one that came too late has no effect, nor has one of a test: what counts stays.
INSERT INTO new_voids
SELECT v.target_time AS "time", digest_of(v.target_source, v.target_id) AS digest, min(v.seq) AS seq
FROM events AS e JOIN batch_void AS v ON v.seq = e.seq
WHERE e.error IS NULL AND v.environment = 'production'
  AND (e.history OR e.append_time - e."time" <= $dedup_window)
  AND NOT EXISTS (
    SELECT 1 FROM voids AS known
    WHERE known."time" = v.target_time AND known.digest = digest_of(v.target_source, v.target_id)
  )
GROUP BY ALL
