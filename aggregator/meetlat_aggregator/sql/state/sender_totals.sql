-- The senders' own accounts. Totals only grow, so the greatest of an hour is its last.
SELECT date_trunc('hour', "time") AS hour, source, started, account, reason, total
FROM (
  SELECT "time", source, started, 'emitted' AS account, '' AS reason, emitted AS total
  FROM staged_report
  UNION ALL
  SELECT "time", source, started, 'spooled' AS account, '' AS reason, spooled AS total
  FROM staged_report
  UNION ALL
  SELECT "time", source, started, 'dropped' AS account, entry.key AS reason, entry.value AS total
  FROM (SELECT *, unnest(map_entries(dropped)) AS entry FROM staged_report)
  UNION ALL
  SELECT "time", source, started, 'refused' AS account, entry.key AS reason, entry.value AS total
  FROM (SELECT *, unnest(map_entries(refused)) AS entry FROM staged_report)
)
