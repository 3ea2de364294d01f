-- The rows of a KPI that needs each of them, with the columns that it does not give.
SELECT CAST(day AS DATE) AS day, coalesce(use_case, '') AS use_case, coalesce(team, '') AS team,
  coalesce(segment, '') AS segment, coalesce(part, '') AS part, coalesce(assisted, '') AS assisted,
  value, ended
FROM (
  SELECT DATE '1970-01-01' AS day, '' AS use_case, '' AS team, '' AS segment, '' AS part,
    '' AS assisted, 0.0::DOUBLE AS value, false AS ended WHERE false
  UNION ALL BY NAME
  SELECT * FROM ({query})
)
WHERE value IS NOT NULL AND day IS NOT NULL AND coalesce(use_case, '') IN ({use_cases})
