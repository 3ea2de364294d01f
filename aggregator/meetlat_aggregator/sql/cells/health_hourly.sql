-- What became of every record: by the hour of the event; a dead letter by the hour it was appended.
-- A withdrawn event moves from counted to void.
SELECT
  date_trunc('hour', CASE WHEN j.verdict = 'dead' THEN j.append_time ELSE j."time" END) AS hour,
  CASE WHEN j.verdict = 'dead' THEN '' ELSE j.source END AS source,
  coalesce(sum(CASE WHEN sign > 0 THEN 1 END), 0) AS received,
  times(sign, j.verdict = 'counted') AS counted,
  times(sign, j.verdict = 'duplicate') AS duplicate,
  times(sign, j.verdict = 'late') AS late,
  times(sign, j.verdict = 'dead') AS dead,
  coalesce(sum(CASE WHEN j.verdict = 'void' OR sign < 0 THEN 1 END), 0) AS void,
  times(sign, u.seq IS NOT NULL) AS unpriced
FROM judged AS j
LEFT JOIN staged_unpriced AS u ON u.seq = j.seq
GROUP BY ALL
