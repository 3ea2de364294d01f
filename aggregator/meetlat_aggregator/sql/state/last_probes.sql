-- A probe of a tool from a place; the last one stays.
SELECT "time", source, id, tool AS tool, said(location) AS location, success,
  duration_us AS duration
FROM staged_probe
