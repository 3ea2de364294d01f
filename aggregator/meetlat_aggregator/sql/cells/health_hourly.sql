-- What became of every record: by the hour of the event; a dead letter by the hour it was appended.
-- A withdrawn event moves from counted to void.
SELECT
  date_trunc('hour', CASE WHEN verdict = 'dead' THEN append_time ELSE "time" END) AS hour,
  CASE WHEN verdict = 'dead' THEN '' ELSE source END AS source,
  coalesce(sum(CASE WHEN sign > 0 THEN 1 END), 0) AS received,
  times(sign, verdict = 'counted') AS counted,
  times(sign, verdict = 'duplicate') AS duplicate,
  times(sign, verdict = 'late') AS late,
  times(sign, verdict = 'dead') AS dead,
  coalesce(sum(CASE WHEN verdict = 'void' OR sign < 0 THEN 1 END), 0) AS void,
  0 AS unpriced
FROM staged_envelope GROUP BY ALL
