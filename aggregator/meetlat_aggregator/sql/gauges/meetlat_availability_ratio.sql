-- 1 - downtime / covered time, from probes outside maintenance; no probes, no value.
SELECT [p.tool, w.name] AS labels, 1 - sum(p.downtime) / sum(p.covered) AS value
FROM probes_hourly AS p
JOIN (VALUES ('1h', INTERVAL 1 HOUR), ('1d', INTERVAL 1 DAY), ('7d', INTERVAL 7 DAY),
  ('30d', INTERVAL 30 DAY)) AS w(name, span)
  ON p.hour > date_trunc('hour', $now) - w.span AND p.hour <= $now
WHERE p.maintenance = 'false'
GROUP BY ALL HAVING sum(p.covered) > 0
