-- Counted events among the new withdrawals. Withdrawals and senders' accounts stay as they are.
SELECT a.* FROM archived AS a
JOIN new_voids AS v ON v."time" = a."time"
  AND v.digest = archived_digest(a.verdict, a.value)
WHERE a.verdict = 'counted' AND a."time" BETWEEN $first AND $last
  AND a.type NOT IN ('meetlat.void.v1', 'meetlat.sdk_report.v1', 'meetlat.collector_report.v1')
ORDER BY a.batch, a.seq
