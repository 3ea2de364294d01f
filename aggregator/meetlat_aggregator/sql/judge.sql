-- The verdict on each record of the batch (`events`). Order matters: a dead record has no identity;
-- lateness is judged by the log's append time, so that a rebuild judges as the live run did; a
-- double is a double even when its original was withdrawn; a withdrawal itself cannot be withdrawn,
-- and one that comes after its target finds it counted.
CREATE OR REPLACE TEMP TABLE judged AS
WITH identified AS (
  SELECT seq, append_time, type, "time", error,
    CASE WHEN error IS NULL THEN digest_of(source, id) END AS digest,
    NOT history AND append_time - "time" > $dedup_window AS is_late
  FROM events
),
doubles AS (
  SELECT "time", digest, is_late, min(seq) AS first_seq FROM identified
  WHERE digest IS NOT NULL
  GROUP BY "time", digest, is_late HAVING count(*) > 1
)
SELECT
  n.seq AS seq, n.append_time AS append_time, n."time" AS "time", n.digest AS digest,
  CASE
    WHEN n.error IS NOT NULL THEN 'dead'
    WHEN n.is_late THEN 'late'
    WHEN n.seq > d.first_seq OR k.digest IS NOT NULL THEN 'duplicate'
    WHEN (v.digest IS NOT NULL OR w.seq < n.seq)
      AND n.type NOT IN ('meetlat.void.v1', 'meetlat.sdk_report.v1', 'meetlat.collector_report.v1')
      THEN 'void'
    ELSE 'counted'
  END AS verdict
FROM identified AS n
LEFT JOIN doubles AS d ON d."time" = n."time" AND d.digest = n.digest AND d.is_late = n.is_late
LEFT JOIN known_ids AS k ON k."time" = n."time" AND k.digest = n.digest
LEFT JOIN voids AS v ON v."time" = n."time" AND v.digest = n.digest
LEFT JOIN new_voids AS w ON w."time" = n."time" AND w.digest = n.digest
