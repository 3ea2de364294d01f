SELECT
  p.committed_at AS as_of,
  p.watermark AS watermark,
  (SELECT map_from_entries(list(("partition", next_offset) ORDER BY "partition")) FROM positions
    WHERE topic = $topic) AS offsets,
  p.records AS records,
  $version AS version,
  (SELECT max(version) FROM migrations) AS schema_version,
  getvariable('timezone') AS timezone,
  getvariable('currency') AS currency,
  getvariable('publication') AS publication,
  getvariable('basis') AS basis
FROM progress AS p
