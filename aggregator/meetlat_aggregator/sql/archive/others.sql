-- Counted events of the same keys that still stand.
SELECT a.* FROM archived AS a
WHERE a.verdict = 'counted' AND list_contains($types, a.type) AND ({fields})
  AND NOT EXISTS (
    SELECT 1 FROM voids AS v
    WHERE v."time" = a."time" AND v.digest = archived_digest(a.verdict, a.value)
  )
ORDER BY a.batch, a.seq
