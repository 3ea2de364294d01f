SELECT [tool, location] AS labels, duration / 1e6 AS value
FROM last_probes WHERE duration IS NOT NULL
