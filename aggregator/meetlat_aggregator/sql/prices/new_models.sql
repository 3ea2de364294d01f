-- Models in the hours that are written and not among the rates at hand.
SELECT DISTINCT provider, model FROM interactions_hourly
WHERE hour BETWEEN TIMESTAMP '{first}' AND TIMESTAMP '{last}'
  AND hour IN (SELECT hour FROM stale WHERE name = 'interactions_hourly')
EXCEPT
SELECT provider, model FROM rates_at_hand
