SELECT
  p.batches AS batches, p.records AS records,
  coalesce((SELECT sum(counted) FROM health_hourly), 0)::BIGINT AS counted,
  coalesce((SELECT sum(duplicate) FROM health_hourly), 0)::BIGINT AS duplicate,
  coalesce((SELECT sum(late) FROM health_hourly), 0)::BIGINT AS late,
  coalesce((SELECT sum(dead) FROM health_hourly), 0)::BIGINT AS dead,
  coalesce((SELECT sum(void) FROM health_hourly), 0)::BIGINT AS void,
  (SELECT count(*) FROM outbox WHERE NOT sent) AS dead_waiting,
  coalesce((
    SELECT sum(total) FROM (
      SELECT max(total) AS total FROM sender_totals WHERE account = 'dropped'
      GROUP BY source, started, reason
    )
  ), 0)::BIGINT AS dropped,
  coalesce((SELECT sum(bytes) FROM archive_files), 0)::BIGINT AS archive_bytes
FROM progress AS p
