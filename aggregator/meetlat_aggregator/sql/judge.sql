-- The verdict on each record of the batch. Order matters: a dead record has no identity; lateness
-- is judged by the log's append time, so that a rebuild judges as the live run did; a double is a
-- double even when its original was withdrawn; a withdrawal itself cannot be withdrawn, and one that
-- comes after its target finds it counted.
CREATE OR REPLACE TEMP TABLE judged AS
WITH identified AS (
  SELECT
    * EXCLUDE (value),
    CASE WHEN error IS NULL THEN digest_of(source, id) END AS digest,
    NOT history AND append_time - "time" > to_microseconds($dedup_window) AS is_late
  FROM batch
),
numbered AS (
  SELECT *, row_number() OVER (PARTITION BY "time", digest, is_late ORDER BY seq) AS copy
  FROM identified
)
SELECT
  n.* EXCLUDE (copy, is_late),
  1::TINYINT AS sign,
  NOT n.history AND n.append_time - n."time" <= INTERVAL 1 HOUR AS fresh,
  CASE
    WHEN n.error IS NOT NULL THEN 'dead'
    WHEN n.is_late THEN 'late'
    WHEN n.copy > 1 OR k.digest IS NOT NULL THEN 'duplicate'
    WHEN (v.digest IS NOT NULL OR w.seq < n.seq)
      AND n.type NOT IN ('meetlat.void.v1', 'meetlat.sdk_report.v1', 'meetlat.collector_report.v1')
      THEN 'void'
    ELSE 'counted'
  END AS verdict
FROM numbered AS n
LEFT JOIN known_ids AS k ON k."time" = n."time" AND k.digest = n.digest
LEFT JOIN voids AS v ON v."time" = n."time" AND v.digest = n.digest
LEFT JOIN new_voids AS w ON w."time" = n."time" AND w.digest = n.digest
