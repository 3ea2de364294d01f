-- The last probe of each tool from each place.
SELECT
  tool AS tool,
  said(location) AS location,
  latest("time", source, id, {'success': success, 'duration': duration_us}) AS result
FROM staged_probe
GROUP BY ALL
