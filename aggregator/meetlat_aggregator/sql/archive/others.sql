-- Counted events of the same keys that still stand.
SELECT a.* FROM archived AS a
WHERE a.verdict = 'counted' AND list_contains($types, a.type) AND ({fields})
  AND NOT EXISTS (
    SELECT 1 FROM voids AS v WHERE v."time" = a."time"
      AND v.digest = digest_of(decode(a.value)->>'$.source', decode(a.value)->>'$.id')
  )
ORDER BY a.batch, a.seq
