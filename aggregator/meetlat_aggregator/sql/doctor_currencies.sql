-- Costs of calls and amounts that were measured, in another currency than the company's, per day.
SELECT currency, day, sum(amounts)::BIGINT AS amounts FROM (
  SELECT currency, local_day(hour) AS day, sum(priced_requests) AS amounts
  FROM interactions_hourly WHERE currency NOT IN ('', $own) GROUP BY ALL
  UNION ALL
  -- The unit of money is the code of its currency; no other unit looks like one.
  SELECT unit, day, sum(count) FROM measurements_daily
  WHERE unit <> $own AND regexp_full_match(unit, '[A-Z]{3}') GROUP BY ALL
) WHERE amounts > 0 GROUP BY currency, day ORDER BY currency, day
