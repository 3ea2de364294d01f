SELECT [tool, location] AS labels, result.v.duration / 1e6 AS value
FROM last_probes WHERE result.v.duration IS NOT NULL
